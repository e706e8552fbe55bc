/**
 * Names of a guest's addresses: from an ELF file's symbol table, a System.map as the kernel's build writes it (nm's format), or the text of
 * /proc/kallsyms.
 */
import { CalqueError } from "./error.ts";
import { isElf } from "./loaders/elf.ts";
import { readElfSymbols } from "./loaders/elf-symbols.ts";
import type { NamedBytes } from "./loaders/image.ts";

export interface GuestSymbol {
  readonly name: string;
  /** Linear. */
  readonly address: number;
  /** Bytes; 0 where it is not known. */
  readonly size: number;
  /** It names a place in memory; otherwise an absolute value, which addresses are not called by. */
  readonly place: boolean;
  /** Of several names of one address the one with the highest is used. */
  readonly rank: number;
  /** Where its section ends, at the latest. */
  readonly end?: number;
}

/** An address by its symbol. */
export interface Named { readonly name: string; readonly offset: number }

/** A symbol of unknown size reaches up to the next one, but not further than this. */
const LONGEST_REACH = 1 << 20;

export class SymbolTable {
  readonly #byName = new Map<string, GuestSymbol>();
  /** Places, one an address, ascending. */
  readonly #places: readonly GuestSymbol[];
  readonly #addresses: Uint32Array;

  constructor(symbols: Iterable<GuestSymbol>) {
    const best = new Map<number, GuestSymbol>();
    for (const symbol of symbols) {
      const known = this.#byName.get(symbol.name);
      if (known === undefined || known.rank < symbol.rank) this.#byName.set(symbol.name, symbol);
      const rival = best.get(symbol.address);
      if (symbol.place && (rival === undefined || rival.rank < symbol.rank)) best.set(symbol.address, symbol);
    }
    this.#places = [...best.values()].sort((a, b) => a.address - b.address);
    this.#addresses = Uint32Array.from(this.#places, ({ address }) => address);
  }

  /** How many names there are. */
  get size(): number { return this.#byName.size; }

  /** The address of a name; undefined where it is not known. Where several symbols share it, that of the first global one. */
  addressOf(name: string): number | undefined { return this.#byName.get(name)?.address; }

  /** The addresses [from, to) of what a name names: its size, or up to the next symbol. */
  rangeOf(name: string): readonly [from: number, to: number] | undefined {
    const symbol = this.#byName.get(name);
    return symbol === undefined ? undefined : [symbol.address, this.#endOf(symbol, this.#lastAt(symbol.address))];
  }

  /** The symbol that an address lies in, and how far behind its beginning; undefined where none is near. */
  at(address: number): Named | undefined {
    const linear = address >>> 0, index = this.#lastAt(linear), symbol = this.#places[index];
    return symbol === undefined || linear >= this.#endOf(symbol, index) ? undefined : { name: symbol.name, offset: linear - symbol.address };
  }

  /** "main+0x1f", or undefined. */
  describe(address: number): string | undefined {
    const named = this.at(address);
    return named === undefined || named.offset === 0 ? named?.name : `${named.name}+0x${named.offset.toString(16)}`;
  }

  #endOf({ address, size, end }: GuestSymbol, index: number): number {
    if (size > 0) return address + size;
    return Math.min(this.#places[index + 1]?.address ?? Infinity, end ?? Infinity, address + LONGEST_REACH);
  }

  /** The index of the last place at or before an address, or -1. */
  #lastAt(address: number): number {
    let low = 0, high = this.#addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#addresses[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** An address, nm's letter (a: absolute, u, v and w: may be undefined), a name, and the module of kallsyms. */
const LINE = /^([0-9a-fA-F]{8}|[0-9a-fA-F]{16}) ([A-Za-z?-]) (\S+)(?:[ \t]+(\[\S+\]))?\s*$/;
const UNDEFINED_LINE = /^\s+[UvVwW] \S+\s*$/;

function parseLine(line: string, number: number, where: string): GuestSymbol | undefined {
  if (line.trim() === "" || UNDEFINED_LINE.test(line)) return undefined;
  const [, digits, letter, name, module] = LINE.exec(line) ?? [];
  if (digits === undefined || letter === undefined || name === undefined) {
    throw new CalqueError(`line ${number} is not "ADDRESS TYPE NAME", as in "c1000000 T _text": ${JSON.stringify(line.slice(0, 40))}`, where);
  }
  const address = Number.parseInt(digits, 16);
  if (address > 0xffffffff) throw new CalqueError(`line ${number}: ${digits} is an address of a 64-bit kernel`, where);
  const absolute = letter === "A" || letter === "a", code = letter === "T" || letter === "t", global = letter !== letter.toLowerCase();
  return { name: module === undefined ? name : `${name} ${module}`, address, size: 0, place: !absolute, rank: (code ? 4 : 0) + (global ? 1 : 0) };
}

function parseMap(text: string, where: string): GuestSymbol[] {
  const symbols = text.split("\n").flatMap((line, k) => parseLine(line.replace(/\r$/, ""), k + 1, where) ?? []);
  if (symbols.length > 1 && symbols.every(({ address }) => address === 0)) throw new CalqueError("all addresses are 0: /proc/kallsyms shows them to root only", where);
  return symbols;
}

function symbolsOf(file: NamedBytes): GuestSymbol[] {
  if (!isElf(file.bytes) && file.bytes.includes(0)) throw new CalqueError("neither an ELF file nor text", file.name);
  const symbols = isElf(file.bytes) ? readElfSymbols(file) : parseMap(new TextDecoder().decode(file.bytes), file.name);
  if (symbols.length === 0) throw new CalqueError(isElf(file.bytes) ? "no symbols: the file is stripped" : "no symbols in it", file.name);
  return symbols;
}

/**
 * The symbols of all files together; of equals, the first file's. Recognises an ELF file, else reads lines of text. Throws `CalqueError` for what is
 * neither, and where there is no symbol in it.
 */
export function readSymbols(...files: readonly NamedBytes[]): SymbolTable { return new SymbolTable(files.flatMap(symbolsOf)); }

/** The symbols that a kernel carries itself; an empty table where it has none. */
export function ownSymbols(kernel: NamedBytes): SymbolTable {
  return new SymbolTable(isElf(kernel.bytes) ? readElfSymbols(kernel) : []);
}
