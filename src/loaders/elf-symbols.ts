/** The symbol table of an ELF file (System V ABI, chapter 4, "Symbol Table"). */
import { CalqueError } from "../error.ts";
import type { GuestSymbol } from "../symbols.ts";
import { openElf } from "./elf.ts";
import { hex, type Fields, type NamedBytes } from "./image.ts";

const SHT_SYMTAB = 2, SHN_UNDEF = 0, SHN_ABS = 0xfff1;
const STT_OBJECT = 1, STT_FUNC = 2, STT_SECTION = 3, STT_FILE = 4, STB_LOCAL = 0;
const HEADER = 40, ENTRY = 16;

interface Section { readonly type: number; readonly address: number; readonly offset: number; readonly size: number; readonly link: number }

function sectionsOf(fields: Fields, name: string): Section[] {
  const table = fields.u32(32), size = fields.u16(46), count = fields.u16(48);
  if (table !== 0 && count > 0 && size < HEADER) throw new CalqueError(`section headers of ${size} bytes, not ${HEADER}`, name);
  return table === 0 ? [] : Array.from({ length: count }, (_, k) => {
    const header = table + k * size;
    return { type: fields.u32(header + 4), address: fields.u32(header + 12), offset: fields.u32(header + 16), size: fields.u32(header + 20), link: fields.u32(header + 24) };
  });
}

function zeroTerminated(strings: Uint8Array, offset: number): string {
  const end = strings.indexOf(0, offset);
  return new TextDecoder().decode(strings.subarray(offset, end < 0 ? strings.length : end));
}

function rankOf(type: number, binding: number): number {
  const byType = type === STT_FUNC ? 4 : type === STT_OBJECT ? 2 : 0;
  return byType + (binding === STB_LOCAL ? 0 : 1);
}

/** All defined names of `.symtab`; none where the file is stripped. Throws `CalqueError` for what is no 386 ELF file or is damaged. */
export function readElfSymbols(image: NamedBytes): GuestSymbol[] {
  const fields = openElf(image), sections = sectionsOf(fields, image.name);
  return sections.filter(({ type }) => type === SHT_SYMTAB).flatMap((table) => {
    const names = sections[table.link];
    if (names === undefined) throw new CalqueError(`the symbol table at ${hex(table.offset)} has no string table`, image.name);
    const strings = fields.slice(names.offset, names.size);
    fields.slice(table.offset, table.size);
    const symbols: GuestSymbol[] = [];
    for (let at = table.offset; at + ENTRY <= table.offset + table.size; at += ENTRY) {
      const section = fields.u16(at + 14), info = fields.u8(at + 12), type = info & 15;
      const name = zeroTerminated(strings, fields.u32(at));
      if (section === SHN_UNDEF || type === STT_SECTION || type === STT_FILE || name === "") continue;
      const address = fields.u32(at + 4), size = fields.u32(at + 8), home = section === SHN_ABS ? undefined : sections[section];
      const end = home === undefined ? undefined : home.address + home.size;
      symbols.push({ name, address, size, place: home !== undefined, rank: rankOf(type, info >>> 4), ...(end === undefined ? {} : { end }) });
    }
    return symbols;
  });
}
