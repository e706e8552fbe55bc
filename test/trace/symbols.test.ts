/** Symbol tables: the ELF reader against nm, text files against what they say. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { CalqueError } from "../../src/error.ts";
import { ownSymbols, readSymbols, SymbolTable } from "../../src/symbols.ts";

const DEMO = join(import.meta.dirname, "../guests/demo/demo.elf");
const image = (name: string, text: string): { name: string; bytes: Uint8Array } => ({ name, bytes: new TextEncoder().encode(text) });

const nm = spawnSync("nm", ["--numeric-sort", DEMO], { encoding: "utf8" });
test.skipIf(nm.status !== 0)("an ELF file's names and addresses are those that nm prints", () => {
  const symbols = readSymbols({ name: DEMO, bytes: readFileSync(DEMO) });
  const lines = nm.stdout.trim().split("\n").map((line) => /^([0-9a-f]{8}) (.) (\S+)$/.exec(line)!);
  expect(lines.length).toBeGreaterThan(300);
  const addresses = new Map<string, number[]>();
  for (const [, address, , name] of lines) addresses.set(name!, [...(addresses.get(name!) ?? []), Number.parseInt(address!, 16)]);
  expect(symbols.size).toBe(addresses.size);
  for (const [name, known] of addresses) expect(known, name).toContain(symbols.addressOf(name));
  // Every place is found by one of the names that it has.
  for (const [, digits, type] of lines) {
    if (type === "a" || type === "A") continue;
    const address = Number.parseInt(digits!, 16), found = symbols.at(address);
    if (found?.offset === 0) expect(addresses.get(found.name)).toContain(address);
    else expect(type, "only what has no bytes of its section behind it lies nowhere").toMatch(/[bBtTdDrR]/);
  }
});

describe("a System.map", () => {
  const map = readSymbols(image("System.map", "00000000 A absolute\nc1000000 T _text\nc1000000 t local\nc1000040 t two\r\nc1000080 T three\n         U missing\n"));

  it("names addresses by the symbol before them", () => {
    expect(map.at(0xc1000000)).toEqual({ name: "_text", offset: 0 });
    expect(map.at(0xc100003f | 0)).toEqual({ name: "_text", offset: 0x3f });
    expect(map.describe(0xc1000044)).toBe("two+0x4");
    expect(map.describe(0xc1000080)).toBe("three");
    expect(map.at(0xc0ffffff)).toBeUndefined();
    expect(map.at(0xc1000080 + (1 << 20)), "far behind the last one").toBeUndefined();
    expect(map.at(0), "an absolute value is no place").toBeUndefined();
  });

  it("gives addresses and extents of names", () => {
    expect(map.addressOf("local")).toBe(0xc1000000);
    expect(map.addressOf("absolute")).toBe(0);
    expect(map.addressOf("missing")).toBeUndefined();
    expect(map.rangeOf("two")).toEqual([0xc1000040, 0xc1000080]);
    expect(map.size).toBe(5);
  });
});

it("of /proc/kallsyms names the module too", () => {
  const symbols = readSymbols(image("kallsyms", "c1000000 T _text\nf8000000 t start\t[ext4]\n"));
  expect(symbols.describe(0xf8000002)).toBe("start [ext4]+0x2");
  expect(symbols.addressOf("start [ext4]")).toBe(0xf8000000);
});

describe("refused in one line that says where", () => {
  it.each([
    ["c1000000 T _text\nthis is no symbol\n", /^map: line 2 is not "ADDRESS TYPE NAME", as in "c1000000 T _text": "this is no symbol"$/],
    ["ffffffff81000000 T _text\n", /^map: line 1: ffffffff81000000 is an address of a 64-bit kernel$/],
    ["00000000 T _text\n00000000 T start\n", /^map: all addresses are 0/], ["\n", /^map: no symbols in it$/], ["c1000000 T a\u0000", /^map: neither an ELF file nor text$/], ["\u007fELF", /^map: truncated ELF file/],
  ])("%j", (text, message) => {
    expect(() => readSymbols(image("map", text))).toThrow(CalqueError);
    expect(() => readSymbols(image("map", text))).toThrow(message);
  });

  it("an ELF file without symbols", () => {
    const stripped = join(import.meta.dirname, "../guests/hello/hello.elf"), file = { name: "hello.elf", bytes: readFileSync(stripped) };
    expect(() => readSymbols(file)).toThrow("hello.elf: no symbols: the file is stripped");
    expect(ownSymbols(file).size, "which is no mistake where nobody asked for them").toBe(0);
  });

  it("a damaged symbol table", () => {
    const bytes = Uint8Array.from(readFileSync(DEMO));
    expect(() => readSymbols({ name: "cut", bytes: bytes.subarray(0, bytes.length - 40 * 4) })).toThrow(/^cut: truncated ELF file/);
  });
});

it("several files are one table, where the first one's names count", () => {
  const kernel = image("vmlinux.map", "c1000000 T _text\nc1000040 T two\n"), module = image("module.map", "f8000000 T start\nf8000010 T two\n");
  const table = readSymbols(kernel, module);
  expect([table.size, table.addressOf("start"), table.addressOf("two"), table.describe(0xf8000011)]).toEqual([3, 0xf8000000, 0xc1000040, "two+0x1"]);
  expect(() => readSymbols(kernel, image("empty.map", "\n"))).toThrow("empty.map: no symbols in it");
});

it("of a symbol with a size its bytes end there", () => {
  const table = new SymbolTable([
    { name: "f", address: 0x1000, size: 8, place: true, rank: 5 }, { name: "label", address: 0x1010, size: 0, place: true, rank: 0, end: 0x1020 },
  ]);
  expect([0x1007, 0x1008, 0x1010, 0x101f, 0x1020].map((address) => table.describe(address))).toEqual(["f+0x7", undefined, "label", "label+0xf", undefined]);
});
