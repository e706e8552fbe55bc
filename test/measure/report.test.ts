/** What a measurement says of guests whose counts are known, and that its sums come out. */
import { describe, expect, it } from "vitest";
import type { Report } from "../../src/measure/report.ts";
import { out8 } from "../images/code.ts";
import { DEMO, measured } from "./measured.ts";

const sum = (values: object): number => Object.values(values).reduce((total: number, value) => total + Number(value), 0);
const CLASSES = ["ident", "inline", "callout", "branch"] as const;

/** Executions by class of the instruction alone, however it was executed. */
function byRow({ classes: { translated, interpreted } }: Report): Record<(typeof CLASSES)[number], number> {
  return {
    ident: translated.ident + interpreted.ident, inline: translated.inline + interpreted.inline, callout: translated.callout + interpreted.callout,
    branch: translated.linked + translated.dispatched + interpreted.branch,
  };
}

const dword = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
const TURNS = 150_100, CLIS = 5, WRITES = 7;
/** mov ecx, TURNS; L: inc eax; dec ecx; jnz L; cli …; out …; cli; hlt */
const COUNTED = Uint8Array.from([
  0xb9, ...dword(TURNS), 0x40, 0x49, 0x75, 0xfc, ...Array.from({ length: CLIS }, () => 0xfa), ...Array.from({ length: WRITES }, () => out8(0x80, 1)).flat(), 0xfa, 0xf4,
]);
/** mov ecx, TURNS; L: inc eax; out 80h, al; dec ecx; jnz L; cli; hlt */
const WRITING = Uint8Array.from([0xb9, ...dword(TURNS), 0x40, 0xe6, 0x80, 0x49, 0x75, 0xfa, 0xfa, 0xf4]);

describe("counts of a guest that is known", () => {
  const expected = { ident: 1 + 2 * TURNS + 2 * WRITES, inline: CLIS + 1, callout: WRITES + 1, branch: TURNS };

  for (const engine of ["translate", "interpret"] as const) {
    it(`are exact (${engine})`, () => {
      const { machine, report } = measured(COUNTED, {}, { engine });
      expect(report.run.end).toBe("halted");
      expect(machine.instructions).toBe(sum(expected));
      expect(byRow(report)).toEqual(expected);
      const distinct = sum(report.classes.static) + sum(report.classes.staticInterpreted);
      expect(distinct).toBe(4 + CLIS + 3 * WRITES + 2);
      const reasons = Object.fromEntries(report.callouts.map(({ reason, count }) => [reason, count]));
      expect(reasons).toMatchObject({ "port write": WRITES, HLT: 1 });
    });
  }

  it("tell linked branches from the one that left", () => {
    const { classes, regions, busiestRegions } = measured(COUNTED, {}).report;
    expect(classes.translated.dispatched).toBe(1);
    expect(classes.translated.linked).toBeGreaterThan(TURNS / 2);
    expect(classes.translated.linked + 1 + classes.interpreted.branch).toBe(TURNS);
    expect(classes.static).toEqual({ ident: 2, inline: 0, callout: 0, linked: 1, dispatched: 0 });
    expect(regions).toMatchObject({ made: 1, live: 1, linksMade: 1, linksUsed: classes.translated.linked, dispatches: 1 });
    const [region] = busiestRegions;
    expect(region!.listing.map(({ text, class: kind, executions }) => [text, kind, executions])).toEqual([
      ["inc eax", "ident", classes.translated.linked + 1], ["dec ecx", "ident", classes.translated.linked + 1], ["jne 0x100005", "branch", classes.translated.linked + 1],
    ]);
  });

  it("are exact where a region calls the monitor", () => {
    const { classes, callouts, mnemonics, busiestRegions } = measured(WRITING, {}).report;
    expect(callouts.find(({ reason }) => reason === "port write")).toMatchObject({ count: TURNS });
    const out = mnemonics.find(({ mnemonic }) => mnemonic === "out")!;
    expect(out.total).toBe(TURNS);
    expect(out.translated.callout).toBe(classes.translated.callout);
    expect(out.translated.callout).toBeGreaterThan(TURNS / 2);
    expect(busiestRegions[0]!.listing.find(({ class: kind }) => kind === "callout")).toMatchObject({ stepped: true, executions: out.translated.callout });
  });
});

describe("sums over the demonstration guest", () => {
  const LIMIT = 6_000_000, both = (["translate", "interpret"] as const).map((engine) => measured(DEMO, { maxInstructions: LIMIT }, { engine }));
  const { report } = both[0]!;

  it("are the instructions retired, however they are divided", () => {
    const { classes, rings, mnemonics, pages, timeline } = report;
    expect(classes.total).toBe(LIMIT);
    expect(sum(classes.translated) + sum(classes.interpreted)).toBe(LIMIT);
    expect(rings.supervisor.total + rings.user.total).toBe(LIMIT);
    expect(rings.user.total).toBeGreaterThan(0);
    for (const parts of [mnemonics, pages]) {
      expect(parts.reduce((total, part) => total + part.total, 0)).toBe(LIMIT);
      for (const part of parts) expect(sum(part.translated) + sum(part.interpreted)).toBe(part.total);
    }
    expect(timeline.intervals.reduce((total, { translated, interpreted }) => total + sum(translated) + sum(interpreted), 0)).toBe(LIMIT);
    expect(timeline.intervals.at(-1)!.instructions).toBe(LIMIT);
  });

  it("are the same by mnemonic and ring in both engines", () => {
    const [translated, interpreted] = both.map(({ report: { mnemonics, rings } }) => ({
      mnemonics: Object.fromEntries(mnemonics.map(({ mnemonic, total }) => [mnemonic, total])), user: rings.user.total,
    }));
    expect(sum(report.classes.translated)).toBeGreaterThan(LIMIT / 4);
    expect(translated).toEqual(interpreted);
    expect(report.run.stateHash).toBe(both[1]!.report.run.stateHash);
  });

  it("are 100 percent", () => {
    const hundredths = (shares: object): number => Object.values(shares).reduce((total: number, share) => total + Math.round(Number(share) * 100), 0);
    for (const { shares } of [report.classes, report.rings.supervisor, report.rings.user]) {
      expect(hundredths(shares.static)).toBe(10_000);
      expect(hundredths(shares.translated) + hundredths(shares.interpreted)).toBe(10_000);
    }
  });

  it("agree between regions and classes", () => {
    const { regions, classes, busiestRegions } = report;
    expect(regions.made).toBe(regions.sizes.instructions.reduce((total, { count }) => total + count, 0));
    expect(regions.live + sum(regions.dropped)).toBe(regions.made);
    expect(busiestRegions.reduce((total, { retired }) => total + retired, 0)).toBe(sum(classes.translated));
    for (const region of busiestRegions) expect(region.listing.reduce((total, { executions }) => total + executions, 0)).toBe(region.retired);
  });

  it("keep between 100 and 200 intervals", () => {
    const { intervals, distance } = report.timeline;
    expect(intervals.length).toBeGreaterThan(99);
    expect(intervals.length).toBeLessThan(202);
    const ends = [0, ...intervals.map(({ instructions }) => instructions)], lengths = ends.slice(1).map((end, k) => end - ends[k]!);
    expect(new Set(lengths.slice(0, -1))).toEqual(new Set([distance]));
  });
});
