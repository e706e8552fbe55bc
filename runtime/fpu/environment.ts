/**
 * The memory images of the FPU: the environment of FNSTENV and FLDENV in its four formats (SDM volume 1, 8.1.10), the registers that
 * FNSAVE and FRSTOR add, and the x87 part of FXSAVE and FXRSTOR (volume 2, FXSAVE).
 *
 * A real-mode image holds linear instruction and data pointers; a protected-mode one holds selector and offset.
 */
import * as extended from "./extended.ts";
import { kindOf } from "./extended.ts";
import * as state from "../state.ts";

const { EXP, HIGH, TOP_SHIFT, ZERO, BUSY, ES, EXCEPTIONS } = extended;
const { SLOT } = state;

const FIRST = SLOT.st0Low;
const RESERVED_HIGH = 0xffff0000 | 0;
const VALID = 0, ZERO_TAG = 1, SPECIAL = 2, EMPTY = 3;

/** Words of an environment, in the order of the image. */
export const ENVIRONMENT_WORDS = 7;

/** Bytes of one stored register. */
export const REGISTER_BYTES = 10;

/** The tag word as FNSTENV stores it, computed from the registers' contents. */
export function tagWord(words: Int32Array): number {
  const kept = words[SLOT.fpuTag]!;
  let tags = 0;
  for (let register = 0; register < 8; register++) {
    tags |= (((kept >>> (register * 2)) & EMPTY) !== 0 ? EMPTY : contentTag(words, FIRST + 3 * register)) << (register * 2);
  }
  return tags;
}

function contentTag(words: Int32Array, at: number): number {
  const exponent = words[at + EXP]! & 0x7fff;
  if (kindOf(words, at) === ZERO) return ZERO_TAG;
  return exponent !== 0 && exponent !== 0x7fff && words[at + HIGH]! < 0 ? VALID : SPECIAL;
}

/** Keeps of a tag word what the state keeps: empty or not. */
function setTagWord(words: Int32Array, tags: number): void {
  const empty = tags & (tags >>> 1) & 0x5555;
  words[SLOT.fpuTag] = empty | (empty << 1);
}

/** Word index of ST(i). */
export function registerAt(words: Int32Array, i: number): number {
  return FIRST + 3 * (((words[SLOT.fpuStatus]! >>> TOP_SHIFT) + i) & 7);
}

/** Puts the seven words of the environment into `image`; the 16-bit formats store the low half of each. `size` is the operand size, 2 or 4 bytes. */
export function environmentOf(words: Int32Array, image: Int32Array, size: number, protectedMode: boolean): void {
  const ip = words[SLOT.fpuIp]!, cs = words[SLOT.fpuCs]!, dp = words[SLOT.fpuDp]!, ds = words[SLOT.fpuDs]!;
  const opcode = words[SLOT.fpuOpcode]! & 0x7ff;
  image[0] = words[SLOT.fpuControl]! | RESERVED_HIGH;
  image[1] = words[SLOT.fpuStatus]! | RESERVED_HIGH;
  image[2] = tagWord(words) | RESERVED_HIGH;
  if (protectedMode) {
    image[3] = ip;
    image[4] = (cs & 0xffff) | (opcode << 16);
    image[5] = dp;
    image[6] = (ds & 0xffff) | RESERVED_HIGH;
    return;
  }
  const linearIp = ((cs << 4) + ip) | 0, linearDp = ((ds << 4) + dp) | 0;
  image[3] = size === 2 ? linearIp : (linearIp & 0xffff) | RESERVED_HIGH;
  image[4] = size === 2 ? ((linearIp >>> 4) & 0xf000) | opcode : ((linearIp >>> 16) << 12) | opcode;
  image[5] = size === 2 ? linearDp : (linearDp & 0xffff) | RESERVED_HIGH;
  image[6] = size === 2 ? (linearDp >>> 4) & 0xf000 : (linearDp >>> 16) << 12;
}

/** Takes the seven words back (16-bit images zero-extended). Pointers of a real-mode image become linear offsets in segment 0. */
export function setEnvironment(words: Int32Array, image: Int32Array, size: number, protectedMode: boolean): void {
  setControlAndStatus(words, image[0]!, image[1]!);
  setTagWord(words, image[2]!);
  const ip = image[3]!, cs = image[4]!, dp = image[5]!, ds = image[6]!;
  if (protectedMode) {
    words[SLOT.fpuIp] = ip;
    words[SLOT.fpuCs] = cs & 0xffff;
    words[SLOT.fpuDp] = dp;
    words[SLOT.fpuDs] = ds & 0xffff;
    if (size === 4) words[SLOT.fpuOpcode] = (cs >>> 16) & 0x7ff;
    return;
  }
  const highBits = size === 2 ? 0xf000 : 0x0ffff000;
  words[SLOT.fpuIp] = (ip & 0xffff) | ((cs & highBits) << 4);
  words[SLOT.fpuDp] = (dp & 0xffff) | ((ds & highBits) << 4);
  words[SLOT.fpuCs] = words[SLOT.fpuDs] = 0;
  words[SLOT.fpuOpcode] = cs & 0x7ff;
}

/** Sets control and status word; ES and B follow from the flags and the masks. */
export function setControlAndStatus(words: Int32Array, control: number, status: number): void {
  words[SLOT.fpuControl] = (control & 0x1f3f) | 0x40;
  const pending = (status & ~control & EXCEPTIONS) !== 0;
  words[SLOT.fpuStatus] = (status & 0x7f7f) | (pending ? ES | BUSY : 0);
}

/** The abridged tag byte of FXSAVE: a bit set for each physical register in use. */
export function abridgedTags(words: Int32Array): number {
  let bits = 0;
  for (let register = 0; register < 8; register++) bits |= ((words[SLOT.fpuTag]! >>> (register * 2)) & 1) === 0 ? 1 << register : 0;
  return bits;
}

export function setAbridgedTags(words: Int32Array, bits: number): void {
  let tags = 0;
  for (let register = 0; register < 8; register++) tags |= (bits >>> register) & 1 ? 0 : EMPTY << (register * 2);
  words[SLOT.fpuTag] = tags;
}
