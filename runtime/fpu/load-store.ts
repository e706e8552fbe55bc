/**
 * Loads and stores between the register stack and words that the caller reads from or writes to memory.
 *
 * A store is two-phase: `storeDouble()` and its like compute what is to be written (`resultLow`, `resultHigh`, `resultTop`) and change nothing
 * else; the caller writes it where they returned true, and then calls `finishStore`, which records the exceptions and pops. A page fault in
 * between therefore leaves the FPU as it was.
 */
import type { Arithmetic } from "./arithmetic.ts";
import { CONSTANTS, setConstant } from "./constants.ts";
import { fromBcd, fromDouble, fromInt64, fromSingle, toBcd, toDouble, toInt16, toInt32, toInt64, toSingle } from "./convert.ts";
import * as extended from "./extended.ts";
import { setIndefinite, setPacked, setQuieted } from "./extended.ts";
import { RegisterStack } from "./stack.ts";
import * as state from "../state.ts";

const { C1, DE, DENORMAL, EXP, HIGH, IE, LOW, OE, PE, SIGN, SIGNALLING_NAN, STACK_FAULT, UE } = extended;
const { SLOT } = state;

const INDEFINITE = new Int32Array(3);
setIndefinite(INDEFINITE, 0);

export class LoadStoreUnit extends RegisterStack {
  /** What the last `store…` is to write: words of the destination, low first; `resultTop` is the top half word of an 80-bit one. */
  get resultLow(): number { return this.stored[0]!; }
  get resultHigh(): number { return this.stored[1]!; }
  get resultTop(): number { return this.stored[2]!; }

  private readonly stored = new Int32Array(3);
  private storedFlags = 0;

  // Loads.

  /** FLD m32. */
  loadSingle(bits: number): void {
    if (!this.isEmpty(7)) return this.overflow();
    const core = this.begin();
    core.kindA = fromSingle(bits, core.a);
    this.pushConverted(core);
  }

  /** FLD m64. */
  loadDouble(low: number, high: number): void {
    if (!this.isEmpty(7)) return this.overflow();
    const core = this.begin();
    core.kindA = fromDouble(low, high, core.a);
    this.pushConverted(core);
  }

  /** FLD m80: no conversion, hence no exception but a stack fault. */
  loadExtended(low: number, high: number, signExp: number): void {
    if (!this.isEmpty(7)) return this.overflow();
    this.clearC1();
    setPacked(this.core.result, 0, low, high, signExp);
    this.push(this.core.result, 0);
  }

  /** FILD m32, and m16 sign-extended. */
  loadInt32(value: number): void {
    this.loadInt64(value, value >> 31);
  }

  /** FILD m64. */
  loadInt64(low: number, high: number): void {
    if (!this.isEmpty(7)) return this.overflow();
    const { core } = this;
    core.kindA = fromInt64(low, high, core.a);
    this.pushConverted(core);
  }

  /** FBLD: 8 digits, 8 digits, and the top half word of 2 digits and the sign. */
  loadBcd(low: number, high: number, top: number): void {
    if (!this.isEmpty(7)) return this.overflow();
    const { core } = this;
    core.kindA = fromBcd(low, high, top, core.a);
    this.pushConverted(core);
  }

  private pushConverted(core: Arithmetic): void {
    const { a, kindA, result } = core;
    if (kindA === SIGNALLING_NAN) {
      setQuieted(result, 0, a);
      if (!this.settle(IE)) return;
    } else {
      // A denormal is loaded even where DE is unmasked.
      setPacked(result, 0, a[LOW]!, a[HIGH]!, a[EXP]! | a[SIGN]!);
      this.settle(kindA === DENORMAL ? DE : 0);
    }
    this.push(result, 0);
  }

  /** FLD ST(i). */
  loadRegister(i: number): void {
    if (this.isEmpty(i)) {
      if (this.underflow()) this.pushIndefinite();
      return;
    }
    if (!this.isEmpty(7)) return this.overflow();
    this.clearC1();
    this.push(this.words, this.at(i));
  }

  /** FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ: 0 to 6. */
  loadConstant(index: number): void {
    if (!this.isEmpty(7)) return this.overflow();
    this.clearC1();
    setConstant(this.core.result, CONSTANTS[index]!, this.words[SLOT.fpuControl]!);
    this.push(this.core.result, 0);
  }

  // Stores, first phase: true where `result…` is to be written.

  /** FST m32. */
  storeSingle(): boolean {
    return this.convertTo(toSingle);
  }

  /** FST m64. */
  storeDouble(): boolean {
    return this.convertTo(toDouble);
  }

  /** FSTP m80. */
  storeExtended(): boolean {
    const { stored, words } = this, at = this.at(0);
    this.storedFlags = this.isEmpty(0) ? IE | STACK_FAULT : 0;
    if (this.storedFlags !== 0) setIndefinite(stored, 0);
    else setPacked(stored, 0, words[at]!, words[at + HIGH]!, words[at + EXP]!);
    return !this.blocksStore();
  }

  /** FIST: 16, 32 or 64 bits. */
  storeInteger(bits: 16 | 32 | 64): boolean {
    return this.convertTo(bits === 16 ? toInt16 : bits === 32 ? toInt32 : toInt64);
  }

  /** FBSTP. */
  storeBcd(): boolean {
    return this.convertTo(toBcd);
  }

  private convertTo(convert: (words: Int32Array, at: number, control: number, out: Int32Array) => number): boolean {
    if (this.isEmpty(0)) {
      convert(INDEFINITE, 0, this.words[SLOT.fpuControl]!, this.stored);
      this.storedFlags = IE | STACK_FAULT;
    } else this.storedFlags = convert(this.words, this.at(0), this.words[SLOT.fpuControl]!, this.stored);
    return !this.blocksStore();
  }

  private blocksStore(): boolean {
    const unmasked = this.storedFlags & ~this.words[SLOT.fpuControl]!;
    // Nothing was rounded where an overflow or underflow keeps the value from memory.
    if ((unmasked & (OE | UE)) !== 0) this.storedFlags &= ~(PE | C1);
    return (unmasked & (IE | OE | UE)) !== 0;
  }

  /** Second phase of every store: records the exceptions and pops; nothing is popped where nothing was to be written. */
  finishStore(pop: boolean): void {
    if (this.settle(this.storedFlags, OE | UE) && pop) this.pop();
  }

  /** FST/FSTP ST(i). */
  storeRegister(i: number, pop: boolean): void {
    if (this.isEmpty(0)) {
      if (!this.underflow()) return;
      this.setRegisterIndefinite(i);
    } else {
      this.clearC1();
      this.setRegister(i, this.words, this.at(0));
    }
    if (pop) this.pop();
  }
}
