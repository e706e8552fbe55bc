/**
 * The x87 FPU: one method per instruction, on plain numbers. Memory is the caller's: operands come as words, stores are two-phase
 * (load-store.ts).
 *
 * SDM volume 1, chapter 8, and the instructions' pages in volume 2.
 */
import { UNORDERED } from "./arithmetic.ts";
import type { Arithmetic } from "./arithmetic.ts";
import { CONSTANTS, setConstant } from "./constants.ts";
import { fromDouble, fromInt64, fromSingle } from "./convert.ts";
import * as extended from "./extended.ts";
import { kindOf } from "./extended.ts";
import type { Kind } from "./extended.ts";
import { LoadStoreUnit } from "./load-store.ts";
import { extract, remainder, roundToInteger, scale } from "./partial.ts";
import { arctangent, cosine, logarithm, logarithmPlusOne, powerMinusOne, sine, tangent } from "./transcendental.ts";
import { setArithmeticFlags } from "../flags.ts";
import * as state from "../state.ts";

const {
  BUSY, C0, C1, C2, C3, DENORMAL, ES, EXCEPTIONS, EXP, EXPONENT_MASK, HIGH, IE, INFINITY, INITIAL_CONTROL, NORMAL, QUIET_NAN,
  SIGNALLING_NAN, SIGN_BIT, STACK_FAULT, UNSUPPORTED, ZERO,
} = extended;
const { CF, PF, SLOT, ZF } = state;

/** The operations of `arithmetic`, as the reg field of the opcode numbers them. */
export const ADD = 0, MULTIPLY = 1, SUBTRACT = 4, SUBTRACT_REVERSED = 5, DIVIDE = 6, DIVIDE_REVERSED = 7;

const FXAM_CODES = new Map<Kind, number>([
  [UNSUPPORTED, 0], [QUIET_NAN, C0], [SIGNALLING_NAN, C0], [NORMAL, C2], [INFINITY, C2 | C0], [ZERO, C3], [DENORMAL, C3 | C2],
]);

export class Fpu extends LoadStoreUnit {
  private readonly second = new Int32Array(3);
  private readonly codes = new Int32Array(1);

  /** Power-up and RESET: registers +0, control 40h (SDM volume 3, table 10-1). */
  reset(): void {
    const { words } = this;
    words.fill(0, SLOT.st0Low, SLOT.fpuOpcode + 1);
    words[SLOT.fpuControl] = 0x40;
  }

  /** FNINIT. The registers' contents stay, tagged empty. */
  initialize(): void {
    const { words } = this;
    words.fill(0, SLOT.fpuControl, SLOT.fpuOpcode + 1);
    words[SLOT.fpuControl] = INITIAL_CONTROL;
    words[SLOT.fpuTag] = 0xffff;
    this.settleFerr();
  }

  /** FNCLEX. */
  clearExceptions(): void {
    this.words[SLOT.fpuStatus] = this.words[SLOT.fpuStatus]! & ~(EXCEPTIONS | STACK_FAULT | ES | BUSY);
    this.settleFerr();
  }

  get controlWord(): number { return this.words[SLOT.fpuControl]!; }

  /** FLDCW. Bit 6 reads as 1, the reserved bits as 0. An exception that it unmasks is pending at once. */
  set controlWord(value: number) {
    this.words[SLOT.fpuControl] = (value & 0x1f3f) | 0x40;
    this.updateSummary();
  }

  get statusWord(): number { return this.words[SLOT.fpuStatus]!; }

  // Arithmetic.

  /** FADD … FDIVR between registers: ST(destination) := ST(destination) op ST(source). */
  arithmetic(operation: number, destination: number, source: number, pop: boolean): void {
    if (this.isEmpty(destination) || this.isEmpty(source)) {
      if (!this.underflow()) return;
      this.setRegisterIndefinite(destination);
    } else {
      const core = this.begin();
      core.loadA(this.words, this.at(destination));
      core.loadB(this.words, this.at(source));
      if (!this.settle(compute(core, operation))) return;
      this.setRegister(destination, core.result, 0);
    }
    if (pop) this.pop();
  }

  /** FADD m32 … FDIVR m32. */
  arithmeticSingle(operation: number, bits: number): void {
    this.core.kindB = fromSingle(bits, this.core.b);
    this.arithmeticOperand(operation);
  }

  /** FADD m64 … FDIVR m64. */
  arithmeticDouble(operation: number, low: number, high: number): void {
    this.core.kindB = fromDouble(low, high, this.core.b);
    this.arithmeticOperand(operation);
  }

  /** FIADD m32 … FIDIVR m32, and m16 sign-extended. */
  arithmeticInt32(operation: number, value: number): void {
    this.core.kindB = fromInt64(value, value >> 31, this.core.b);
    this.arithmeticOperand(operation);
  }

  private arithmeticOperand(operation: number): void {
    if (this.isEmpty(0)) {
      if (this.underflow()) this.setRegisterIndefinite(0);
      return;
    }
    const core = this.begin();
    core.loadA(this.words, this.at(0));
    if (this.settle(compute(core, operation))) this.setRegister(0, core.result, 0);
  }

  /** An instruction on ST(0) alone. */
  private unary(operation: (core: Arithmetic) => number): void {
    if (this.isEmpty(0)) {
      if (this.underflow()) this.setRegisterIndefinite(0);
      return;
    }
    const core = this.begin();
    core.loadA(this.words, this.at(0));
    if (this.settle(operation(core))) this.setRegister(0, core.result, 0);
  }

  squareRoot(): void {
    this.unary((core) => core.squareRoot());
  }

  /** FRNDINT. */
  roundToInteger(): void {
    this.unary(roundToInteger);
  }

  /** FSCALE: ST(0) · 2^ST(1). */
  scale(): void {
    this.binary(scale);
  }

  /** FPREM, or FPREM1 where `nearest`. */
  remainder(nearest: boolean): void {
    const { codes } = this;
    codes[0] = -1;
    this.setConditionCodes(0, C2);
    this.binary((core) => remainder(core, nearest, codes));
    if (codes[0] >= 0) this.setConditionCodes(codes[0]);
  }

  /** ST(0) := ST(0) op ST(1). */
  private binary(operation: (core: Arithmetic) => number): void {
    if (this.isEmpty(0) || this.isEmpty(1)) {
      if (this.underflow()) this.setRegisterIndefinite(0);
      return;
    }
    const core = this.begin();
    core.loadA(this.words, this.at(0));
    core.loadB(this.words, this.at(1));
    if (this.settle(operation(core))) this.setRegister(0, core.result, 0);
  }

  /** FABS. */
  absolute(): void {
    this.changeSign(~SIGN_BIT, 0);
  }

  /** FCHS. */
  negate(): void {
    this.changeSign(-1, SIGN_BIT);
  }

  private changeSign(and: number, xor: number): void {
    if (this.isEmpty(0)) {
      if (this.underflow()) this.setRegisterIndefinite(0);
      return;
    }
    this.clearC1();
    const at = this.at(0) + EXP;
    this.words[at] = (this.words[at]! & and) ^ xor;
  }

  /** FXTRACT: the exponent replaces ST(0), the significand is pushed. */
  extract(): void {
    this.unaryAndPush((core) => extract(core, this.second));
  }

  /** Replaces ST(0) by the operation's result and pushes `second`. */
  private unaryAndPush(operation: (core: Arithmetic) => number): void {
    const empty = this.isEmpty(0);
    if (empty || !this.isEmpty(7)) {
      if (!this.settle(empty ? IE | STACK_FAULT : IE | STACK_FAULT | C1)) return;
      this.setRegisterIndefinite(0);
      this.pushIndefinite();
      return;
    }
    const core = this.begin();
    core.loadA(this.words, this.at(0));
    if (!this.settle(operation(core))) return;
    this.setRegister(0, core.result, 0);
    this.push(this.second, 0);
  }

  // Comparisons.

  /** FCOM, FUCOM (`quiet`) and their popping forms: ST(0) with ST(i). */
  compare(i: number, quiet: boolean, pops: number): void {
    if (this.isEmpty(0) || this.isEmpty(i)) return this.compareEmpty(pops);
    const core = this.begin();
    core.loadA(this.words, this.at(0));
    core.loadB(this.words, this.at(i));
    this.settleComparison(core, quiet, pops);
  }

  /** FCOM m32. */
  compareSingle(bits: number, pops: number): void {
    this.core.kindB = fromSingle(bits, this.core.b);
    this.compareOperand(pops);
  }

  /** FCOM m64. */
  compareDouble(low: number, high: number, pops: number): void {
    this.core.kindB = fromDouble(low, high, this.core.b);
    this.compareOperand(pops);
  }

  /** FICOM m32, and m16 sign-extended. */
  compareInt32(value: number, pops: number): void {
    this.core.kindB = fromInt64(value, value >> 31, this.core.b);
    this.compareOperand(pops);
  }

  /** FTST: ST(0) with 0.0. */
  test(): void {
    this.compareInt32(0, 0);
  }

  private compareOperand(pops: number): void {
    if (this.isEmpty(0)) return this.compareEmpty(pops);
    const core = this.begin();
    core.loadA(this.words, this.at(0));
    this.settleComparison(core, false, pops);
  }

  private compareEmpty(pops: number): void {
    const deliver = this.underflow();
    this.setConditionCodes(UNORDERED);
    if (deliver) this.popTimes(pops);
  }

  private settleComparison(core: Arithmetic, quiet: boolean, pops: number): void {
    const deliver = this.settle(core.compare(quiet));
    this.setConditionCodes(core.result[0]!);
    if (deliver) this.popTimes(pops);
  }

  private popTimes(pops: number): void {
    for (; pops > 0; pops--) this.pop();
  }

  /** FCOMI, FUCOMI (`quiet`) and their popping forms: ZF PF CF; OF SF AF are cleared. */
  compareToFlags(i: number, quiet: boolean, pop: boolean): void {
    let codes = UNORDERED, flags = IE | STACK_FAULT;
    if (!this.isEmpty(0) && !this.isEmpty(i)) {
      const core = this.begin();
      core.loadA(this.words, this.at(0));
      core.loadB(this.words, this.at(i));
      flags = core.compare(quiet);
      codes = core.result[0]!;
    }
    const deliver = this.settle(flags);
    setArithmeticFlags(this.words, ((codes & C3) !== 0 ? ZF : 0) | ((codes & C2) !== 0 ? PF : 0) | ((codes & C0) !== 0 ? CF : 0));
    if (deliver && pop) this.pop();
  }

  /** FXAM: the class of ST(0) in C3 C2 C0, its sign in C1, empty or not. */
  examine(): void {
    const at = this.at(0);
    const codes = this.isEmpty(0) ? C3 | C0 : FXAM_CODES.get(kindOf(this.words, at))!;
    this.setConditionCodes(codes | ((this.words[at + EXP]! & SIGN_BIT) === 0 ? 0 : C1));
  }

  // Moves within the stack.

  /** FXCH ST(i). */
  exchange(i: number): void {
    const empty = this.isEmpty(0), otherEmpty = this.isEmpty(i);
    if (empty || otherEmpty) {
      if (!this.underflow()) return;
      if (empty) this.setRegisterIndefinite(0);
      if (otherEmpty) this.setRegisterIndefinite(i);
    } else this.clearC1();
    const { words } = this, at = this.at(0), other = this.at(i);
    for (let word = 0; word < 3; word++) {
      const kept = words[at + word]!;
      words[at + word] = words[other + word]!;
      words[other + word] = kept;
    }
  }

  /** FCMOVcc ST(0), ST(i). C1 stays unless the stack underflows. */
  move(i: number, condition: boolean): void {
    if (this.isEmpty(0) || this.isEmpty(i)) {
      if (this.underflow()) this.setRegisterIndefinite(0);
      return;
    }
    if (condition) this.setRegister(0, this.words, this.at(i));
  }

  /** FINCSTP and FDECSTP: 1 and -1. */
  rotate(by: number): void {
    this.clearC1();
    this.moveTop(by);
  }

  /** FFREE, and the undocumented FFREEP, which pops as well. */
  release(i: number, pop: boolean): void {
    this.clearC1();
    this.free(i);
    if (pop) this.pop();
  }

  // Transcendental instructions.

  /** FSIN, and FCOS where `cosineWanted`. C2 where |ST(0)| is 2^63 or more; ST(0) then stays. */
  sineOrCosine(cosineWanted: boolean): void {
    if (!this.isEmpty(0) && this.outOfRange()) return;
    this.setConditionCodes(0, C2);
    this.unary(cosineWanted ? cosine : sine);
  }

  /** FSINCOS: the sine replaces ST(0), the cosine is pushed. */
  sineAndCosine(): void {
    if (!this.isEmpty(0) && this.isEmpty(7) && this.outOfRange()) return;
    this.setConditionCodes(0, C2);
    this.unaryAndPush((core) => {
      const flags = cosine(core);
      this.second.set(core.result);
      // C1 tells how the sine was rounded.
      return (flags & ~C1) | sine(core);
    });
  }

  /** FPTAN: the tangent replaces ST(0), 1.0 is pushed. */
  tangent(): void {
    if (!this.isEmpty(0) && this.isEmpty(7) && this.outOfRange()) return;
    this.setConditionCodes(0, C2);
    this.unaryAndPush((core) => {
      const flags = tangent(core);
      // A NaN is delivered twice.
      if ((core.result[EXP]! & EXPONENT_MASK) === EXPONENT_MASK) this.second.set(core.result);
      else setConstant(this.second, CONSTANTS[0]!, 0);
      return flags;
    });
  }

  private outOfRange(): boolean {
    const at = this.at(0), exponent = this.words[at + EXP]! & EXPONENT_MASK;
    if (exponent < 0x403e || exponent === EXPONENT_MASK || this.words[at + HIGH]! >= 0) return false;
    this.setConditionCodes(C2, C1 | C2);
    return true;
  }

  /** F2XM1: 2^ST(0) - 1. */
  powerMinusOne(): void {
    this.unary(powerMinusOne);
  }

  /** FPATAN: the angle of the point (ST(0), ST(1)), into ST(1); pops. */
  arctangent(): void {
    this.binaryAndPop(arctangent);
  }

  /** FYL2X: ST(1) · log2 ST(0), into ST(1); pops. */
  logarithm(): void {
    this.binaryAndPop(logarithm);
  }

  /** FYL2XP1: ST(1) · log2(ST(0) + 1), into ST(1); pops. */
  logarithmPlusOne(): void {
    this.binaryAndPop(logarithmPlusOne);
  }

  private binaryAndPop(operation: (core: Arithmetic) => number): void {
    if (this.isEmpty(0) || this.isEmpty(1)) {
      if (!this.underflow()) return;
      this.setRegisterIndefinite(1);
    } else {
      const core = this.begin();
      core.loadA(this.words, this.at(0));
      core.loadB(this.words, this.at(1));
      if (!this.settle(operation(core))) return;
      this.setRegister(1, core.result, 0);
    }
    this.pop();
  }
}

function compute(core: Arithmetic, operation: number): number {
  switch (operation) {
    case ADD: return core.add(0);
    case MULTIPLY: return core.multiply();
    case SUBTRACT: return core.add(SIGN_BIT);
    case SUBTRACT_REVERSED: core.swap(); return core.add(SIGN_BIT);
    case DIVIDE: return core.divide();
    default: core.swap(); return core.divide();
  }
}
