/** The default guest in both engines, compared at every event of a device and at least every 20,000 instructions. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { differences, type TwinOptions, type Twins, twins } from "../hostile/twins.ts";

const LONGEST = 20_000;
/** Enough for what `quick` runs; the guest resets the machine long before. */
const BUDGET = 100_000_000;

function demoTwins(append: string, off: readonly string[], options: TwinOptions): Twins & { output: () => string } {
  const folder = join(import.meta.dirname, "../guests/demo"), pair = twins({ memory: 32 << 20, hotThreshold: 500, off: new Set(off), ...options }), sent: number[] = [];
  for (const machine of [pair.translated, pair.interpreted]) {
    machine.boot({ kernel: { name: "demo.elf", bytes: readFileSync(join(folder, "demo.elf")) }, commandLine: append });
  }
  pair.interpreted.onSerial = (byte) => { sent.push(byte); };
  return { ...pair, output: () => String.fromCharCode(...sent) };
}

const VARIANTS: ReadonlyArray<readonly [off: string, promotion: number | undefined]> = [
  ["", undefined], ["shared-probes", undefined], ["carry-local", undefined], ["wasm", undefined], ["", 20_000], ["", 1e9],
];

it.each(VARIANTS)("quick strict, without %j, promotion after %s", (off, promotion) => {
  const pair = demoTwins("quick strict", off === "" ? [] : [off], promotion === undefined ? {} : { promotion, hotThreshold: 50 }), { translated, interpreted } = pair;
  let checks = 0;
  for (;;) {
    const limits = { maxInstructions: LONGEST, untilTime: Math.max(interpreted.nextEvent(), interpreted.time + 1) };
    const exits = [translated.run(limits), interpreted.run(limits)] as const;
    expect(exits[0]).toEqual(exits[1]);
    const parted = differences(pair);
    if (parted.length > 0) expect(parted, `after ${interpreted.instructions} instructions`).toEqual([]);
    checks++;
    if (exits[1].reason === "reset") break;
    expect(["budget", "time"]).toContain(exits[1].reason);
    expect(interpreted.instructions).toBeLessThan(BUDGET);
  }
  expect(translated.stateHash(true)).toBe(interpreted.stateHash(true));
  expect(pair.output()).toMatch(/all 1178 checks passed/);
  expect(checks).toBeGreaterThan(1000);
});
