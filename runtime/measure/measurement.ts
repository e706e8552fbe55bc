/**
 * What a virtual CPU counts and times while it is measured: executions of every instruction as interpreted or translated, calls of the
 * monitor with their reasons and times, slow memory accesses, and where the host's time goes.
 *
 * Invariant: what `executed` holds after `collect` adds up to the instructions retired. Counts are kept where they arise (in decoded
 * instructions and in the regions' own words) and fetched from there when one is dropped and when somebody asks.
 */
import type { Instruction, Row } from "../../translator/translate.ts";
import type { CodePage } from "../code-cache.ts";
import type { Insn } from "../insn.ts";
import { MMIO, SLOW, UNFILLED } from "../memory.ts";
import type { Region } from "../region.ts";
import { calloutReason } from "./callout-reason.ts";
import { ExecutedTable } from "./executed.ts";
import { Stopwatch, Timer } from "./stopwatch.ts";

/** Why an access did not take the fast path. */
export type SlowCause = "page walk" | "watched page" | "device" | "page crossing" | "misaligned";

/** The counters of one region, beside those that its own code counts. All by site. */
export interface RegionCounts {
  /** Two words for each block: executions, ways out behind its branch. */
  readonly words: Float64Array;
  /** Left before the instruction retired; left behind it; how often it retired beyond once for each execution. */
  readonly missed: Float64Array;
  readonly stopped: Float64Array;
  readonly extra: Float64Array;
}

export function regionCounts(blocks: number, sites: number): RegionCounts {
  const zeros = (length: number): Float64Array => new Float64Array(length);
  return { words: zeros(2 * blocks), missed: zeros(sites), stopped: zeros(sites), extra: zeros(sites) };
}

export class Measurement {
  readonly watch: Stopwatch;
  /** The virtual CPU's loop; by and in it, what it does. */
  readonly running = new Timer();
  readonly interpreting = new Timer();
  readonly translated = new Timer();
  readonly discovery = new Timer();
  readonly emission = new Timer();
  readonly compilation = new Timer();
  readonly devices = new Timer();
  readonly slowMemory = new Timer();
  readonly executed = new ExecutedTable();
  /** Calls of the monitor by reason; the same of steps that are no sensitive instruction (x87, strings, page-crossing instructions). */
  readonly callouts = new Map<string, Timer>();
  readonly helpers = new Map<string, Timer>();
  /** Faults by vector, and external interrupts. */
  readonly events = new Map<string, Timer>();
  readonly slow: Record<SlowCause, number> = { "page walk": 0, "watched page": 0, device: 0, "page crossing": 0, misaligned: 0 };
  /** Regions dropped, by cause. */
  readonly dropped = new Map<string, number>();
  /** Returns to the machine, by reason. */
  readonly exits = new Map<string, number>();
  /** Makes `executed` complete: brings counts that are still elsewhere. Set by the virtual CPU. */
  collect: () => void = () => {};
  readonly #timers = new Map<Row, Timer>();

  /** `clock` answers milliseconds. */
  constructor(clock: () => number) { this.watch = new Stopwatch(clock); }

  /** Takes the executions of a decoded instruction over. */
  fetchInterpreted(page: CodePage, insn: Insn, { row, length }: Instruction): void {
    this.executed.at((page.linear + insn.o) | 0, page.space.mode.user, row, length).interpreted += insn.count;
    insn.count = 0;
  }

  /** Takes the executions of a region over. */
  fetchTranslated({ counts, text, sites, space }: Region): void {
    if (counts === undefined) return;
    const siteAt = new Map(sites.map(({ block, rest }, id) => [block * 65536 + rest, id]));
    text.counted.forEach(({ instructions }, k) => {
      let running = counts.words[2 * k]!;
      instructions.forEach((counted, at) => {
        const id = siteAt.get(k * 65536 + instructions.length - at), { instruction } = counted;
        const record = this.executed.at(counted.address, space.mode.user, instruction.row, instruction.length);
        record.class = counted.class;
        record.isTranslated = true;
        if (id !== undefined) running -= counts.missed[id]!;
        record.translated += running + (id === undefined ? 0 : counts.extra[id]!);
        if (id !== undefined) running -= counts.stopped[id]!;
        if (at === instructions.length - 1 && counted.class === "branch") record.dispatched += counts.words[2 * k + 1]!;
      });
    });
    for (const words of Object.values(counts)) words.fill(0);
  }

  /** What a step by the monitor or a plain helper is charged to. */
  stepTimer(instruction: Instruction): Timer {
    const { row } = instruction, known = this.#timers.get(row);
    if (known !== undefined) return known;
    const sensitive = row.class === "callout" || row.class === "inline";
    const timer = timerOf(sensitive ? this.callouts : this.helpers, calloutReason(instruction));
    if (row.semantics !== "mov_to_cr") this.#timers.set(row, timer);
    return timer;
  }

  helperTimer(reason: string): Timer { return timerOf(this.helpers, reason); }
  eventTimer(reason: string): Timer { return timerOf(this.events, reason); }

  add(counts: Map<string, number>, name: string): void { counts.set(name, (counts.get(name) ?? 0) + 1); }

  /** A slow memory access: counted by its cause, and timed now and then. */
  slowAccess<T>(entry: number, linear: number, size: number, action: () => T): T {
    this.slow[slowCause(entry, linear, size)]++;
    const started = this.watch.start(this.slowMemory);
    try {
      return action();
    } finally {
      this.watch.stop(this.slowMemory, started);
    }
  }
}

function timerOf(timers: Map<string, Timer>, reason: string): Timer {
  let timer = timers.get(reason);
  if (timer === undefined) timers.set(reason, (timer = new Timer()));
  return timer;
}

function slowCause(entry: number, linear: number, size: number): SlowCause {
  if (entry === UNFILLED) return "page walk";
  if ((entry & MMIO) !== 0) return "device";
  if ((entry & SLOW) !== 0) return "watched page";
  return (linear & 0xfff) + size > 4096 ? "page crossing" : "misaligned";
}
