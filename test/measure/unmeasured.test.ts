/** A machine that is not measured runs code without a trace of counting, and a measured one does the same to the guest. */
import { describe, expect, it } from "vitest";
import { Measurement } from "../../runtime/measure/measurement.ts";
import { Vcpu } from "../../runtime/vcpu.ts";
import { createBoard } from "../../src/board.ts";
import { Machine } from "../../src/machine.ts";
import { DEMO, measured } from "./measured.ts";

const LIMIT = 6_000_000;

interface Seen {
  /** Sources of regions in the order in which they were made, and the names that they may use. */
  readonly sources: string[];
  readonly names: Set<string>;
  readonly hash: string;
}

function sourcesOf(measurement?: Measurement): Seen {
  const sources: string[] = [], names = new Set<string>();
  const verifyCode = (source: string, allowed: readonly string[]): void => {
    if (!source.startsWith("function region_")) return; // a handler
    sources.push(source);
    for (const name of allowed) names.add(name);
  };
  const machine = new Machine({ memory: 32 << 20, off: new Set(["baseline"]), ...(measurement === undefined ? {} : { measurement }) }, { createVcpu: (parts) => new Vcpu({ ...parts, verifyCode }), createBoard });
  machine.boot({ kernel: { name: "demo.elf", bytes: DEMO } });
  machine.run({ maxInstructions: LIMIT });
  return { sources, names, hash: machine.stateHash(true) };
}

describe("measuring", () => {
  const plain = sourcesOf(), counted = sourcesOf(new Measurement(() => 0));

  it("leaves no trace in code that is not measured", () => {
    expect(plain.sources.length).toBeGreaterThan(5);
    expect(plain.names.has("COUNT")).toBe(false);
    expect(plain.sources.filter((source) => source.includes("COUNT"))).toEqual([]);
  });

  it("counts in every region, and changes nothing else", () => {
    expect(counted.names.has("COUNT")).toBe(true);
    expect(counted.sources.filter((source) => !source.includes("COUNT"))).toEqual([]);
    expect(counted.sources.map(withoutCounters)).toEqual(plain.sources.map(withoutCounters));
    expect(counted.hash).toBe(plain.hash);
  });

  it("reports the code that runs where nothing is measured, byte by byte", () => {
    const { busiestRegions } = measured(DEMO, { maxInstructions: LIMIT }).report;
    const shown = busiestRegions.filter(({ graph }) => graph.length > 0).map(({ javascript }) => javascript);
    expect(shown.length).toBe(busiestRegions.length);
    const common = shown.filter((source) => plain.sources.includes(source));
    expect(common.length).toBeGreaterThan(shown.length / 2); // slices end elsewhere, so that a few regions are made of other code
  });
});

/** Without white space, counting, timing of callouts, and the braces that hold a counting statement and another one together. */
function withoutCounters(source: string): string {
  return source.replaceAll(/COUNT\[\d+\] = COUNT\[\d+\] \+ 1;|startCallout\(\d+\);|stopCallout\(\);/g, "").replaceAll(/[\s{}]/g, "");
}
