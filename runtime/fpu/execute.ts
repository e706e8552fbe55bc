/**
 * One decoded x87 instruction, completely: checks, operands from memory, the operation, results to memory, pointers.
 *
 * `x87Handler` resolves a mnemonic once into a function that the engines call with plain numbers. Invariant: whatever memory throws
 * (a page fault, a retry), the FPU's state is as it was before the instruction: operands are read before anything else, and a store writes memory
 * before it records exceptions and pops.
 */
import { raise, VECTOR } from "../faults.ts";
import * as state from "../state.ts";
import type { CpuState } from "../state.ts";
import { arithmeticFlags } from "../flags.ts";
import type { LinearMemory } from "../monitor/context.ts";
import {
  ENVIRONMENT_WORDS, REGISTER_BYTES, abridgedTags, environmentOf, registerAt, setAbridgedTags, setControlAndStatus, setEnvironment,
} from "./environment.ts";
import * as extended from "./extended.ts";
import * as fpuModule from "./fpu.ts";
import type { Fpu } from "./fpu.ts";

const { CF, CR0_PE, PF, SLOT, VM, ZF } = state;
const { EXP, HIGH } = extended;
const { ADD, DIVIDE, DIVIDE_REVERSED, MULTIPLY, SUBTRACT, SUBTRACT_REVERSED } = fpuModule;

/** What an x87 instruction needs of the virtual CPU. The pointer fields describe the instruction being executed. */
export interface X87Host {
  readonly cpu: CpuState;
  readonly fpu: Fpu;
  readonly memory: LinearMemory;
  /** Offset in CS of the instruction's first byte, prefixes included. */
  readonly x87Offset: number;
  /** Low 3 bits of the first opcode byte, then the ModRM byte: the 11 bits of FOP. 0 where the host does not know it. */
  readonly x87Opcode: number;
  /** Offset and selector of the memory operand; looked at only where there is one. */
  readonly x87DataOffset: number;
  readonly x87DataSelector: number;
}

/**
 * Executes one instruction. `a` and `b` are the numbers of its ST operands in the order of the manual, 0 where absent (faddp and its like
 * without operands: 1 and 0); `linear` is the address of the memory operand; `operandSize` (2 or 4) selects the image format of
 * FLDENV, FNSTENV, FNSAVE and FRSTOR.
 */
export type X87Operation = (host: X87Host, a: number, b: number, linear: number, operandSize: number) => void;

/** `memorySize` of an instruction without a memory operand. FNSTSW with it writes AX. */
export const NO_MEMORY = -1;

type RegisterBody = (fpu: Fpu, a: number, b: number) => void;
/** Operand words: low, high, and the top half word of 10 bytes; 16-bit integers are sign-extended. */
type LoadBody = (fpu: Fpu, low: number, high: number, top: number) => void;
type StoreBody = (fpu: Fpu) => boolean;

function enter(host: X87Host): void {
  host.fpu.checkAvailable();
  host.fpu.checkPending();
}

function recordInstruction(host: X87Host): void {
  const { words } = host.cpu;
  words[SLOT.fpuIp] = host.x87Offset;
  words[SLOT.fpuCs] = words[SLOT.selector1]!;
  words[SLOT.fpuOpcode] = host.x87Opcode;
}

function recordData(host: X87Host): void {
  recordInstruction(host);
  host.cpu.words[SLOT.fpuDp] = host.x87DataOffset;
  host.cpu.words[SLOT.fpuDs] = host.x87DataSelector;
}

/** An instruction without memory operand that waits and is recorded. */
function register(body: RegisterBody): X87Operation {
  return (host, a, b) => {
    enter(host);
    recordInstruction(host);
    body(host.fpu, a, b);
  };
}

/** An instruction without memory operand that neither waits nor is recorded. */
function control(body: (host: X87Host) => void): X87Operation {
  return (host) => {
    host.fpu.checkAvailable();
    body(host);
  };
}

function load(size: number, body: LoadBody): X87Operation {
  return (host, _a, _b, linear) => {
    enter(host);
    const { memory } = host;
    memory.requireAligned(linear, alignmentOf(size));
    const low = size === 2 ? (memory.read16(linear) << 16) >> 16 : memory.read32(linear);
    const high = size >= 8 ? memory.read32((linear + 4) | 0) : 0;
    const top = size === 10 ? memory.read16((linear + 8) | 0) : 0;
    recordData(host);
    body(host.fpu, low, high, top);
  };
}

function store(size: number, pop: boolean, body: StoreBody): X87Operation {
  return (host, _a, _b, linear) => {
    enter(host);
    const { fpu, memory } = host;
    if (body(fpu)) {
      memory.requireAligned(linear, alignmentOf(size));
      prepareWrite(host, linear, size);
      if (size === 2) memory.write16(linear, fpu.resultLow & 0xffff);
      else memory.write32(linear, fpu.resultLow);
      if (size >= 8) memory.write32((linear + 4) | 0, fpu.resultHigh);
      if (size === 10) memory.write16((linear + 8) | 0, fpu.resultTop & 0xffff);
    }
    recordData(host);
    fpu.finishStore(pop);
  };
}

/** Of an operand of `size` bytes (SDM volume 3, table 6-7): 10 bytes are aligned to 8. */
const alignmentOf = (size: number): number => Math.min(size, 8);

/** Lets a write that lies on two pages fault before its first part is written. */
function prepareWrite(host: X87Host, linear: number, size: number): void {
  if ((linear & 0xfff) + size > 0x1000) host.memory.probe(linear, size, true, host.cpu.words[SLOT.cpl] === 3);
}

const byMnemonic = new Map<string, X87Operation>();

function define(mnemonic: string, memorySize: number, operation: X87Operation): void {
  byMnemonic.set(`${mnemonic} ${memorySize}`, operation);
}

function defineRegister(mnemonic: string, body: RegisterBody): void {
  define(mnemonic, NO_MEMORY, register(body));
}

/**
 * The function for an instruction of the manual's `mnemonic` (lower case) with a memory operand of `memorySize` bytes (2, 4, 8, 10; 0 for
 * the images of FNSAVE and its like), or NO_MEMORY. Undefined where there is no such instruction.
 */
export function x87Handler(mnemonic: string, memorySize: number): X87Operation | undefined {
  return byMnemonic.get(`${mnemonic} ${memorySize}`);
}

/** Every "mnemonic memorySize" that `x87Handler` knows. */
export function x87Forms(): readonly string[] {
  return [...byMnemonic.keys()];
}

// Arithmetic.
for (const [name, operation] of [
  ["add", ADD], ["mul", MULTIPLY], ["sub", SUBTRACT], ["subr", SUBTRACT_REVERSED], ["div", DIVIDE], ["divr", DIVIDE_REVERSED],
] as const) {
  defineRegister(`f${name}`, (fpu, a, b) => fpu.arithmetic(operation, a, b, false));
  defineRegister(`f${name}p`, (fpu, a, b) => fpu.arithmetic(operation, a, b, true));
  define(`f${name}`, 4, load(4, (fpu, low) => fpu.arithmeticSingle(operation, low)));
  define(`f${name}`, 8, load(8, (fpu, low, high) => fpu.arithmeticDouble(operation, low, high)));
  define(`fi${name}`, 2, load(2, (fpu, low) => fpu.arithmeticInt32(operation, low)));
  define(`fi${name}`, 4, load(4, (fpu, low) => fpu.arithmeticInt32(operation, low)));
}
for (const [mnemonic, body] of [
  ["fsqrt", (fpu) => fpu.squareRoot()], ["frndint", (fpu) => fpu.roundToInteger()], ["fscale", (fpu) => fpu.scale()],
  ["fprem", (fpu) => fpu.remainder(false)], ["fprem1", (fpu) => fpu.remainder(true)], ["fxtract", (fpu) => fpu.extract()],
  ["fabs", (fpu) => fpu.absolute()], ["fchs", (fpu) => fpu.negate()],
  ["fsin", (fpu) => fpu.sineOrCosine(false)], ["fcos", (fpu) => fpu.sineOrCosine(true)], ["fsincos", (fpu) => fpu.sineAndCosine()],
  ["fptan", (fpu) => fpu.tangent()], ["fpatan", (fpu) => fpu.arctangent()], ["f2xm1", (fpu) => fpu.powerMinusOne()],
  ["fyl2x", (fpu) => fpu.logarithm()], ["fyl2xp1", (fpu) => fpu.logarithmPlusOne()],
] as readonly (readonly [string, RegisterBody])[]) defineRegister(mnemonic, body);

// Loads, stores, moves.
define("fld", 4, load(4, (fpu, low) => fpu.loadSingle(low)));
define("fld", 8, load(8, (fpu, low, high) => fpu.loadDouble(low, high)));
define("fld", 10, load(10, (fpu, low, high, top) => fpu.loadExtended(low, high, top)));
define("fild", 2, load(2, (fpu, low) => fpu.loadInt32(low)));
define("fild", 4, load(4, (fpu, low) => fpu.loadInt32(low)));
define("fild", 8, load(8, (fpu, low, high) => fpu.loadInt64(low, high)));
define("fbld", 10, load(10, (fpu, low, high, top) => fpu.loadBcd(low, high, top)));
define("fbstp", 10, store(10, true, (fpu) => fpu.storeBcd()));
for (const [suffix, pop] of [["", false], ["p", true]] as const) {
  define(`fst${suffix}`, 4, store(4, pop, (fpu) => fpu.storeSingle()));
  define(`fst${suffix}`, 8, store(8, pop, (fpu) => fpu.storeDouble()));
  define(`fist${suffix}`, 2, store(2, pop, (fpu) => fpu.storeInteger(16)));
  define(`fist${suffix}`, 4, store(4, pop, (fpu) => fpu.storeInteger(32)));
  defineRegister(`fst${suffix}`, (fpu, a) => fpu.storeRegister(a, pop));
}
define("fstp", 10, store(10, true, (fpu) => fpu.storeExtended()));
define("fistp", 8, store(8, true, (fpu) => fpu.storeInteger(64)));
defineRegister("fld", (fpu, a) => fpu.loadRegister(a));
for (const [index, mnemonic] of ["fld1", "fldl2t", "fldl2e", "fldpi", "fldlg2", "fldln2", "fldz"].entries()) {
  defineRegister(mnemonic, (fpu) => fpu.loadConstant(index));
}
// One of the two operands is ST(0), whichever the table names first.
defineRegister("fxch", (fpu, a, b) => fpu.exchange(a | b));
defineRegister("ffree", (fpu, a) => fpu.release(a, false));
defineRegister("ffreep", (fpu, a) => fpu.release(a, true));
defineRegister("fincstp", (fpu) => fpu.rotate(1));
defineRegister("fdecstp", (fpu) => fpu.rotate(-1));
defineRegister("fnop", () => undefined);
for (const [condition, mask] of [["b", CF], ["e", ZF], ["be", CF | ZF], ["u", PF]] as const) {
  for (const negated of [false, true]) {
    define(`fcmov${negated ? "n" : ""}${condition}`, NO_MEMORY, (host, a, b) => {
      enter(host);
      recordInstruction(host);
      host.fpu.move(a | b, ((arithmeticFlags(host.cpu.words) & mask) !== 0) !== negated);
    });
  }
}

// Comparisons.
for (const [suffix, pops] of [["", 0], ["p", 1]] as const) {
  defineRegister(`fcom${suffix}`, (fpu, a, b) => fpu.compare(a | b, false, pops));
  defineRegister(`fucom${suffix}`, (fpu, a, b) => fpu.compare(a | b, true, pops));
  defineRegister(`fcomi${suffix}`, (fpu, a, b) => fpu.compareToFlags(a | b, false, pops !== 0));
  defineRegister(`fucomi${suffix}`, (fpu, a, b) => fpu.compareToFlags(a | b, true, pops !== 0));
  define(`fcom${suffix}`, 4, load(4, (fpu, low) => fpu.compareSingle(low, pops)));
  define(`fcom${suffix}`, 8, load(8, (fpu, low, high) => fpu.compareDouble(low, high, pops)));
  define(`ficom${suffix}`, 2, load(2, (fpu, low) => fpu.compareInt32(low, pops)));
  define(`ficom${suffix}`, 4, load(4, (fpu, low) => fpu.compareInt32(low, pops)));
}
defineRegister("fcompp", (fpu) => fpu.compare(1, false, 2));
defineRegister("fucompp", (fpu) => fpu.compare(1, true, 2));
defineRegister("ftst", (fpu) => fpu.test());
defineRegister("fxam", (fpu) => fpu.examine());

// Control.
define("fninit", NO_MEMORY, control((host) => host.fpu.initialize()));
define("fnclex", NO_MEMORY, control((host) => host.fpu.clearExceptions()));
for (const mnemonic of ["fneni", "fndisi", "fnsetpm"]) define(mnemonic, NO_MEMORY, control(() => undefined));
define("fnstsw", NO_MEMORY, control((host) => {
  host.cpu.eax = (host.cpu.eax & ~0xffff) | host.fpu.statusWord;
}));
define("fnstsw", 2, (host, _a, _b, linear) => {
  host.fpu.checkAvailable();
  host.memory.requireAligned(linear, 2);
  host.memory.write16(linear, host.fpu.statusWord & 0xffff);
});
define("fnstcw", 2, (host, _a, _b, linear) => {
  host.fpu.checkAvailable();
  host.memory.requireAligned(linear, 2);
  host.memory.write16(linear, host.fpu.controlWord & 0xffff);
});
define("fldcw", 2, (host, _a, _b, linear) => {
  enter(host);
  host.memory.requireAligned(linear, 2);
  host.fpu.controlWord = host.memory.read16(linear);
});
for (const mnemonic of ["fwait", "wait"]) define(mnemonic, NO_MEMORY, (host) => host.fpu.wait());

// Images.
function inProtectedMode(cpu: CpuState): boolean {
  return (cpu.cr0 & CR0_PE) !== 0 && (cpu.eflags & VM) === 0;
}

/** What an image holds, read whole before any of it is taken over, for an access may fault: the environment, or FXRSTOR's first words; three words for each of ST(0) to ST(7). */
const image = new Int32Array(ENVIRONMENT_WORDS), values = new Int32Array(24);
const FXSAVE_WORDS = 6;

function writeEnvironment(host: X87Host, linear: number, size: number): void {
  environmentOf(host.cpu.words, image, size, inProtectedMode(host.cpu));
  for (let k = 0; k < ENVIRONMENT_WORDS; k++) {
    if (size === 2) host.memory.write16((linear + k * 2) | 0, image[k]! & 0xffff);
    else host.memory.write32((linear + k * 4) | 0, image[k]!);
  }
}

function readEnvironment(host: X87Host, linear: number, size: number): void {
  for (let k = 0; k < ENVIRONMENT_WORDS; k++) image[k] = size === 2 ? host.memory.read16((linear + k * 2) | 0) : host.memory.read32((linear + k * 4) | 0);
}

function writeRegisters(host: X87Host, linear: number, stride: number): void {
  const { memory } = host, { words } = host.cpu;
  for (let i = 0; i < 8; i++) {
    const at = registerAt(words, i), address = linear + i * stride;
    memory.write32(address | 0, words[at]!);
    memory.write32((address + 4) | 0, words[at + HIGH]!);
    memory.write16((address + 8) | 0, words[at + EXP]! & 0xffff);
  }
}

function readRegisters(memory: LinearMemory, linear: number, stride: number): void {
  for (let i = 0; i < 8; i++) {
    const address = linear + i * stride;
    values[i * 3] = memory.read32(address | 0);
    values[i * 3 + HIGH] = memory.read32((address + 4) | 0);
    values[i * 3 + EXP] = memory.read16((address + 8) | 0);
  }
}

function setRegisters(words: Int32Array): void {
  for (let i = 0; i < 8; i++) {
    const at = registerAt(words, i);
    words[at] = values[i * 3]!;
    words[at + HIGH] = values[i * 3 + HIGH]!;
    words[at + EXP] = values[i * 3 + EXP]!;
  }
}

define("fnstenv", 0, (host, _a, _b, linear, size) => {
  host.fpu.checkAvailable();
  host.memory.requireAligned(linear, size);
  prepareWrite(host, linear, ENVIRONMENT_WORDS * size);
  writeEnvironment(host, linear, size);
  host.fpu.controlWord |= 0x3f;
});
define("fldenv", 0, (host, _a, _b, linear, size) => {
  enter(host);
  host.memory.requireAligned(linear, size);
  readEnvironment(host, linear, size);
  setEnvironment(host.cpu.words, image, size, inProtectedMode(host.cpu));
  host.fpu.settleFerr();
});
define("fnsave", 0, (host, _a, _b, linear, size) => {
  host.fpu.checkAvailable();
  host.memory.requireAligned(linear, size);
  prepareWrite(host, linear, ENVIRONMENT_WORDS * size + 8 * REGISTER_BYTES);
  writeEnvironment(host, linear, size);
  writeRegisters(host, linear + ENVIRONMENT_WORDS * size, REGISTER_BYTES);
  host.fpu.initialize();
});
define("frstor", 0, (host, _a, _b, linear, size) => {
  enter(host);
  host.memory.requireAligned(linear, size);
  readEnvironment(host, linear, size);
  readRegisters(host.memory, linear + ENVIRONMENT_WORDS * size, REGISTER_BYTES);
  setEnvironment(host.cpu.words, image, size, inProtectedMode(host.cpu));
  setRegisters(host.cpu.words);
  host.fpu.settleFerr();
});

// FXSAVE and FXRSTOR, x87 part: the image's MXCSR and XMM fields are left alone. An image that is not aligned to 16 is #GP.
define("fxsave", 0, (host, _a, _b, linear) => {
  host.fpu.checkAvailable();
  if ((linear & 15) !== 0) raise(VECTOR.GP, 0);
  const { memory } = host, { words } = host.cpu;
  prepareWrite(host, linear, 160);
  memory.write32(linear | 0, (words[SLOT.fpuControl]! & 0xffff) | (words[SLOT.fpuStatus]! << 16));
  memory.write32((linear + 4) | 0, abridgedTags(words) | (words[SLOT.fpuOpcode]! << 16));
  memory.write32((linear + 8) | 0, words[SLOT.fpuIp]!);
  memory.write32((linear + 12) | 0, words[SLOT.fpuCs]! & 0xffff);
  memory.write32((linear + 16) | 0, words[SLOT.fpuDp]!);
  memory.write32((linear + 20) | 0, words[SLOT.fpuDs]! & 0xffff);
  writeRegisters(host, linear + 32, 16);
});
define("fxrstor", 0, (host, _a, _b, linear) => {
  host.fpu.checkAvailable();
  if ((linear & 15) !== 0) raise(VECTOR.GP, 0);
  const { memory } = host, { words } = host.cpu;
  for (let k = 0; k < FXSAVE_WORDS; k++) image[k] = memory.read32((linear + k * 4) | 0);
  readRegisters(memory, linear + 32, 16);
  setControlAndStatus(words, image[0]! & 0xffff, image[0]! >>> 16);
  setAbridgedTags(words, image[1]! & 0xff);
  words[SLOT.fpuOpcode] = (image[1]! >>> 16) & 0x7ff;
  words[SLOT.fpuIp] = image[2]!;
  words[SLOT.fpuCs] = image[3]! & 0xffff;
  words[SLOT.fpuDp] = image[4]!;
  words[SLOT.fpuDs] = image[5]! & 0xffff;
  setRegisters(words);
  host.fpu.settleFerr();
});
