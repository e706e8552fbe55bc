/**
 * The register stack, its tags, and how exceptions are recorded (SDM volume 1, 8.1 and 8.4).
 *
 * The eight registers lie in `CpuState` by physical number; ST(i) is register (TOP + i) mod 8. A tag is kept as
 * 0 (in use) or 3 (empty). Invariant: ES and B are set exactly when an exception flag is set that the control word does not mask.
 */
import { Arithmetic } from "./arithmetic.ts";
import * as extended from "./extended.ts";
import { setIndefinite } from "./extended.ts";
import * as state from "../state.ts";
import type { CpuState } from "../state.ts";
import { VECTOR, raise } from "../faults.ts";

const { BUSY, C1, CONDITION_CODES, DE, ES, EXCEPTIONS, EXP, HIGH, IE, STACK_FAULT, TOP_SHIFT, ZE } = extended;
const { CR0_EM, CR0_MP, CR0_NE, CR0_TS, SLOT } = state;

const CONTROL = SLOT.fpuControl, STATUS = SLOT.fpuStatus, TAG = SLOT.fpuTag, FIRST = SLOT.st0Low;
const TOP_MASK = 7 << TOP_SHIFT;
const EMPTY = 3;

export class RegisterStack {
  protected readonly words: Int32Array;
  protected readonly core = new Arithmetic();
  /**
   * Called when a waiting instruction finds an unmasked exception while CR0.NE = 0: the machine asserts FERR# (IRQ 13). It may
   * throw to hold the instruction back until the interrupt was taken; where it returns (IGNNE# is active) the instruction goes on.
   */
  onFerr: () => void = () => undefined;
  /** Called when no unmasked exception is pending after one may have been: FERR# is negated. */
  onFerrNegated: () => void = () => undefined;

  constructor(cpu: CpuState) {
    this.words = cpu.words;
  }

  /** Every x87 instruction but WAIT: #NM where CR0.EM or TS is set. */
  checkAvailable(): void {
    if ((this.words[SLOT.cr0]! & (CR0_EM | CR0_TS)) !== 0) raise(VECTOR.NM);
  }

  /** WAIT/FWAIT: #NM where CR0.MP and TS are both set, then a pending exception. */
  wait(): void {
    if ((~this.words[SLOT.cr0]! & (CR0_MP | CR0_TS)) === 0) raise(VECTOR.NM);
    this.checkPending();
  }

  /** Waiting instructions: a pending unmasked exception raises #MF, or goes to `onFerr` where CR0.NE = 0 (true is returned then). */
  checkPending(): boolean {
    if ((this.words[STATUS]! & ES) === 0) return false;
    if ((this.words[SLOT.cr0]! & CR0_NE) !== 0) raise(VECTOR.MF);
    this.onFerr();
    return true;
  }

  /** Word index of ST(i) in the state. */
  protected at(i: number): number {
    return FIRST + 3 * (((this.words[STATUS]! >>> TOP_SHIFT) + i) & 7);
  }

  protected isEmpty(i: number): boolean {
    return ((this.words[TAG]! >>> ((((this.words[STATUS]! >>> TOP_SHIFT) + i) & 7) * 2)) & EMPTY) !== 0;
  }

  protected setTag(i: number, tag: number): void {
    const shift = (((this.words[STATUS]! >>> TOP_SHIFT) + i) & 7) * 2;
    this.words[TAG] = (this.words[TAG]! & ~(EMPTY << shift)) | (tag << shift);
  }

  /** Tags ST(i) empty. */
  protected free(i: number): void {
    this.setTag(i, EMPTY);
  }

  /** Moves TOP by ±1; tags stay. */
  protected moveTop(by: number): void {
    const status = this.words[STATUS]!;
    this.words[STATUS] = (status & ~TOP_MASK) | ((status + (by << TOP_SHIFT)) & TOP_MASK);
  }

  /** Empties ST(0) and increments TOP. */
  pop(): void {
    this.free(0);
    this.moveTop(1);
  }

  protected clearC1(): void {
    this.words[STATUS] = this.words[STATUS]! & ~C1;
  }

  protected setConditionCodes(codes: number, mask: number = CONDITION_CODES): void {
    this.words[STATUS] = (this.words[STATUS]! & ~mask) | codes;
  }

  /** Pushes a packed value; the caller has checked that the register is free. */
  protected push(from: Int32Array, index: number): void {
    this.moveTop(-1);
    this.setRegister(0, from, index);
  }

  /** ST(i) becomes a packed value and is in use. */
  protected setRegister(i: number, from: Int32Array, index: number): void {
    const at = this.at(i), { words } = this;
    words[at] = from[index]!;
    words[at + HIGH] = from[index + HIGH]!;
    words[at + EXP] = from[index + EXP]!;
    this.setTag(i, 0);
  }

  protected setRegisterIndefinite(i: number): void {
    setIndefinite(this.words, this.at(i));
    this.setTag(i, 0);
  }

  protected pushIndefinite(): void {
    this.moveTop(-1);
    this.setRegisterIndefinite(0);
  }

  /**
   * Records the flags that an instruction met, C1 among them. False where an unmasked exception keeps it from delivering
   * (IE, DE, ZE; for stores to memory `also` OE and UE).
   */
  protected settle(flags: number, also: number = 0): boolean {
    const { words } = this;
    if (flags === 0) {
      words[STATUS] = words[STATUS]! & ~C1;
      return true;
    }
    words[STATUS] = (words[STATUS]! & ~C1) | flags;
    const unmasked = flags & ~words[CONTROL]! & EXCEPTIONS;
    if (unmasked === 0) return true;
    words[STATUS] = words[STATUS]! | ES | BUSY;
    return (unmasked & (IE | DE | ZE | also)) === 0;
  }

  /** An operand register was empty. True where the exception is masked and the response is to be delivered. */
  protected underflow(): boolean {
    return this.settle(IE | STACK_FAULT);
  }

  /** A push found its register in use; masked, the indefinite is pushed over it. */
  protected overflow(): void {
    if (this.settle(IE | STACK_FAULT | C1)) this.pushIndefinite();
  }

  /** After whatever may clear ES. */
  settleFerr(): void {
    if ((this.words[STATUS]! & ES) === 0) this.onFerrNegated();
  }

  /** Sets ES and B as the exception flags and masks have it, after either was written. */
  protected updateSummary(): void {
    const status = this.words[STATUS]!;
    const pending = (status & ~this.words[CONTROL]! & EXCEPTIONS) !== 0;
    this.words[STATUS] = pending ? status | ES | BUSY : status & ~(ES | BUSY);
    this.settleFerr();
  }

  /** The control word as an operation must see it. */
  protected begin(): Arithmetic {
    this.core.control = this.words[CONTROL]!;
    return this.core;
  }
}
