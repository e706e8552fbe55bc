/**
 * How a sampling profiler knows a region: by the line and the column at which its function begins. A name for the script (`//# sourceURL`) does not
 * do: V8 forgets it now and then when a function is optimised.
 */

/** Line of the first character behind the head that `new Function` adds, from 0; and where the margin's first line begins. */
const FIRST_LINE = 3, LINES = 256;

/** The text that returns a region: its own source, behind blank space that no other region has. */
export function sampledText(source: string, number: number): string {
  return `"use strict"; return (${"\n".repeat(1 + number % LINES)}${" ".repeat(Math.floor(number / LINES))}${source});`;
}

/** The number of the region whose function V8 places at a line and a column, from 0; a function begins behind its name. */
export function sampledNumber(name: string, line: number, column: number): number {
  return line - FIRST_LINE + LINES * (column - `function ${name}`.length);
}
