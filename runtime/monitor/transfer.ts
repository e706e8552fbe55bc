/**
 * Far jumps, calls and returns, and IRET (SDM volume 2, JMP, CALL, RET, IRET; volume 3, 5.8).
 *
 * Each function tests everything, then marks descriptors and writes stacks, and changes registers last: a fault leaves
 * them as they were. `cpu.eip` is the return offset on entry and the new offset on exit.
 */
import { raise, VECTOR } from "../faults.ts";
import { readEflags, writeEflags } from "../flags.ts";
import * as state from "../state.ts";
import type { Monitor } from "./context.ts";
import * as descriptors from "./descriptors.ts";
import {
  dplOf, fetchDescriptor, gateOffset, gateSelector, installCode, installNull, installSegment, installUnprotected, installV86,
  isAvailableTss, isCallGate, isCode, isConforming, isLocal, isNull, isPresent, isProtected, isVirtual8086, isWritableData, markAccessed,
  requireOffset, selectorError, systemType,
} from "./descriptors.ts";
import type { Descriptor } from "./descriptors.ts";
import { deliverToNewTask } from "./interrupt.ts";
import { currentStack, innerStack, installStack, markStack, peekStack, probeFrame, withPointer, writeFrame } from "./stack.ts";
import { availableTask, linkedTask, switchTask } from "./task.ts";

const { AC, ARITHMETIC_FLAGS, DF, ID, IF, IOPL, NT, RF, TF, VM } = state;
const { ACCESS, CODE, CONFORMING, CS, DS, ES, FS, GS, LIMIT, SEGMENT, SELECTOR, SS, TYPE, WIDE } = descriptors;

/** What the bits of an operand of `size` bytes can say. */
const truncate = (value: number, size: 2 | 4): number => size === 2 ? value & 0xffff : value;

/** JMP ptr16:16, ptr16:32 and m16:16, m16:32. Raises #GP and #NP with the selector; task switches also #TS. */
export function jumpFar(m: Monitor, selector: number, offset: number, operandSize: 2 | 4): void {
  if (operandSize === 4 && m.short?.jumpFar(selector, offset) === true) return;
  const target = truncate(offset, operandSize);
  if (!isProtected(m.cpu)) {
    enterUnprotected(m, selector, target);
    return;
  }
  const d = transferTarget(m, selector);
  if (isCode(d)) {
    requireDirect(m, selector, d);
    enterCode(m, selector, d, target);
  } else if (isCallGate(systemType(d))) {
    const inside = openGate(m, selector, d);
    const code = gatedCode(m, inside);
    if (!isConforming(code) && dplOf(code) !== m.cpu.cpl) raise(VECTOR.GP, selectorError(inside));
    if (!isPresent(code)) raise(VECTOR.NP, selectorError(inside));
    enterCode(m, inside, code, gateOffset(d));
  } else {
    enterTask(m, selector, d, "jump");
  }
}

/** CALL ptr16:16, ptr16:32 and m16:16, m16:32. As `jumpFar`; also #SS, and #TS for a bad inner stack. */
export function callFar(m: Monitor, selector: number, offset: number, operandSize: 2 | 4): void {
  if (operandSize === 4 && m.short?.callFar(selector, offset) === true) return;
  const target = truncate(offset, operandSize);
  if (!isProtected(m.cpu)) {
    callUnprotected(m, selector, target, operandSize);
    return;
  }
  const d = transferTarget(m, selector);
  if (isCode(d)) {
    requireDirect(m, selector, d);
    callCode(m, selector, d, target, operandSize);
  } else if (isCallGate(systemType(d))) {
    callThroughGate(m, openGate(m, selector, d), d);
  } else {
    enterTask(m, selector, d, "call");
  }
}

function requireUnprotectedOffset(m: Monitor, offset: number): void {
  if (offset >>> 0 > m.cpu.words[LIMIT + CS]! >>> 0) raise(VECTOR.GP, 0);
}

function enterUnprotected(m: Monitor, selector: number, offset: number): void {
  requireUnprotectedOffset(m, offset);
  installUnprotected(m.cpu, CS, selector);
  m.cpu.eip = offset;
}

function callUnprotected(m: Monitor, selector: number, offset: number, size: 2 | 4): void {
  const { cpu } = m;
  const stack = currentStack(m);
  probeFrame(m, stack, size, 2);
  requireUnprotectedOffset(m, offset);
  cpu.esp = writeFrame(m, stack, size, [cpu.words[SELECTOR + CS]!, cpu.eip]);
  installUnprotected(cpu, CS, selector);
  cpu.eip = offset;
}

/** The descriptor that a far pointer names: code, call gate, task gate or TSS. */
function transferTarget(m: Monitor, selector: number): Descriptor {
  if (isNull(selector)) raise(VECTOR.GP, 0);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.GP, selectorError(selector));
  const type = systemType(d);
  if (!isCode(d) && !isCallGate(type) && type !== TYPE.taskGate && !isAvailableTss(type)) raise(VECTOR.GP, selectorError(selector));
  return d;
}

/** Privilege of a direct transfer: it never changes CPL. */
function requireDirect(m: Monitor, selector: number, d: Descriptor): void {
  const { cpl } = m.cpu;
  const allowed = isConforming(d) ? dplOf(d) <= cpl : dplOf(d) === cpl && (selector & 3) <= cpl;
  if (!allowed) raise(VECTOR.GP, selectorError(selector));
  if (!isPresent(d)) raise(VECTOR.NP, selectorError(selector));
}

function enterCode(m: Monitor, selector: number, d: Descriptor, offset: number): void {
  requireOffset(d, offset);
  markAccessed(m, d);
  installCode(m.cpu, selector, d, offset, m.cpu.cpl);
}

function callCode(m: Monitor, selector: number, d: Descriptor, offset: number, size: 2 | 4): void {
  const { cpu } = m;
  const stack = currentStack(m);
  probeFrame(m, stack, size, 2);
  requireOffset(d, offset);
  markAccessed(m, d);
  cpu.esp = writeFrame(m, stack, size, [cpu.words[SELECTOR + CS]!, cpu.eip]);
  installCode(cpu, selector, d, offset, cpu.cpl);
}

/** The gate's own checks: visible from here, and present. Answers the selector inside. */
function openGate(m: Monitor, selector: number, gate: Descriptor): number {
  if (dplOf(gate) < m.cpu.cpl || dplOf(gate) < (selector & 3)) raise(VECTOR.GP, selectorError(selector));
  if (!isPresent(gate)) raise(VECTOR.NP, selectorError(selector));
  return gateSelector(gate);
}

/** The code segment behind a call gate, no less privileged than CPL. Its presence is the caller's to check. */
function gatedCode(m: Monitor, selector: number): Descriptor {
  if (isNull(selector)) raise(VECTOR.GP, 0);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.GP, selectorError(selector));
  if (!isCode(d) || dplOf(d) > m.cpu.cpl) raise(VECTOR.GP, selectorError(selector));
  return d;
}

function callThroughGate(m: Monitor, selector: number, gate: Descriptor): void {
  const code = gatedCode(m, selector);
  if (!isPresent(code)) raise(VECTOR.NP, selectorError(selector));
  const size = (systemType(gate) & WIDE) === 0 ? 2 : 4;
  if (isConforming(code) || dplOf(code) === m.cpu.cpl) callCode(m, selector, code, gateOffset(gate), size);
  else callInner(m, selector, code, gate, size);
}

/** A call to more privileged code: the stack switches, the gate's parameters are copied (SDM volume 3, 5.8.5). */
function callInner(m: Monitor, selector: number, code: Descriptor, gate: Descriptor, size: 2 | 4): void {
  const { cpu } = m;
  const stack = innerStack(m, dplOf(code), 0);
  const parameters = gate.high & 31;
  probeFrame(m, stack, size, parameters + 4);
  requireOffset(code, gateOffset(gate));
  const frame = [cpu.words[SELECTOR + SS]!, cpu.esp];
  for (let index = parameters - 1; index >= 0; index--) frame.push(peekStack(m, size, index * size));
  frame.push(cpu.words[SELECTOR + CS]!, cpu.eip);
  markStack(m, stack);
  markAccessed(m, code);
  const esp = writeFrame(m, stack, size, frame);
  installStack(cpu, stack, esp);
  installCode(cpu, selector, code, gateOffset(gate), dplOf(code));
}

/** A transfer to a TSS, directly or through a task gate. */
function enterTask(m: Monitor, selector: number, d: Descriptor, cause: "jump" | "call"): void {
  let task = selector;
  if (systemType(d) === TYPE.taskGate) task = openGate(m, selector, d);
  else if (dplOf(d) < m.cpu.cpl || dplOf(d) < (selector & 3) || isLocal(selector)) raise(VECTOR.GP, selectorError(selector));
  deliverToNewTask(m, switchTask(m, task, availableTask(m, task, 0), cause));
}

/** RETF and RETF imm16: `bytes` are released on the stack of the caller and, where privilege changes, on the one returned to. */
export function returnFar(m: Monitor, operandSize: 2 | 4, bytes: number): void {
  if (operandSize === 4 && m.short?.returnFar(bytes) === true) return;
  const { cpu } = m;
  const offset = peekStack(m, operandSize, 0);
  const selector = peekStack(m, operandSize, operandSize) & 0xffff;
  const released = 2 * operandSize + bytes;
  if (!isProtected(cpu)) {
    enterUnprotected(m, selector, offset);
    cpu.esp = withPointer(cpu.esp, cpu.stackMask, cpu.esp + released);
    return;
  }
  const code = returnTarget(m, selector);
  if ((selector & 3) === cpu.cpl) {
    requireOffset(code, offset);
    markAccessed(m, code);
    cpu.esp = withPointer(cpu.esp, cpu.stackMask, cpu.esp + released);
    installCode(cpu, selector, code, offset, cpu.cpl);
  } else {
    const outer = outerStack(m, operandSize, released, selector & 3);
    returnOuter(m, selector, code, offset, { ...outer, pointer: outer.pointer + bytes });
  }
}

/** The code segment returned to, of the privilege that the selector's RPL says: not more than CPL. */
function returnTarget(m: Monitor, selector: number): Descriptor {
  const error = selectorError(selector);
  const rpl = selector & 3;
  if (isNull(selector)) raise(VECTOR.GP, 0);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.GP, error);
  const matches = isConforming(d) ? dplOf(d) <= rpl : dplOf(d) === rpl;
  if (rpl < m.cpu.cpl || !isCode(d) || !matches) raise(VECTOR.GP, error);
  if (!isPresent(d)) raise(VECTOR.NP, error);
  return d;
}

/** The stack of an outer ring, as popped. */
interface OuterStack {
  readonly selector: number;
  readonly descriptor: Descriptor;
  readonly pointer: number;
}

/** Pops (E)SP and SS from `skip` bytes above ESP. Raises #GP and #SS with the popped selector. */
function outerStack(m: Monitor, size: 2 | 4, skip: number, ring: number): OuterStack {
  const pointer = peekStack(m, size, skip);
  const selector = peekStack(m, size, skip + size) & 0xffff;
  const error = selectorError(selector);
  if (isNull(selector)) raise(VECTOR.GP, 0);
  const descriptor = fetchDescriptor(m, selector) ?? raise(VECTOR.GP, error);
  if ((selector & 3) !== ring || dplOf(descriptor) !== ring || !isWritableData(descriptor)) raise(VECTOR.GP, error);
  if (!isPresent(descriptor)) raise(VECTOR.SS, error);
  return { selector, descriptor, pointer };
}

/** Enters less privileged code on its own stack; data segments that it may not see become null (SDM volume 3, 5.8.6). */
function returnOuter(m: Monitor, selector: number, code: Descriptor, offset: number, stack: OuterStack): void {
  const { cpu } = m;
  requireOffset(code, offset);
  markAccessed(m, code);
  markAccessed(m, stack.descriptor);
  installCode(cpu, selector, code, offset, selector & 3);
  installSegment(cpu, SS, stack.selector, stack.descriptor);
  // Where the outer stack is a 16-bit one, the upper half of ESP stays that of the inner ring, as on processors.
  cpu.esp = withPointer(cpu.esp, cpu.stackMask, stack.pointer);
  for (const segment of [ES, DS, FS, GS]) {
    const access = cpu.words[ACCESS + segment]!;
    const conforming = (access & (SEGMENT | CODE | CONFORMING)) === (SEGMENT | CODE | CONFORMING);
    if (!conforming && ((access >> 5) & 3) < cpu.cpl) installNull(cpu, segment, 0);
  }
}

/** What IRET may always change; RF, AC and ID only as IRETD. */
const RETURN_FLAGS = ARITHMETIC_FLAGS | TF | DF | NT, WIDE_RETURN_FLAGS = RF | AC | ID;
const LOW_FLAGS = 0x7fd5;

/** IRET and IRETD, from and to every mode, task returns included. */
export function interruptReturn(m: Monitor, operandSize: 2 | 4): void {
  if (operandSize === 4 && m.short?.interruptReturn() === true) return;
  const { cpu } = m;
  if (!isProtected(cpu)) {
    returnUnprotected(m, operandSize);
  } else if ((cpu.eflags & NT) !== 0) {
    const { selector, descriptor } = linkedTask(m);
    deliverToNewTask(m, switchTask(m, selector, descriptor, "return"));
  } else {
    const offset = peekStack(m, operandSize, 0), selector = peekStack(m, operandSize, operandSize) & 0xffff;
    const popped = peekStack(m, operandSize, 2 * operandSize);
    if (operandSize === 4 && cpu.cpl === 0 && (popped & VM) !== 0) returnToVirtual8086(m, offset, selector, popped);
    else returnProtected(m, operandSize, offset, selector, popped);
  }
}

/** In real mode; and in virtual-8086 mode, where IOPL must be 3 and stays. */
function returnUnprotected(m: Monitor, size: 2 | 4): void {
  const { cpu } = m;
  const virtual = isVirtual8086(cpu);
  if (virtual && (cpu.eflags & IOPL) !== IOPL) raise(VECTOR.GP, 0);
  const offset = peekStack(m, size, 0), selector = peekStack(m, size, size), flags = peekStack(m, size, 2 * size);
  enterUnprotected(m, selector, offset);
  cpu.esp = withPointer(cpu.esp, cpu.stackMask, cpu.esp + 3 * size);
  const mask = (size === 4 ? LOW_FLAGS | WIDE_RETURN_FLAGS : LOW_FLAGS) & (virtual ? ~IOPL : -1);
  replaceFlags(m, flags, mask);
}

function replaceFlags(m: Monitor, flags: number, mask: number): void {
  const { words } = m.cpu;
  writeEflags(words, (readEflags(words) & ~mask) | (flags & mask));
}

function returnProtected(m: Monitor, size: 2 | 4, offset: number, selector: number, flags: number): void {
  const { cpu } = m;
  const { cpl } = cpu;
  const mask = returnMask(m, size);
  const code = returnTarget(m, selector);
  if ((selector & 3) === cpl) {
    requireOffset(code, offset);
    markAccessed(m, code);
    cpu.esp = withPointer(cpu.esp, cpu.stackMask, cpu.esp + 3 * size);
    installCode(cpu, selector, code, offset, cpl);
  } else {
    returnOuter(m, selector, code, offset, outerStack(m, size, 3 * size, selector & 3));
  }
  replaceFlags(m, flags, mask);
}

/** Which flags the privilege before the return lets it change. */
function returnMask(m: Monitor, size: 2 | 4): number {
  const { cpl, eflags } = m.cpu;
  let mask = size === 4 ? RETURN_FLAGS | WIDE_RETURN_FLAGS : RETURN_FLAGS;
  if (cpl <= (eflags & IOPL) >> 12) mask |= IF;
  if (cpl === 0) mask |= IOPL;
  return mask;
}

/** IRETD at CPL 0 with VM in the popped flags: nine doublewords (SDM volume 3, figure 20-4). */
function returnToVirtual8086(m: Monitor, offset: number, code: number, flags: number): void {
  const { cpu } = m;
  const esp = peekStack(m, 4, 12), stack = peekStack(m, 4, 16);
  const es = peekStack(m, 4, 20), ds = peekStack(m, 4, 24), fs = peekStack(m, 4, 28), gs = peekStack(m, 4, 32);
  if (offset >>> 0 > 0xffff) raise(VECTOR.GP, 0);
  writeEflags(cpu.words, flags & (LOW_FLAGS | WIDE_RETURN_FLAGS | VM));
  for (const [segment, selector] of [[ES, es], [CS, code], [SS, stack], [DS, ds], [FS, fs], [GS, gs]] as const) {
    installV86(cpu, segment, selector);
  }
  cpu.eip = offset;
  cpu.esp = esp;
  cpu.cpl = 3;
}
