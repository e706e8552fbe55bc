/** Time per instruction: which lines are whose, and what a sampling profiler sees of a guest that mostly divides. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sampledText } from "../../runtime/measure/sampled-text.ts";
import { LIMITS } from "../../runtime/region.ts";
import { regionSamples, RegionSampler } from "../../src/cli/region-sampler.ts";
import { liveRegions } from "../../src/live-regions.ts";
import { regionTime, type Samples } from "../../src/measure/region-time.ts";
import type { Report } from "../../src/measure/report.ts";
import { createMachine } from "../../src/pc.ts";
import { decode, discover, formOf, regionText, type CodeView, type RegionText } from "../../translator/translate.ts";
import { calque, flatImage, temporaryFolder } from "../cli/calque.ts";
import { GROUPS } from "../golden/cases.ts";

const MODE = { bits: 32, flat: true, user: false, fs: true, gs: true } as const, BASE = 0x1000;

function viewOf(bytes: Uint8Array, base: number): CodeView {
  return {
    executed(address) {
      const offset = address - base;
      if (offset < 0 || offset >= bytes.length) return undefined;
      const instruction = decode(bytes, offset, Math.min(15, bytes.length - offset), MODE), fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 };
      return "failure" in instruction ? undefined : { instruction, form: formOf(instruction, MODE, fields), fields };
    },
  };
}

function textOf(hex: string, base = BASE, counters = false, lines = true): RegionText | undefined {
  const found = discover(base, viewOf(Uint8Array.from(hex.split(" "), (pair) => Number.parseInt(pair, 16)), base), LIMITS);
  return found === undefined ? undefined : regionText(found, { counters, lines });
}

describe("the lines of a region", () => {
  const cases = GROUPS.flatMap((group) => group.cases);

  it.each([false, true])("change nothing of its text (counters: %s)", (counters) => {
    expect(cases.length).toBeGreaterThan(50);
    for (const { bytes, at, name } of cases) {
      const text = textOf(bytes, at, counters), plain = textOf(bytes, at, counters, false);
      expect(text?.print(), name).toBe(plain?.print());
      expect(plain?.lines ?? []).toEqual([]);
      expect(text?.lines.length, name).toBe(text?.print().split("\n").length);
    }
  });

  it("are each of the instruction that they came from", () => {
    // mov eax, [esi]; L: add ebx, eax; div ecx; dec edi; jne L; ret
    const { print, lines } = textOf("8b 06 01 c3 f7 f1 4f 75 f9 c3")!, owners = print().split("\n").map((line, k) => `${lines[k] === undefined ? "-" : (lines[k].address - BASE).toString(16)} ${line.trim()}`);
    const ownersOf = (part: string): string[] => [...new Set(owners.filter((line) => line.includes(part)).map((line) => line.split(" ")[0]!))];
    expect(ownersOf("load32(")).toEqual(["0", "9"]); // RET too
    expect(ownersOf("ebx = ")).toEqual(["-", "2"]); // "let" of all registers, then the addition
    expect(ownersOf("quotientUnsigned(")).toEqual(["4"]);
    expect(ownersOf("edi = t")).toEqual(["6"]);
    expect(ownersOf("continue loop")).toEqual(["7"]);
    expect(ownersOf("left = left - ")).toEqual(["-"]);
    expect(ownersOf("S[0] = eax")).toEqual(["-"]);
    expect(ownersOf("code = caught")).toEqual(["-"]);
    const division = lines.find((owner) => owner?.address === BASE + 4)!;
    expect([...division.calls].filter((name) => name.includes("Unsigned")).sort()).toEqual(["checkDivideUnsigned", "quotientUnsigned"]);
  });

  it("know every instruction that has code", () => {
    for (const { bytes, at, name } of cases) {
      const text = textOf(bytes, at);
      if (text === undefined) continue;
      const known = new Set(text.lines.flatMap((owner) => owner?.address ?? []));
      for (const { eip } of text.sites) expect(known, name).toContain(eip);
    }
  });
});

describe("samples", () => {
  const text = textOf("f7 f1 4f 75 fb c3")!, lineOf = (address: number): number => text.lines.findIndex((owner) => owner?.address === address);
  const number = 7, region = { number, text };
  const samples = (lines: ReadonlyArray<readonly [number, number]>, called: ReadonlyArray<readonly [string, number]> = []): Samples => ({ milliseconds: 0.5, regions: new Map([[number, { lines: new Map(lines), called: new Map(called) }]]) });

  it("fall on instructions, the frame and functions, and add up", () => {
    const time = regionTime(region, samples([[lineOf(BASE), 3], [lineOf(BASE + 2), 4], [0, 2], [-1, 1]], [["quotientUnsigned", 20], ["step", 5]]))!;
    expect(time).toMatchObject({ samples: 35, milliseconds: 17.5, frame: 3, called: [{ name: "step", samples: 5, callers: 0 }] });
    expect([time.of(0, 0), time.of(0, 1), time.of(0, 2)]).toEqual([23, 4, 0]);
  });

  it("of a function that several instructions call are nobody's", () => {
    const twice = textOf("f7 f1 f7 f3 c3")!, time = regionTime({ number, text: twice }, samples([], [["quotientUnsigned", 8]]))!;
    expect(time.called).toEqual([{ name: "quotientUnsigned", samples: 8, callers: 2 }]);
    expect([time.of(0, 0), time.of(0, 1)]).toEqual([0, 0]);
  });

  it("are not there of a region that was never seen", () => { expect(regionTime({ number: 8, text }, samples([[1, 1]]))).toBeUndefined(); });

  it.each([0, 1, 255, 256, 70_000])("of region number %i are known by where it begins, as V8 places it", (number) => {
    const make = (text: string): unknown => (new Function("a", "b", text) as () => unknown)(); // oxlint-disable-line no-new-func, typescript/no-implied-eval -- as regions are made
    const run = make(sampledText("function region_c0de(left) { while (left > 0) { left = left - 1; } return left; }", number)) as (left: number) => number;
    const sampler = new RegionSampler(), end = performance.now() + 50;
    while (performance.now() < end) run(100_000);
    expect([...sampler.stop().regions.keys()]).toEqual([number]);
  });

  it("are taken from V8's tree of calls: a region below another counts by itself", () => {
    const frame = (functionName: string, lineNumber = 0, columnNumber = 0) => ({ functionName, url: "", scriptId: "1", lineNumber, columnNumber });
    const { milliseconds, regions } = regionSamples({
      startTime: 0, endTime: 10_000, samples: Array.from({ length: 20 }, () => 1), nodes: [
        { id: 1, callFrame: frame("(root)"), hitCount: 1, children: [2, 6] },
        { id: 2, callFrame: frame("region_1000", 3, 20), hitCount: 5, positionTicks: [{ line: 6, ticks: 3 }, { line: 8, ticks: 1 }], children: [3] },
        { id: 3, callFrame: frame("step"), hitCount: 2, children: [4, 5] },
        { id: 4, callFrame: frame("deeper"), hitCount: 4 },
        { id: 5, callFrame: frame("region_2000", 4, 22), hitCount: 7, positionTicks: [{ line: 5, ticks: 7 }] },
        { id: 6, callFrame: frame("anonymous"), hitCount: 1 },
      ],
    });
    expect(milliseconds).toBe(0.5);
    expect(regions).toEqual(new Map([
      [0, { lines: new Map([[2, 3], [4, 1], [-1, 1]]), called: new Map([["step", 6]]) }],
      [513, { lines: new Map([[0, 7]]), called: new Map() }],
    ]));
  });
});

/** mov ecx, 40,000,000; mov ebx, 7; L: mov eax, ecx; mov edx, 3; mov esi, ecx; idiv ebx; add edi, eax; add edi, edx; dec ecx; jne L; cli; hlt */
const DIVIDING = [
  0xb9, 0x00, 0x5a, 0x62, 0x02, 0xbb, 7, 0, 0, 0,
  0x89, 0xc8, 0xba, 3, 0, 0, 0, 0x89, 0xce, 0xf7, 0xfb, 0x01, 0xc7, 0x01, 0xd7, 0x49, 0x75, 0xee, 0xfa, 0xf4,
];
const LOOP = 0x10000a, DIV = LOOP + 9;

describe("a loop that mostly divides", () => {
  const folder = temporaryFolder(), image = flatImage(folder, "dividing.bin", DIVIDING) as [string, ...string[]];

  it("spends most of its time in the division", () => {
    const machine = createMachine({ memory: 2 << 20, sampled: true });
    machine.boot({ kernel: { name: "dividing", bytes: Uint8Array.from(DIVIDING) }, loadAt: 0x100000 });
    const sampler = new RegionSampler();
    expect(machine.run({ maxInstructions: 150_000_000 }).reason).toBe("budget");
    const samples = sampler.stop(), region = liveRegions(machine).find(({ linear }) => linear === LOOP)!, time = regionTime(region, samples)!;
    const owners = [...new Set(region.text.lines)].filter((owner) => owner !== undefined);
    const timeOf = (address: number): number => owners.filter((owner) => owner.address === address).reduce((sum, { block, index }) => sum + time.of(block, index), 0);
    expect(time.samples).toBeGreaterThan(50);
    for (const move of [LOOP, LOOP + 2, LOOP + 7]) expect(timeOf(DIV)).toBeGreaterThan(3 * timeOf(move));
    const all = owners.reduce((sum, { block, index }) => sum + time.of(block, index), 0) + time.frame + time.called.reduce((sum, { samples: count }) => sum + count, 0);
    expect(all).toBe(time.samples);
    const { lines, called } = samples.regions.get(region.number)!;
    expect(all).toBe([...lines.values(), ...called.values()].reduce((sum, count) => sum + count, 0));
  });

  it("is shown with the time of each instruction", async () => {
    const { code, stdout, stderr } = await calque(["show", "--hot", "1", ...image, "--memory", "2M", "--after", "150_000_000", "--counts", "--time"]);
    expect(code, stderr).toBe(0);
    const [, share, ms] = /^I 00100013 +f7 fb +idiv ebx {3}[\d,]+ times, ([\d.]+) % of the time, ([\d.]+) ms$/m.exec(stdout) ?? [];
    expect(Number(share)).toBeGreaterThan(40);
    expect(Number(ms)).toBeGreaterThan(1);
    expect(stdout).toMatch(/^ {2}time: [\d.]+ ms in \d+ samples; entry, way out and budget [\d.]+ %/m);
  });

  it("is reported with the samples of each instruction", async () => {
    const out = join(folder, "report"), { code, stderr } = await calque(["measure", ...image, "--memory", "2M", "--out", out, "--max-instructions", "150_000_000"]);
    expect(code, stderr).toBe(0);
    const { busiestRegions: [busiest] } = JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Report, { time, listing } = busiest!;
    const inListing = listing.reduce((sum, { samples }) => sum + samples!, 0), division = listing.find(({ address }) => address === DIV)!;
    expect(inListing + time!.frame + time!.called.reduce((sum, { samples }) => sum + samples, 0)).toBe(time!.samples);
    expect(division.samples!).toBeGreaterThan(3 * listing.find(({ address }) => address === LOOP)!.samples!);
  });

  it("has no time per instruction where it is interpreted or has not run", async () => {
    const shown = (...args: string[]) => calque(["show", "0x10000a", ...image, "--memory", "2M", "--time", ...args]);
    expect(await shown("--after", "1_000", "--engine", "interpret")).toMatchObject({ code: 2, stderr: "calque: --time: the interpreter has no time per instruction: one handler serves all of a form\n" });
    expect(await shown()).toMatchObject({ code: 2, stderr: "calque: --time: nothing was executed yet: say until when with --after COUNT or --expect TEXT\n" });
    const cold = await shown("--after", "100", "--counts");
    expect(cold.stdout).toMatch(/^=== region 0010000a: .*, not translated now: no time per instruction ===$/m);
    expect(cold.stdout).toMatch(/^I 00100013 .*idiv ebx {3}\d+ times$/m);
  });
});
