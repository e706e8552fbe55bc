/** Everything that a measured run tells, as plain data; docs/report.schema.json describes it. */
import type { Executed } from "../../runtime/measure/executed.ts";
import type { Measurement } from "../../runtime/measure/measurement.ts";
import type { Machine } from "../machine.ts";
import { classTable, countClasses, groupBy, type ClassCounts, type ClassTable } from "./classes.ts";
import { coverage, type CoverageReport } from "./coverage.ts";
import { busiestRegions, regionsReport, type RegionReport, type RegionsReport } from "./regions.ts";
import type { Samples } from "./region-time.ts";
import { reasonsOf, timeReport, type Reason, type TimeReport } from "./time-split.ts";
import type { Timeline, TimelineReport } from "./timeline.ts";

/** What was run, as the caller knows it. */
export interface RunFacts {
  readonly calque: string;
  readonly guest: string;
  readonly guestVersion: string | null;
  /** The host's engine, such as "Node v24.0.0". */
  readonly host: string;
  readonly end: string;
  /** Where the measurement began: a count or a text; null at the start. */
  readonly after: string | null;
  /** Host seconds, measured as it was. */
  readonly seconds: number;
}

export interface RunReport extends RunFacts {
  readonly engine: "translate" | "interpret";
  /** Retired while measured. */
  readonly instructions: number;
  /** At the end, since power-on, in ns. */
  readonly guestTime: number;
  /** Bytes of RAM. */
  readonly memory: number;
  readonly stateHash: string;
}

export interface MnemonicReport extends ClassCounts { readonly mnemonic: string }

export interface PageReport extends ClassCounts {
  /** Its linear address. */
  readonly page: number;
  readonly ring: "supervisor" | "user";
  /** Regions made with their head on it. */
  readonly translations: number;
}

export interface Report {
  readonly format: "calque measurement";
  readonly version: 1;
  readonly run: RunReport;
  readonly classes: ClassTable;
  readonly rings: { readonly supervisor: ClassTable; readonly user: ClassTable };
  /** Largest total first. */
  readonly mnemonics: readonly MnemonicReport[];
  readonly pages: readonly PageReport[];
  readonly callouts: readonly Reason[];
  /** Steps of the interpreter for what is not sensitive: x87, strings, instructions across pages. */
  readonly helpers: readonly Reason[];
  readonly events: readonly Reason[];
  readonly slowMemory: { readonly causes: Readonly<Record<string, number>>; readonly milliseconds: number };
  readonly time: TimeReport;
  readonly regions: RegionsReport;
  /** Returns to the machine, by reason; how many there are for "budget" depends on how the run was sliced. */
  readonly exits: Readonly<Record<string, number>>;
  readonly tlb: { readonly fills: number; readonly flushes: { readonly all: number; readonly nonGlobal: number; readonly page: number } };
  readonly selfModifyingCode: {
    readonly watchedPages: number;
    /** Stores that hit code; stores beside code on a watched page; decoded instructions that were dropped. */
    readonly writeHits: number;
    readonly falseHits: number;
    readonly instructionsDropped: number;
  };
  readonly timeline: TimelineReport;
  readonly coverage: CoverageReport;
  readonly busiestRegions: readonly RegionReport[];
}

const ringOf = ({ user }: Executed): "supervisor" | "user" => (user ? "user" : "supervisor");

function mnemonicReports(records: readonly Executed[]): MnemonicReport[] {
  return [...groupBy(records, ({ row }) => row.mnemonic)].map(([mnemonic, group]) => ({ mnemonic, ...countClasses(group) })).sort((a, b) => b.total - a.total);
}

function pageReports(records: readonly Executed[], translations: ReadonlyMap<number, number>): PageReport[] {
  return [...groupBy(records, ({ linear, user }) => (linear >>> 12) * 2 + (user ? 1 : 0))].map(([key, group]) => ({
    page: (key >>> 1) * 4096, ring: ringOf(group[0]!), translations: translations.get(key >>> 1) ?? 0, ...countClasses(group),
  })).sort((a, b) => b.total - a.total);
}

/** The report of a run that has ended; with the time per instruction where the regions were sampled. */
export function makeReport(machine: Machine, measurement: Measurement, timeline: Timeline, facts: RunFacts, samples?: Samples): Report {
  const over = timeline.report();
  measurement.collect();
  const records = measurement.executed.all(), instructions = machine.instructions - timeline.first, { fills, flushesAll, flushesNonGlobal, flushesPage } = machine.memory.stats;
  const classes = classTable(records), { cache } = measurement.engine!, entries = "entries" in machine.vcpu.stats ? Number(machine.vcpu.stats.entries) : 0;
  return {
    format: "calque measurement", version: 1,
    run: { ...facts, engine: machine.engine, instructions, guestTime: machine.time, memory: machine.memory.size, stateHash: machine.stateHash(true) },
    classes,
    rings: { supervisor: classTable(records.filter(({ user }) => !user)), user: classTable(records.filter(({ user }) => user)) },
    mnemonics: mnemonicReports(records), pages: pageReports(records, measurement.translationsByPage),
    callouts: reasonsOf(measurement.callouts, instructions), helpers: reasonsOf(measurement.helpers, instructions), events: reasonsOf(measurement.events, instructions),
    slowMemory: { causes: { ...measurement.slow }, milliseconds: measurement.slowMemory.milliseconds },
    time: timeReport(measurement), regions: regionsReport(measurement, entries, classes), exits: Object.fromEntries(measurement.exits),
    tlb: { fills, flushes: { all: flushesAll, nonGlobal: flushesNonGlobal, page: flushesPage } },
    selfModifyingCode: {
      watchedPages: machine.memory.codePages.reduce((sum, watched) => sum + watched, 0), writeHits: cache.stats.hits, falseHits: machine.memory.stats.besideCode, instructionsDropped: cache.stats.drops,
    },
    timeline: over, coverage: coverage(records), busiestRegions: busiestRegions(measurement, samples),
  };
}
