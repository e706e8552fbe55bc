import { describe, expect, test } from "vitest";
import { decode, type Mode } from "../../translator/translate.ts";
import { ACCEPTED, type Accepted } from "./accepted.ts";
import type { MooTest } from "./moo.ts";
import { RealModeMachine } from "./real-mode.ts";
import { flagsMasks, opcodes, testsOf, vectorsFolder, vectorsPresent } from "./vectors.ts";

const REAL_MODE: Mode = { bits: 16, flat: false, user: false };
const LOCK = 0xf0;
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, LOCK, 0xf2, 0xf3]);
/** The README of the vectors counts as many with LOCK; some of them can take it and are run. */
const LOCKED = 3587;
const SHOWN = 40;

/** LOCK where a 386 does not take it. */
function lockedInVain(bytes: Uint8Array): boolean {
  const end = bytes.findIndex((byte) => !PREFIXES.has(byte));
  if (!bytes.subarray(0, end < 0 ? bytes.length : end).includes(LOCK)) return false;
  const padded = Uint8Array.from([...bytes, ...new Uint8Array(16)]);
  const decoded = decode(padded, 0, padded.length, REAL_MODE);
  return "failure" in decoded || !decoded.row.lockable || decoded.operands[0]?.kind !== "mem";
}

/** The entry that covers a failing test, where what it claims holds. */
function acceptedFor(machine: RealModeMachine, opcode: string, moo: MooTest, mask: number): Accepted | undefined {
  return ACCEPTED.find(({ covers, rewrite, ignoring, ignoringFlags = 0 }) =>
    covers(moo, opcode) && (rewrite === undefined || machine.run(rewrite(moo), mask & ~ignoringFlags, ignoring).length === 0));
}

function hexBytes(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

interface Tally {
  run: number;
  locked: number;
  readonly failures: string[];
  readonly accepted: Map<Accepted, number>;
}

function runAll(): Tally {
  const machine = new RealModeMachine(), maskOf = flagsMasks();
  const tally: Tally = { run: 0, locked: 0, failures: [], accepted: new Map(ACCEPTED.map((entry) => [entry, 0])) };
  for (const opcode of opcodes()) {
    for (const moo of testsOf(opcode)) {
      if (lockedInVain(moo.bytes)) {
        tally.locked++;
        if (!machine.raisesInvalidOpcode(moo)) tally.failures.push(`${opcode} #${moo.index} ${moo.name} [${hexBytes(moo.bytes)}]: LOCK did not raise #UD`);
        continue;
      }
      tally.run++;
      const found = machine.run(moo, maskOf(opcode));
      if (found.length === 0) continue;
      const accepted = acceptedFor(machine, opcode, moo, maskOf(opcode));
      if (accepted === undefined) tally.failures.push(`${opcode} #${moo.index} ${moo.name} [${hexBytes(moo.bytes)}]: ${found.join("; ")}`);
      else tally.accepted.set(accepted, tally.accepted.get(accepted)! + 1);
    }
  }
  return tally;
}

describe("hardware-captured vectors, 16-bit real mode", () => {
  if (!vectorsPresent()) {
    test("the vectors are there", ({ skip }) => {
      if (process.env["CI"] === "true") throw new Error(`no vectors in ${vectorsFolder}; CALQUE_VECTORS says where they are`);
      process.stderr.write(`captured vectors skipped: none in ${vectorsFolder} (CALQUE_VECTORS says where)\n`);
      skip();
    });
    return;
  }

  test("the interpreter does what the processor did", { timeout: 120_000 }, () => {
    const tally = runAll();
    for (const line of tally.failures.slice(0, SHOWN)) process.stderr.write(`${line}\n`);
    process.stderr.write(`vectors: ${tally.run} run, ${tally.locked} with a vain LOCK, ${tally.failures.length} failed, accepted ${[...tally.accepted.values()].join(" + ")}\n`);
    expect(tally.locked).toBeLessThan(LOCKED);
    expect(tally.failures).toHaveLength(0);
    for (const [entry, count] of tally.accepted) expect(count, entry.reason).toBe(entry.failures);
  });
});
