/**
 * A decoded instruction as the interpreter executes it: a handler, operand fields, and links to what follows.
 *
 * One object exists for each (physical page, mode, offset) ever looked up, and stays the same until the page is evicted: where its bytes
 * change it goes back to the state "undecoded", so nothing that links to it needs to know.
 */
export type Handler = (i: Insn) => Insn;

/** The order of fields is the order in memory: what executing reads stands first, together. */
export class Insn {
  /** What executing this step calls: the handler, or a detour (undecoded, region entry, link). */
  f: Handler;
  /** The following instruction. */
  n: Insn;
  // Operand fields, see translator/form.ts.
  d = 0;
  s = 0;
  b = 8;
  c = 0;
  x = 8;
  p = 0;
  k = 0;
  m = 0;
  /** The direct branch target. */
  t: Insn;
  /** Heat: how often a backward branch, a call, a delivery or a region that was left came here. */
  h = 0;
  /** Offset of the following instruction. */
  e = 0;
  /** Offset in the page; of a link: of its target, relative to the page walked in. */
  o: number;
  /** What the interpreter's loop must know of this instruction. */
  kind: number;
  /** The handler of the instruction itself. */
  g: Handler;
  /** It must run at an exact count, also where it is the head of a region. */
  exact = false;
  /** Executions in the trial whose number is in the upper bits, see runtime/trial.ts. */
  seen = 0;
  /** Baseline code that begins here was not worth its making yet. */
  hasWaited = false;
  /** Executions since they were last fetched, while somebody counts. */
  count = 0;
  /** The region that begins here; of a link: the frame that it was followed to. */
  r: object | undefined = undefined;

  constructor(offset: number, handler: Handler, kind: number) {
    this.f = handler;
    this.g = handler;
    this.n = this;
    this.t = this;
    this.o = offset;
    this.kind = kind;
  }

  /** Makes it as new. */
  renew(offset: number, handler: Handler, kind: number): void {
    this.f = this.g = handler;
    this.n = this.t = this;
    this.d = this.s = this.c = this.p = this.k = this.m = this.h = this.e = this.seen = this.count = 0;
    this.b = this.x = 8;
    this.o = offset;
    this.kind = kind;
    this.exact = this.hasWaited = false;
    this.r = undefined;
  }
}

/** An ordinary instruction or one that is not decoded yet. */
export const PLAIN = 0;
/** It must run at an exact count: its detour stops the loop. */
export const EXACT = 1;
/** A region begins here. */
export const REGION = 2;
/** No instruction: the address in `eip` must be looked up, with all that a fetch does. */
export const FETCH = 3;
/** No instruction: a link to another page. */
export const LINK = 4;
/** An instruction whose bytes lie on two pages. */
export const STRADDLING = 5;
