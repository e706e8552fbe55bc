/** `calque profile`, and the sampler below it against what is known of a program to the instruction. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Machine } from "../../src/machine.ts";
import { createMachine } from "../../src/pc.ts";
import { foldedStacks } from "../../src/profile/formats.ts";
import { Profile } from "../../src/profile/profile.ts";
import { StackSampler } from "../../src/profile/sampler.ts";
import { DEEPEST, endsInCall, walkStack } from "../../src/profile/stack-walk.ts";
import { readSymbols } from "../../src/symbols.ts";
import { calque, flatImage, temporaryFolder } from "./calque.ts";

const folder = temporaryFolder();
const ENTRY = 0x100000, CALLS = 200;
const word = (value: number): number[] => [value & 255, value >>> 8 & 255, value >>> 16 & 255, value >>> 24];
/** push ebp; mov ebp, esp; body; pop ebp; ret */
const framed = (...body: number[]): number[] => [0x55, 0x89, 0xe5, ...body, 0x5d, 0xc3];
/** mov eax, n; dec eax; jne -3 */
const turns = (n: number): number[] => [0xb8, ...word(n), 0x48, 0x75, 0xfd];

interface Program { readonly code: readonly number[]; readonly map: string }

/** Functions one behind the other, called by name: "call f" is { call: "f" }. */
function link(functions: Readonly<Record<string, ReadonlyArray<number | { readonly call: string }>>>): Program {
  const starts = new Map<string, number>();
  let at = 0;
  for (const [name, body] of Object.entries(functions)) {
    starts.set(name, at);
    at += body.reduce<number>((length, item) => length + (typeof item === "number" ? 1 : 5), 0);
  }
  const code: number[] = [];
  for (const item of Object.values(functions).flat()) {
    if (typeof item === "number") code.push(item);
    else code.push(0xe8, ...word(starts.get(item.call)! - code.length - 5));
  }
  return { code, map: [...starts].map(([name, start]) => `${(ENTRY + start).toString(16).padStart(8, "0")} T ${name}\n`).join("") };
}

const call = (name: string): { readonly call: string } => ({ call: name });
const PROGRAM = link({
  // mov esp, 180000h; xor ebp, ebp; mov esi, CALLS; call outer; dec esi; jne -8; cli; hlt; nop
  entry: [0xbc, ...word(0x180000), 0x31, 0xed, 0xbe, ...word(CALLS), call("outer"), 0x4e, 0x75, 0xf8, 0xfa, 0xf4, 0x90],
  outer: [0x55, 0x89, 0xe5, call("work"), call("rest"), 0x5d, 0xc3],
  work: framed(...turns(300)),
  rest: [0x55, 0x89, 0xe5, ...turns(50), call("work"), 0x5d, 0xc3],
});
/** Instructions of a run by stack: each turn of a loop is two, and a frame takes four. */
const WORK = CALLS * (4 + 1 + 600), EXACT = {
  entry: 3 + CALLS * 3 + 2, "entry;outer": CALLS * (4 + 2), "entry;outer;work": WORK, "entry;outer;rest": CALLS * (4 + 1 + 100 + 1), "entry;outer;rest;work": WORK,
};

function boot({ code }: Program, engine: "translate" | "interpret" = "translate"): Machine {
  const machine = createMachine({ memory: 2 << 20, engine });
  machine.boot({ kernel: { name: "program", bytes: Uint8Array.from(code) }, loadAt: ENTRY });
  return machine;
}

const symbolsOf = ({ map }: Program): ReturnType<typeof readSymbols> => readSymbols({ name: "map", bytes: new TextEncoder().encode(map) });

function sample(engine: "translate" | "interpret", interval: number, slice: number): Profile {
  const machine = boot(PROGRAM, engine), profile = new Profile(symbolsOf(PROGRAM)), sampler = new StackSampler(machine, profile, interval);
  while (sampler.run({ maxInstructions: slice }).reason === "budget");
  return profile;
}

/** "ring 0;a;b 5" by stack. */
const parseFolded = (text: string): Record<string, number> =>
  Object.fromEntries(text.trimEnd().split("\n").map((line) => [line.slice(line.indexOf(";") + 1, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));

describe("samples", () => {
  it.each(["translate", "interpret"] as const)("of every instruction are the whole run (%s), prologues and returns with their callers", (engine) => {
    // The first is taken behind the first instruction, the last behind HLT: both in entry.
    const profile = sample(engine, 1, 1e9), machine = boot(PROGRAM, engine);
    expect(parseFolded(foldedStacks(profile))).toEqual(EXACT);
    machine.run();
    expect(profile.samples).toHaveLength(machine.instructions);
  });

  it("fall at the same instructions in both engines and however the run is sliced", () => {
    const { samples, stacks } = sample("translate", 97, 1e9);
    expect(samples.length).toBeGreaterThan(1000);
    expect(sample("interpret", 97, 1e9)).toMatchObject({ samples, stacks });
    expect(sample("translate", 97, 61)).toMatchObject({ samples, stacks });
  });

  it("estimate shares, at the mean distance that was asked for", () => {
    const profile = sample("translate", 50, 1e9), whole = Object.values(EXACT).reduce((sum, count) => sum + count, 0), { length } = profile.samples;
    expect(Math.abs(length / (whole / 50) - 1)).toBeLessThan(0.05);
    const shares = profile.shares(), of = (wanted: string): [number, number] => shares.filter(({ name }) => name === wanted).map(({ self, total }): [number, number] => [self / length, total / length])[0]!;
    expect(shares.map(({ name }) => name).slice(0, 3)).toEqual(["work", "rest", "outer"]);
    expect(of("work")[0]).toBeCloseTo(2 * WORK / whole, 1);
    expect(of("rest")[1]).toBeCloseTo((EXACT["entry;outer;rest"] + WORK) / whole, 1);
    expect(of("entry")[1]).toBe(1);
  });
});

describe("a stack", () => {
  it("is walked so far and no further", () => {
    // mov esp, 180000h; xor ebp, ebp; call deep …; deep: push ebp; mov ebp, esp; call deep
    const deep = link({ entry: [0xbc, ...word(0x180000), 0x31, 0xed, call("deep"), 0xf4], deep: [0x55, 0x89, 0xe5, call("deep")] }), machine = boot(deep);
    machine.run({ maxInstructions: 3 + 3 * 20 });
    expect(walkStack(machine)).toHaveLength(1 + 20 + 1);
    machine.run({ maxInstructions: 3 * 100 });
    expect(walkStack(machine)).toHaveLength(1 + DEEPEST);
  });

  it("ends where EBP is no frame pointer", () => {
    const symbols = link({ entry: [0xbc, ...word(0x180000), 0xbd, ...word(0), call("leaf"), 0xf4], leaf: [0x90, 0x90] });
    for (const ebp of [0x17fff0, 0x180000, 0x17fffc, 0xfffffffc, 0x7f000000, 0x1ffffc]) {
      const code = [...symbols.code];
      code.splice(6, 4, ...word(ebp));
      const machine = boot({ ...symbols, code });
      machine.run({ maxInstructions: 4 });
      expect(walkStack(machine), ebp.toString(16)).toHaveLength(1);
    }
  });

  it("does not go round in circles", () => {
    // A frame at 180000h whose saved EBP is its own address, and whose return address stands behind a call.
    const program = link({ entry: [0xbc, ...word(0x17ff00), 0xbd, ...word(0x180000), 0x89, 0x6d, 0x00, 0xc7, 0x45, 0x04, ...word(ENTRY + 25), call("leaf")], leaf: [0x90, 0x90] });
    const machine = boot(program);
    machine.run({ maxInstructions: 6 });
    expect(walkStack(machine)).toEqual([ENTRY + 26, ENTRY + 25]);
  });

  it.each([
    [[0, 0, 0xe8, 1, 2, 3, 4], true], [[0, 0, 0, 0, 0, 0xff, 0xd0], true], [[0, 0, 0, 0, 0xff, 0x55, 8], true], [[0, 0xff, 0x15, 1, 2, 3, 4], true],
    [[0, 0, 0, 0xff, 0x54, 0x24, 8], true], [[0xff, 0x14, 0x85, 1, 2, 3, 4], true], [[0, 0, 0, 0, 0, 0xff, 0xe0], false], [[0, 0xe9, 1, 2, 3, 4, 5], false], [[0, 0, 0, 0, 0, 0, 0], false],
  ])("holds return addresses behind calls: %j, %s", (bytes, is) => {
    expect(endsInCall(Uint8Array.from(bytes))).toBe(is);
  });
});

/** The table's "N samples of M instructions". */
function tableHead(text: string): { readonly samples: number; readonly instructions: number } {
  const [, samples = "", instructions = ""] = /^ {2}([\d,]+) samples of ([\d,]+) instructions: ring 0/m.exec(text) ?? [];
  return { samples: Number(samples.replaceAll(",", "")), instructions: Number(instructions.replaceAll(",", "")) };
}

describe("calque profile", () => {
  it("writes every format of the demo to a folder, of the same samples", async () => {
    const out = join(folder, "all");
    mkdirSync(out);
    const { code, stdout, stderr } = await calque(["profile", "demo", "--append", "quick", "--interval", "2000", "--out", out]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^calque demo: a kernel/);
    const table = readFileSync(join(out, "profile.txt"), "utf8"), head = tableHead(table);
    expect(stderr).toBe(`\n${table}`);
    expect(head.samples).toBeGreaterThan(10_000);
    // What computes there are the programs, which no symbol of the kernel names, and its checks.
    const rows = [...table.matchAll(/^ +([\d.]+) % +([\d.]+) % +(\d) {2}(.+)$/gm)].map(([, self, total, ring, name]) => ({ self: Number(self), total: Number(total), ring, name }));
    expect(rows.slice(0, 2)).toMatchObject([{ ring: "3", name: "[40000000]" }, { ring: "3", name: "[40001000]" }]);
    expect(new Set(rows.filter(({ ring }) => ring === "0").slice(0, 3).map(({ name }) => name))).toEqual(new Set(["check_strings", "check_time", "directory_drop"]));
    expect(rows.every(({ self, total }) => self <= total)).toBe(true);
    const folded = readFileSync(join(out, "profile.folded"), "utf8");
    expect(folded).toMatch(/^(ring [03];\S[^\n]* [1-9]\d*\n)+$/);
    expect([...folded.matchAll(/ (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)).toBe(head.samples);
    const { shared, profiles } = JSON.parse(readFileSync(join(out, "profile.speedscope.json"), "utf8")) as Speedscope;
    expect(profiles.map(({ type, unit, name }) => ({ type, unit, name }))).toEqual([0, 3].map((ring) => ({ type: "sampled", unit: "none", name: `demo.elf, ring ${ring}` })));
    for (const { samples, weights, startValue, endValue } of profiles) {
      expect(weights).toHaveLength(samples.length);
      expect(weights.reduce((sum, weight) => sum + weight, startValue)).toBe(endValue);
      expect(samples.flat().every((index) => shared.frames[index] !== undefined)).toBe(true);
    }
    expect(profiles.reduce((sum, { samples }) => sum + samples.length, 0)).toBe(head.samples);
    expect(profiles.reduce((sum, { endValue }) => sum + endValue, 0)).toBe(head.instructions);
  });

  it("agrees with what measure counts of each ring", async () => {
    const report = join(folder, "report"), quick = ["demo", "--append", "quick", "--serial", "none"];
    const [counted, sampled] = [await calque(["measure", ...quick, "--out", report]), await calque(["profile", ...quick, "--interval", "1000"])];
    const { rings: { supervisor, user } } = JSON.parse(readFileSync(join(report, "report.json"), "utf8")) as { rings: Readonly<Record<"supervisor" | "user", { total: number }>> };
    const whole = supervisor.total + user.total;
    expect([counted.code, sampled.code, whole > 30e6]).toEqual([0, 0, true]);
    const found = Object.fromEntries([...sampled.stderr.matchAll(/ring (\d) ([\d.]+) %/g)].map(([, ring, share]) => [ring!, Number(share)]));
    expect(Math.abs(found["3"]! - 100 * user.total / whole)).toBeLessThan(1);
  });

  it("prints stacks on stdout, named by a System.map, from --after on", async () => {
    const map = join(folder, "System.map"), program = flatImage(folder, "program.bin", PROGRAM.code);
    writeFileSync(map, PROGRAM.map);
    const all = await calque(["profile", ...program, "--memory", "2M", "--symbols", map, "--interval", "1", "--format", "folded"]);
    expect(all.code, all.stderr).toBe(0);
    expect(parseFolded(all.stdout)).toEqual(EXACT);
    const late = await calque(["profile", ...program, "--memory", "2M", "--symbols", map, "--interval", "1", "--format", "folded", "--after", "100_000"]);
    expect(Object.values(parseFolded(late.stdout)).reduce((sum, count) => sum + count, 0)).toBe(Object.values(EXACT).reduce((sum, count) => sum + count, 0) - 100_000);
  });

  it("writes the events of both engines with the same guest times, as the tracer sees them, and all regions", async () => {
    const eventsOf = async (engine: string): Promise<readonly TraceEvent[]> => {
      const path = join(folder, `events-${engine}.json`), { code, stderr } = await calque(["profile", "demo", "--append", "quick", "--serial", "none", "--engine", engine, "--trace", path]);
      expect(code, stderr).toBe(0);
      return (JSON.parse(readFileSync(path, "utf8")) as { traceEvents: TraceEvent[] }).traceEvents;
    };
    const translated = await eventsOf("translate"), deliveries = translated.filter(({ ph }) => ph === "i");
    expect((await eventsOf("interpret")).filter(({ ph }) => ph !== "M")).toEqual(deliveries);
    const { stdout } = await calque(["trace", "demo", "--append", "quick", "--to", "100_000"]);
    const traced = [...stdout.matchAll(/^ *(\d+) .* (?:interrupt|exception) 0x([0-9a-f]+) .*-> /gm)].map(([, count, vector]) => [Number(count), Number.parseInt(vector!, 16)]);
    expect(traced.length).toBeGreaterThan(20);
    expect(deliveries.filter(({ args }) => args.instructions! < 100_000).map(({ args }) => [args.instructions, args.vector])).toEqual(traced);
    const made = translated.filter(({ ph }) => ph === "b").map(({ id }) => id), dropped = translated.filter(({ ph }) => ph === "e");
    expect(made.length).toBeGreaterThan(10);
    expect(made).toEqual(made.map((_id, k) => k + 1));
    expect(dropped.some(({ args }) => args.cause === "store")).toBe(true);
    expect(dropped.every(({ id, ts }) => translated.some((event) => event.ph === "b" && event.id === id && event.ts! <= ts!))).toBe(true);
  });

  it("says that there were no samples", async () => {
    const { code, stderr } = await calque(["profile", ...flatImage(folder, "short.bin", [0xfa, 0xf4])]);
    expect([code, stderr]).toEqual([0, "\n  no samples: the guest ended before the first; --interval takes a smaller distance\n"]);
  });

  it.each([
    [["--interval", "0"], /^calque: --interval: samples are 1 instruction apart at least\n$/], [["--format", "qemu"], /^calque: --format: "qemu" is none of text, folded, speedscope\n$/],
    [["--format", "folded", "--serial", "stdio"], /^calque: --serial: the profile goes to stdout/], [["--out", "/nowhere/out"], /^calque: \/nowhere\/out: no such file\n$/],
    [["--symbols", "/nowhere"], /^calque: \/nowhere: no such file\n$/], [["--trace", "-"], /^calque: --trace: the trace of events needs a file\n$/],
  ])("refuses %j in one line, before it runs", async (args, message) => {
    const { code, stdout, stderr } = await calque(["profile", "demo", ...args]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(existsSync("/nowhere")).toBe(false);
  });
});

interface TraceEvent {
  readonly ph: "M" | "i" | "b" | "e"; readonly name: string; readonly ts?: number; readonly id?: number;
  readonly args: { readonly instructions?: number; readonly vector?: number; readonly cause?: string };
}

interface Speedscope {
  readonly shared: { readonly frames: ReadonlyArray<{ readonly name: string }> };
  readonly profiles: ReadonlyArray<{
    readonly type: string; readonly unit: string; readonly name: string; readonly startValue: number; readonly endValue: number;
    readonly samples: ReadonlyArray<readonly number[]>; readonly weights: readonly number[];
  }>;
}
