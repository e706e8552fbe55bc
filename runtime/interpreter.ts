/**
 * The interpreter: linked decoded instructions.
 *
 * The loop is `i = i.f(i)`, unrolled eightfold with one test per eight steps. A step that retires nothing (a link to another page,
 * a stop) adds 1 to the word `wasted`, so the exact count is always known: steps made minus steps wasted.
 *
 * A step *stops* the loop by returning `stopped`, whose own handler returns itself, with the instruction in question in `stopped.n`; it
 * has then done nothing. Instructions that need the exact count, region heads and unfilled fetches stop.
 */
import * as steps from "./insn.ts";
import { Insn, type Handler } from "./insn.ts";
import type { CodeSpace, Frame, HandlerSource, MadeHandler } from "./code-cache.ts";
import { CodeCache } from "./code-cache.ts";
import { limitOnPage } from "./code-limit.ts";
import { raise, VECTOR } from "./faults.ts";
import { carryOf, conditionOf, flagsOf } from "./flags.ts";
import type { RuntimeFunction } from "./functions.ts";
import type { Entry } from "./region.ts";
import type { CodeCheck } from "./region-function.ts";
import type { Measurement } from "./measure/measurement.ts";
import type { GuestMemory, Ring } from "./memory.ts";
import * as state from "./state.ts";
import type { CpuState } from "./state.ts";
import * as tlb from "./tlb-entry.ts";
import { saw } from "./trial.ts";
import { handlerText, type Form, type Mode } from "../translator/translate.ts";

const { EXACT, FETCH, LINK, PLAIN, REGION } = steps;
const { SLOW } = tlb;
const { SLOT } = state;
const { page: PAGE, eip: EIP, wasted: WASTED } = SLOT;
const CS_BASE = SLOT.base1, CS_LIMIT = SLOT.limit1;

const ARRIVAL_HEAT = 4;

/** The names that every handler may use; the values come in the same order. */
export const ABI_NAMES = [
  "S", "S8", "S16", "MEM8", "MEM16", "MEM32", "READ", "WRITE", "imul", "clz32",
  "load8", "load16", "load32", "store8", "store16", "store32", "modify8", "modify16", "modify32",
  "conditionOf", "carryOf", "flagsOf", "jumpTo", "TRANSFERRED", "HOT", "hot",
] as const;

/** What generated code of one ring calls when the fast path does not do; `id` and `left` are kept for the catch of a region. */
export function slowPaths(ring: Ring, words: Int32Array, measurement?: Measurement): SlowPaths {
  const plain = plainSlowPaths(ring, words);
  if (measurement === undefined) return plain;
  const measured = ([name, path]: readonly [string, SlowPaths[string]]): readonly [string, SlowPaths[string]] => {
    const table = name.startsWith("load") ? ring.read : ring.write, size = Number(name.replace(/\D+/, "")) / 8;
    const slowAccess: SlowPaths[string] = (...args) => measurement.slowAccess(table[args[0]! >>> 12]!, args[0]!, size, () => path(...args)); // the name that profilers show
    return [name, slowAccess];
  };
  return Object.fromEntries(Object.entries(plain).map(measured));
}

type SlowPaths = Record<string, (...args: number[]) => number | void>;

function plainSlowPaths(ring: Ring, words: Int32Array): SlowPaths {
  const { faultId, left } = SLOT;
  const at = (id: number, rest: number): void => {
    words[faultId] = id;
    words[left] = rest;
  };
  return {
    load8: (a, id, rest) => { at(id!, rest!); return ring.load(a!, 1); },
    load16: (a, id, rest) => { at(id!, rest!); return ring.load(a!, 2); },
    load32: (a, id, rest) => { at(id!, rest!); return ring.load(a!, 4); },
    store8: (a, x, id, rest) => { at(id!, rest!); ring.store(a!, 1, x!); },
    store16: (a, x, id, rest) => { at(id!, rest!); ring.store(a!, 2, x!); },
    store32: (a, x, id, rest) => { at(id!, rest!); ring.store(a!, 4, x!); },
    modify8: (a, id, rest) => { at(id!, rest!); return ring.loadToModify(a!, 1); },
    modify16: (a, id, rest) => { at(id!, rest!); return ring.loadToModify(a!, 2); },
    modify32: (a, id, rest) => { at(id!, rest!); return ring.loadToModify(a!, 4); },
  };
}

const never: Handler = () => { throw new Error("a sentinel was executed"); };

export interface InterpreterOptions {
  /** Backward branches and calls gather heat. */
  readonly profile: boolean;
  /** The heat at which a region begins there. */
  readonly hotThreshold: number;
  readonly measurement?: Measurement | undefined;
  /** Is told the source of every handler before it is made. */
  readonly check?: CodeCheck | undefined;
}

export class Interpreter {
  readonly cpu: CpuState;
  readonly memory: GuestMemory;
  readonly cache: CodeCache;
  readonly #functions: (name: string) => RuntimeFunction;
  readonly #profile: boolean;
  readonly #hotThreshold: number;
  /** The heat at which code that is translated already, but for another address, is translated anew. */
  readonly #movedThreshold: number;
  readonly #check: CodeCheck | undefined;
  /** The detour of region heads. */
  readonly #enter: Handler;
  /** The detour of instructions that stop the loop. */
  readonly stop: Handler;
  /** The step that stops the loop; `n` is the instruction that could not be executed in it. */
  readonly stopped = new Insn(-1, never, PLAIN);
  /** "Look up `eip`": what a jump returns whose target is not known, and an instruction after which the monitor has set EIP. */
  readonly fetch = new Insn(0, never, FETCH);

  readonly #measurement: Measurement | undefined;

  constructor(cpu: CpuState, memory: GuestMemory, cache: CodeCache, functions: (name: string) => RuntimeFunction, options: InterpreterOptions) {
    const { profile, hotThreshold } = options;
    this.cpu = cpu;
    this.#measurement = options.measurement;
    this.memory = memory;
    this.cache = cache;
    this.#functions = functions;
    this.#profile = profile;
    this.#hotThreshold = hotThreshold;
    this.#movedThreshold = Math.max(1, hotThreshold >> 3);
    this.#check = options.check;
    const S = cpu.words, { stopped } = this;
    this.stop = (insn) => {
      stopped.n = insn;
      S[WASTED] = S[WASTED]! + 1;
      return stopped;
    };
    stopped.f = (i) => {
      S[WASTED] = S[WASTED]! + 1;
      return i;
    };
    this.fetch.f = this.stop;
    this.#enter = (head) => (isOfAnotherAddress(head, S[PAGE]! + head.o | 0) && ++(head.r as Entry).away < this.#movedThreshold ? head.g(head) : this.stop(head));
  }

  /** The code space of a mode: its pages and its way of making handlers. */
  space(mode: Mode): CodeSpace {
    const { cpu, memory } = this, S = cpu.words, ring = mode.aligned === true ? memory.aligned : memory.rings[mode.user ? 1 : 0];
    const pages: CodeSpace["pages"] = Array.from<undefined>({ length: memory.size >>> 12 });
    const { stop, fetch } = this;
    const jumpTo = mode.flat ? flatJump(S, ring, pages, fetch) : checkedJump(S, ring, pages, fetch);
    const hot = (target: Insn): void => { this.becomeHead(target); };
    const link = linkHandler(S, ring, pages, mode, stop, fetch);
    const hotLink: Handler = (i) => {
      const to = link(i);
      if (to === i.n && ++to.h === this.#hotThreshold) hot(to);
      return to;
    };
    const values: unknown[] = [
      S, cpu.bytes, cpu.halves, memory.ram, memory.ram16, memory.ram32, ring.read, ring.write, Math.imul, Math.clz32,
      ...Object.values(slowPaths(ring, S, this.#measurement)), conditionOf, carryOf, flagsOf, jumpTo, fetch, this.#hotThreshold, hot,
    ];
    const source: HandlerSource = {
      handler: this.#handlers(values),
      stop,
      link,
      hotLink: this.#profile ? hotLink : link,
      undefinedOpcode: () => raise(VECTOR.UD),
      tooLong: () => raise(VECTOR.GP, 0),
    };
    return this.cache.newSpace(mode, source, ring, pages);
  }

  /** Whether a head was executed so often at other addresses than its region is bound to that this region is to be made anew. */
  hasMoved({ away }: Entry): boolean { return away >= this.#movedThreshold; }

  /** Makes an ordinary instruction the head of a region to be. */
  becomeHead(insn: Insn): boolean {
    if (insn.kind !== PLAIN && insn.kind !== EXACT) return false;
    insn.kind = REGION;
    insn.f = this.#enter;
    return true;
  }

  /**
   * Execution came to `insn`, which is not the head of a region, out of one or by a fault, an interrupt or a far transfer, which takes as long as many
   * instructions. Whether that happened often now.
   */
  leftTo(insn: Insn): boolean {
    const before = insn.h;
    insn.h = before + ARRIVAL_HEAT;
    return insn.h >= this.#hotThreshold && before < this.#hotThreshold && (insn.kind === PLAIN || insn.kind === EXACT);
  }

  /** Where a mode's handlers come from: each is made once. Backward branches have their own where they gather heat. */
  #handlers(values: readonly unknown[]): HandlerSource["handler"] {
    const forward = new Map<Form, MadeHandler>(), backward = new Map<Form, MadeHandler>();
    return (form, isBackward) => {
      const goesBack = isBackward && this.#profile, known = goesBack ? backward : forward;
      let made = known.get(form);
      if (made === undefined) known.set(form, (made = this.#handler(form, goesBack, values)));
      return made;
    };
  }

  #handler(form: Form, backward: boolean, values: readonly unknown[]): MadeHandler {
    const text = handlerText(form, this.#profile, backward);
    const names = text.functions.map((name) => name.replaceAll(/[^A-Za-z0-9]/g, "_"));
    this.#check?.(text.source, [...ABI_NAMES, ...names]);
    const make = new Function(...ABI_NAMES, ...names, `"use strict"; return ${text.source};`) as (...args: unknown[]) => Handler;
    return { handler: make(...values, ...text.functions.map((name) => this.#functions(name))), exact: text.exact };
  }

  /**
   * Executes at most `limit` instructions from `start` in the current page; returns how many are left. Stops early at STOP; `at` is then the
   * instruction that stopped, otherwise the one to execute next. A fault is thrown on with `left` and `at` set to where it happened.
   */
  left = 0;
  at: Insn = this.fetch;

  run(start: Insn, limit: number): void {
    const S = this.cpu.words, { stopped } = this;
    let i = start, left = limit, k = 0;
    try {
      while (left >= 8) {
        k = 0; i = i.f(i);
        k = 1; i = i.f(i);
        k = 2; i = i.f(i);
        k = 3; i = i.f(i);
        k = 4; i = i.f(i);
        k = 5; i = i.f(i);
        k = 6; i = i.f(i);
        k = 7; i = i.f(i);
        left -= 8;
        if (S[WASTED] !== 0) {
          left += S[WASTED]!;
          S[WASTED] = 0;
          if (i === stopped) { this.left = left; this.at = stopped.n; return; }
        }
      }
      k = 0;
      while (left > 0) {
        i = i.f(i);
        left -= 1;
        if (S[WASTED] !== 0) {
          left += S[WASTED]!;
          S[WASTED] = 0;
          if (i === stopped) { this.left = left; this.at = stopped.n; return; }
        }
      }
      this.left = left;
      this.at = i;
    } catch (event) {
      this.left = left - k + S[WASTED]!;
      this.at = i;
      S[WASTED] = 0;
      throw event;
    }
  }

  /**
   * The same, one by one, counting every execution and noting where pages are executed. In a trial (`base` is not 0) region heads are
   * executed as the instructions that they are.
   */
  runCounted(start: Insn, limit: number, space: CodeSpace, base: number, went: (insn: Insn, distance: number) => void): void {
    const S = this.cpu.words, { stopped } = this;
    let i = start, at = start, left = limit, page = -1;
    try {
      while (left > 0) {
        if (S[PAGE] !== page) {
          page = S[PAGE]!;
          noteLinear(space, page);
        }
        at = i;
        at.count++; // before it can drop itself
        if (base === 0) i = at.f(at);
        else {
          saw(at, base);
          i = at.kind === REGION && !at.exact ? at.g(at) : at.f(at);
          if (i !== at.n && i !== at.t && i !== stopped && at.kind !== LINK && i !== at) went(at, (i.kind === FETCH ? S[EIP]! + S[CS_BASE]! : S[PAGE]! + i.o) - page - at.o | 0);
        }
        left -= 1;
        if (S[WASTED] !== 0) {
          at.count--;
          left += S[WASTED]!;
          S[WASTED] = 0;
          if (i === stopped) { this.left = left; this.at = stopped.n; return; }
        }
      }
      this.left = left;
      this.at = i;
    } catch (event) {
      at.count--;
      this.left = left + S[WASTED]!;
      this.at = i;
      S[WASTED] = 0;
      throw event;
    }
  }
}

/**
 * Whether a region that is bound to another linear address begins at this head: another process has the page somewhere else. The head is
 * then an ordinary instruction.
 */
export function isOfAnotherAddress(head: Insn, linear: number): boolean {
  const entry = head.r as Entry | undefined;
  return entry !== undefined && !head.exact && entry.linear !== linear && !entry.region.isMobile;
}

/** Remembers at which linear page the code of a frame runs. */
export function noteLinear(space: CodeSpace, linear: number): void {
  const host = space.hostOf(linear), page = host === undefined ? undefined : space.pages[host >>> 12];
  if (page !== undefined) page.linear = linear & ~0xfff;
}

/** Indirect jumps in flat segments. */
function flatJump(S: Int32Array, ring: Ring, pages: CodeSpace["pages"], fetch: Insn): (eip: number) => Insn {
  const { exec } = ring;
  return (eip) => {
    const entry = exec[eip >>> 12]!;
    if ((entry & SLOW) === 0) {
      const host = eip ^ entry, page = pages[host >>> 12];
      if (page !== undefined) {
        S[PAGE] = eip & ~0xfff;
        page.shared.used = true;
        return page.at(host & 0xfff);
      }
    }
    S[EIP] = eip;
    return fetch;
  };
}

/** Jumps where CS has a base or a limit: a target beyond the limit is #GP of the jump itself; on the page of the limit the loop must stop. */
function checkedJump(S: Int32Array, ring: Ring, pages: CodeSpace["pages"], fetch: Insn): (eip: number) => Insn {
  const flat = flatJump(S, ring, pages, fetch);
  return (eip) => {
    if (eip >>> 0 > S[CS_LIMIT]! >>> 0) raise(VECTOR.GP, 0);
    const linear = eip + S[CS_BASE]! | 0, target = limitOnPage(S, linear) ? fetch : flat(linear);
    if (target === fetch) S[EIP] = eip;
    return target;
  };
}

/** Follows a link: one compare of the linear address and one of the EXEC entry where it was followed before. */
function linkHandler(S: Int32Array, ring: Ring, pages: CodeSpace["pages"], mode: Mode, stop: Handler, fetch: Insn): Handler {
  const { exec } = ring;
  return (i) => {
    const linear = S[PAGE]! + i.o | 0, entry = exec[linear >>> 12]!;
    if (linear === i.p && entry === i.d && i.n !== i && (i.r as Frame).epoch === i.k) {
      (i.r as Frame).used = true;
      S[PAGE] = linear & ~0xfff;
      S[WASTED] = S[WASTED]! + 1;
      return i.n;
    }
    const host = linear ^ entry, page = (entry & SLOW) === 0 && mode.flat ? pages[host >>> 12] : undefined;
    if (page === undefined) {
      S[EIP] = linear - S[CS_BASE]! | 0;
      return stop(fetch);
    }
    page.shared.used = true;
    i.r = page.shared;
    i.k = page.shared.epoch;
    i.p = linear;
    i.d = entry;
    i.n = page.at(host & 0xfff);
    S[PAGE] = linear & ~0xfff;
    S[WASTED] = S[WASTED]! + 1;
    return i.n;
  };
}

