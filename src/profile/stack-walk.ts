/**
 * The call stack of a guest, by its frame pointers: EBP points at the caller's EBP, above which the return address stands (System V ABI,
 * i386 supplement, section 2.2.2).
 *
 * Code without frame pointers keeps anything in EBP, so nothing is believed: stack and return address must be mapped, frames must ascend, and
 * a return address must stand behind a call. What is left out is so always on the callers' side.
 */
import { SLOT } from "../../runtime/state.ts";
import { CS, SS } from "../../translator/translate.ts";
import { readLinear, translateLinear } from "../inspect.ts";
import type { Machine } from "../machine.ts";
import { codeSize } from "../trace/place.ts";

/** Return addresses at most. */
export const DEEPEST = 64;

const PUSH_EBP = 0x55, RET = 0xc3, RET_IMM = 0xc2, CALL = 0xe8, GROUP_5 = 0xff, LONGEST_CALL = 7;
const PAGE = 0xfff, NOTHING = new Uint8Array();
/** MOV EBP, ESP, in its two encodings. */
const isFrameSet = (first: number | undefined, second: number | undefined): boolean => first === 0x89 && second === 0xe5 || first === 0x8b && second === 0xec;

/** Whether bytes end in a near CALL: E8 with a displacement, or FF /2 of any length. */
export function endsInCall(bytes: Uint8Array): boolean {
  if (bytes.at(-5) === CALL) return true;
  return [2, 3, 4, 6, 7].some((length) => bytes.at(-length) === GROUP_5 && (bytes.at(1 - length)! >>> 3 & 7) === 2);
}

/** As `readLinear`, at the price of one translation where the bytes lie on one page; they are the machine's memory itself. */
function peek(machine: Machine, linear: number, length: number): Uint8Array {
  if ((linear & PAGE) + length > PAGE + 1) return readLinear(machine, linear, length);
  const physical = translateLinear(machine, linear);
  return physical === undefined || physical + length > machine.memory.size ? NOTHING : machine.memory.ram.subarray(physical, physical + length);
}

/** Where the return address stands while EBP is still or again the caller's, from ESP; undefined within a function's body. */
function outsideFrame(machine: Machine, linear: number): number | undefined {
  const [before, first, second, third] = peek(machine, linear - 1, 4);
  if (first === RET || first === RET_IMM || first === PUSH_EBP && isFrameSet(second, third)) return 0;
  return before === PUSH_EBP && isFrameSet(first, second) ? 4 : undefined;
}

const word = (bytes: Uint8Array, at: number): number => (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;

/** Two words of the stack, or undefined where they are not both mapped memory. */
function readPair(machine: Machine, linear: number): readonly [low: number, high: number] | undefined {
  const bytes = peek(machine, linear, 8);
  if (bytes.length < 8) return undefined;
  return [word(bytes, 0), word(bytes, 4)];
}

/** Linear addresses: of the instruction to execute next, then return addresses outwards. Only flat or segmented 32-bit code is walked. */
export function walkStack(machine: Machine): number[] {
  const { cpu } = machine, { words } = cpu, codeBase = words[SLOT.base0 + CS]!, stackBase = words[SLOT.base0 + SS]!;
  const here = cpu.eip + codeBase >>> 0, stack = [here];
  if (codeSize(cpu) !== 32 || cpu.stackMask !== -1) return stack;
  const push = (offset: number): boolean => {
    const address = offset + codeBase >>> 0;
    const code = peek(machine, address - LONGEST_CALL, LONGEST_CALL + 1);
    if (code.length <= LONGEST_CALL || !endsInCall(code.subarray(0, LONGEST_CALL))) return false;
    stack.push(address);
    return stack.length <= DEEPEST;
  };
  const bare = outsideFrame(machine, here), top = bare === undefined ? undefined : readPair(machine, cpu.esp + bare + stackBase | 0);
  if (top !== undefined && !push(top[0])) return stack;
  let floor = cpu.esp >>> 0, frame = cpu.ebp >>> 0;
  while (frame >= floor) {
    const pair = readPair(machine, frame + stackBase | 0);
    if (pair === undefined || !push(pair[1])) break;
    floor = frame + 8;
    frame = pair[0];
  }
  return stack;
}
