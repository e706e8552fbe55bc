/**
 * A recorded session as text: a header line, then one JSON object a line. `{"time": ns, "bytes": "hex"}` is input that was
 * queued at a guest time, `{"time": ns, "end": true}` is where the user left.
 */
import { CalqueError } from "./error.ts";
import type { InputEvent } from "./input.ts";

export interface Recording {
  /** What the machine's clock showed at power-on, in ms since 1970 UTC. */
  readonly rtc: number;
  readonly events: readonly InputEvent[];
  /** Guest time at which the session was left, where it did not end by itself. */
  readonly end: number | undefined;
}

const FORMAT = "calque-input";
const VERSION = 1;

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

export const recordingHeader = (rtc: number): string => `${JSON.stringify({ format: FORMAT, version: VERSION, rtc: new Date(rtc).toISOString() })}\n`;
export const recordedEvent = (event: InputEvent): string => `${JSON.stringify({ time: event.time, bytes: toHex(event.bytes) })}\n`;
export const recordedEnd = (time: number): string => `${JSON.stringify({ time, end: true })}\n`;

function parseLine(line: string, number: number, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch { /* answered below */ }
  throw new CalqueError(`line ${number} is not a JSON object`, where);
}

/** Throws `CalqueError` for what is no recording; a last line that was cut off is left out. */
export function parseRecording(text: string, where: string): Recording {
  const lines = text.split("\n");
  if (lines.at(-1) !== "") lines[lines.length - 1] = "";
  const header = parseLine(lines[0] ?? "", 1, where);
  const rtc = typeof header["rtc"] === "string" ? Date.parse(header["rtc"]) : NaN;
  if (header["format"] !== FORMAT || header["version"] !== VERSION || Number.isNaN(rtc)) throw new CalqueError(`not a recording of version ${VERSION}`, where);
  const events: InputEvent[] = [];
  let end: number | undefined;
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line === "") continue;
    const { time, bytes, end: last } = parseLine(line, index + 1, where);
    if (typeof time !== "number" || !Number.isSafeInteger(time) || time < 0) throw new CalqueError(`line ${index + 1} has no time`, where);
    if (last === true) end = time;
    else if (typeof bytes === "string" && /^([0-9a-f]{2})+$/.test(bytes)) events.push({ time, bytes: fromHex(bytes) });
    else throw new CalqueError(`line ${index + 1} has neither bytes nor an end`, where);
  }
  return { rtc, events, end };
}
