/** The symbols that a command uses. */
import { ownSymbols, readSymbols, type SymbolTable } from "../symbols.ts";
import { CalqueError } from "../error.ts";
import type { NamedBytes } from "../loaders/image.ts";
import { readImage } from "./files.ts";
import type { Settings } from "./options.ts";

/** Those of every --symbols together, or else the kernel's own. Throws `CalqueError`. */
export function symbolsFor(settings: Pick<Settings, "symbols">, kernel: NamedBytes): SymbolTable {
  return settings.symbols.length === 0 ? ownSymbols(kernel) : readSymbols(...settings.symbols.map(readImage));
}

const unknown = (name: string, symbols: SymbolTable): string => /^[0-9]/.test(name) ? `${JSON.stringify(name)} is no address; one is written as 0x1f0`
  : symbols.size === 0 ? `no symbol ${JSON.stringify(name)}: there are no symbols; --symbols FILE gives some`
  : `no symbol ${JSON.stringify(name)} among ${symbols.size}`;

/** The address that "0x1234" or a symbol's name means. Throws `CalqueError`, with `where` as the option at fault. */
export function parseAddress(text: string, symbols: SymbolTable, where: string): number {
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) return Number(text);
  const address = symbols.addressOf(text);
  if (address === undefined) throw new CalqueError(/^0x/i.test(text) ? `${JSON.stringify(text)} is no address of 32 bits` : unknown(text, symbols), where);
  return address;
}

/** The addresses [from, to) that "A-B" or a symbol means. Throws `CalqueError`. */
export function parseRange(text: string, symbols: SymbolTable, where: string): readonly [from: number, to: number] {
  const extent = symbols.rangeOf(text);
  if (extent !== undefined) return extent;
  const [first, last, ...more] = text.split("-");
  if (first === undefined || last === undefined || more.length > 0) {
    if (/^0x/i.test(text)) throw new CalqueError(`${JSON.stringify(text)} is one address; a range is A-B`, where);
    throw new CalqueError(unknown(text, symbols), where);
  }
  const from = parseAddress(first, symbols, where), to = parseAddress(last, symbols, where);
  if (to <= from) throw new CalqueError(`nothing lies between ${first} and ${last}`, where);
  return [from, to];
}
