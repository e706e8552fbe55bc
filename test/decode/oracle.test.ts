/** The decoder against iced-x86: every opcode with every ModRM byte under sets of prefixes, and a million random byte strings. */
import { describe as suite, expect, test } from "vitest";
import { decode } from "../../translator/decode/decoder.ts";
import { describe, describeIced, icedName, IcedCases, SLOT } from "./iced.ts";
import { Random } from "./random.ts";

const INVALID = "no instruction";

/** Decodes the cases with both and returns the differences, one for each pair of encodings. */
function compare(bits: 16 | 32, bytes: Uint8Array): string[] {
  const iced = new IcedCases(bits, bytes), differences = new Map<string, string>();
  for (let k = 0; k < bytes.length / SLOT; k++) {
    const theirs = iced.decode(k), expected = describeIced(theirs) ?? INVALID;
    const instruction = decode(bytes, k * SLOT, SLOT, { bits });
    const ours = "failure" in instruction ? INVALID : describe(instruction, theirs, k * SLOT);
    if (ours === expected) continue;
    const name = `${icedName(theirs)} ${ours.split(" ")[0]}`;
    if (differences.has(name)) continue;
    const hex = Buffer.from(bytes.subarray(k * SLOT, (k + 1) * SLOT)).toString("hex");
    differences.set(name, `${bits} ${hex}: iced ${icedName(theirs)} ${expected} | ours ${ours}`);
  }
  iced.free();
  return [...differences.values()];
}

const PREFIX_SETS: ReadonlyArray<readonly number[]> = [
  [], [0x66], [0x67], [0x66, 0x67], [0xf2], [0xf3], [0xf0], [0x64], [0xf3, 0x66], [0x66, 0xf2], [0x67, 0xf3], [0xf0, 0x66], [0x2e, 0x67], [0xf0, 0xf3, 0x3e],
];

/** Every opcode of both maps with every byte after it, the rest random. */
function allOpcodes(prefixes: readonly number[], escape: readonly number[], random: Random): Uint8Array {
  const bytes = new Uint8Array(65536 * SLOT);
  random.fill(bytes);
  for (let k = 0; k < 65536; k++) bytes.set([...prefixes, ...escape, k >> 8, k & 0xff], k * SLOT);
  return bytes;
}

suite.each([16, 32] as const)("%i-bit code decodes as iced-x86 does", (bits) => {
  test.each(PREFIX_SETS.map((prefixes) => [Buffer.from(prefixes).toString("hex") || "no prefix", prefixes] as const))("every opcode: %s", (_name, prefixes) => {
    const random = new Random(bits + prefixes.length);
    expect(compare(bits, allOpcodes(prefixes, [], random))).toEqual([]);
    expect(compare(bits, allOpcodes(prefixes, [0x0f], random))).toEqual([]);
  });
});

const RANDOM_CASES = 1_200_000, CASES_AT_ONCE = 100_000;

/** Random bytes; every other case begins with a random number of prefixes, now and then too many. */
function randomCases(random: Random): Uint8Array {
  const bytes = new Uint8Array(CASES_AT_ONCE * SLOT);
  random.fill(bytes);
  for (let k = 0; k < CASES_AT_ONCE; k += 2) {
    const count = random.below(8) === 0 ? random.below(SLOT) : random.below(4);
    for (let p = 0; p < count; p++) bytes[k * SLOT + p] = PREFIXES[random.below(PREFIXES.length)]!;
  }
  return bytes;
}

const PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x0f];

suite("random bytes decode as iced-x86 does", () => {
  test.each(Array.from({ length: RANDOM_CASES / CASES_AT_ONCE }, (_, k) => k + 1))(`${CASES_AT_ONCE} strings of seed %i`, (seed) => {
    expect(compare(seed % 2 === 0 ? 16 : 32, randomCases(new Random(seed)))).toEqual([]);
  });
});

suite("every ModRM and SIB byte decodes as iced-x86 does", () => {
  test.each([16, 32] as const)("%i-bit code, both address sizes", (bits) => {
    const random = new Random(bits), bytes = new Uint8Array(2 * 65536 * SLOT);
    random.fill(bytes);
    for (let k = 0; k < 65536; k++) {
      bytes.set([0x03, k >> 8, k & 0xff], k * SLOT);
      bytes.set([0x67, 0x03, k >> 8, k & 0xff], (65536 + k) * SLOT);
    }
    expect(compare(bits, bytes)).toEqual([]);
  });
});
