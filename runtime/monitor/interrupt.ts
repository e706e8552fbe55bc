/**
 * Delivery of interrupts and exceptions (SDM volume 3, chapter 6; volume 2, INT n).
 *
 * A delivery first tests everything and proves its stack frame, then marks descriptors, writes the frame, and only then
 * changes registers. So a delivery that faults has changed none, and `deliverFault` may simply try the next exception in line:
 * the second one, a double fault, or none (shutdown). The one exception is a task gate, whose switch may answer a
 * fault of the *new* task: that is delivered with the new task's state.
 */
import { GuestFault, NO_ERROR_CODE, raise, VECTOR } from "../faults.ts";
import { readEflags } from "../flags.ts";
import * as state from "../state.ts";
import type { Monitor } from "./context.ts";
import * as descriptors from "./descriptors.ts";
import {
  dplOf, fetchDescriptor, gateOffset, gateSelector, installCode, installNull, installUnprotected, isCode, isConforming, isNull, isPresent,
  isProtected, isVirtual8086, markAccessed, requireOffset, selectorError, systemType,
} from "./descriptors.ts";
import type { Descriptor } from "./descriptors.ts";
import { currentStack, innerStack, installStack, markStack, probeFrame, writeFrame } from "./stack.ts";
import { availableTask, switchTask } from "./task.ts";
import type { TaskFault } from "./task.ts";

const { AC, IF, IOPL, NT, RF, TF, VM } = state;
const { ACCESS, CS, DS, ES, FS, GS, LIMIT, SELECTOR, SS, TR, TYPE, WIDE } = descriptors;

/** What is being delivered. */
interface Delivery {
  readonly vector: number;
  /** To be pushed in protected mode, or NO_ERROR_CODE. */
  readonly errorCode: number;
  /** INT n, INT3 and INTO: the gate's DPL is checked. */
  readonly software: boolean;
  /** The EXT bit of the error codes of what goes wrong here. */
  readonly external: 0 | 1;
  /** EFLAGS to push. */
  readonly eflags: number;
}

/** DR7.GD: cleared when the debug handler is entered. */
const DR7_GD = 1 << 13;
/** IDT selector errors carry this bit (SDM volume 3, figure 6-7). */
const ERROR_IDT = 2;

/** INT n. In virtual-8086 mode #GP(0) unless IOPL is 3. Throws what delivery raises. */
export function softwareInterrupt(m: Monitor, vector: number): void {
  if (isVirtual8086(m.cpu) && (m.cpu.eflags & IOPL) !== IOPL) raise(VECTOR.GP, 0);
  deliverSoftware(m, vector & 0xff);
}

/** INT3: INT 3 without the IOPL check. */
export function breakpoint(m: Monitor): void {
  deliverSoftware(m, VECTOR.BP);
}

/** INTO with OF set: INT 4 without the IOPL check. */
export function overflow(m: Monitor): void {
  deliverSoftware(m, VECTOR.OF);
}

function deliverSoftware(m: Monitor, vector: number): void {
  const eflags = readEflags(m.cpu.words) & ~RF;
  if (m.short?.interrupt(vector, NO_ERROR_CODE, eflags, true) === true) return;
  deliverToNewTask(m, deliver(m, { vector, errorCode: NO_ERROR_CODE, software: true, external: 0, eflags }));
}

/**
 * A hardware interrupt, acknowledged already. `cpu.eip` is the instruction to resume at. Throws what delivery raises:
 * hand that to `deliverFault`.
 */
export function deliverInterrupt(m: Monitor, vector: number): void {
  const eflags = readEflags(m.cpu.words);
  if (m.short?.interrupt(vector, NO_ERROR_CODE, eflags, false) === true) return;
  deliverToNewTask(m, deliver(m, { vector, errorCode: NO_ERROR_CODE, software: false, external: 1, eflags }));
}

/**
 * An exception. `cpu.eip` is what it returns to: the faulting instruction, or the next one for traps. CR2 and DR6 are set already.
 * Answers "shutdown" where even the double fault could not be delivered (SDM volume 3, 6.15, #DF), and where processors would try for ever:
 * the #AC that its own delivery raises again, on a misaligned stack of ring 3.
 */
export function deliverFault(m: Monitor, vector: number, errorCode: number): "delivered" | "shutdown" {
  let fault: TaskFault = { vector, errorCode };
  for (let attempts = 0;; attempts++) {
    if (attempts === MOST_ATTEMPTS) return "shutdown";
    const next = tryFault(m, fault);
    if (next === undefined) return "delivered";
    const escalated = escalate(fault.vector, next);
    if (escalated === undefined) return "shutdown";
    fault = escalated;
  }
}

/** Delivers one exception and answers the one that this raised, if any. */
function tryFault(m: Monitor, { vector, errorCode }: TaskFault): TaskFault | undefined {
  const flags = readEflags(m.cpu.words);
  const eflags = isFaultClass(vector) ? flags | RF : flags;
  if (vector !== VECTOR.DB && m.short?.interrupt(vector, errorCode, eflags, false) === true) return undefined;
  try {
    const fault = deliver(m, { vector, errorCode, software: false, external: 1, eflags });
    if (vector === VECTOR.DB) m.cpu.dr7 &= ~DR7_GD;
    return fault;
  } catch (fault) {
    if (!(fault instanceof GuestFault)) throw fault;
    return { vector: fault.vector, errorCode: fault.errorCode };
  }
}

/** No row of exceptions that ends is longer: benign, contributory, page fault, double fault. */
const MOST_ATTEMPTS = 10;

const NO_RESTART = 1 << VECTOR.DB | 1 << VECTOR.NMI | 1 << VECTOR.BP | 1 << VECTOR.OF | 1 << VECTOR.DF | 1 << VECTOR.MC;
/** Exceptions that restart their instruction push RF set (SDM volume 3, 17.3.1.1); traps and aborts do not. */
const isFaultClass = (vector: number): boolean => (NO_RESTART >> vector & 1) === 0;

const isContributory = (vector: number): boolean => vector === VECTOR.DE || (vector >= VECTOR.TS && vector <= VECTOR.GP);

/** What is delivered when `second` is raised while `first` is being delivered (SDM volume 3, table 6-5); undefined = shutdown. */
function escalate(first: number, second: TaskFault): TaskFault | undefined {
  const grave = isContributory(second.vector) || second.vector === VECTOR.PF;
  if (!grave) return second;
  if (first === VECTOR.DF) return undefined;
  const doubles = first === VECTOR.PF || (isContributory(first) && second.vector !== VECTOR.PF);
  return doubles ? { vector: VECTOR.DF, errorCode: 0 } : second;
}

/**
 * Delivers the fault that a task switch left to the task it entered. Where not even that can be done, raises the double
 * fault that ends in shutdown.
 */
export function deliverToNewTask(m: Monitor, fault: TaskFault | undefined): void {
  if (fault !== undefined && deliverFault(m, fault.vector, fault.errorCode) === "shutdown") raise(VECTOR.DF, 0);
}

function deliver(m: Monitor, delivery: Delivery): TaskFault | undefined {
  const { cpu } = m;
  if (!isProtected(cpu) && !isVirtual8086(cpu)) {
    deliverReal(m, delivery);
    return undefined;
  }
  const { vector, external, software } = delivery;
  const error = vector * 8 + ERROR_IDT + external;
  if (vector * 8 + 7 > (cpu.idtLimit & 0xffff)) raise(VECTOR.GP, error);
  const linear = cpu.idtBase + vector * 8 | 0;
  const gate: Descriptor = { linear, low: m.memory.readSystem32(linear), high: m.memory.readSystem32(linear + 4 | 0) };
  const type = systemType(gate);
  if (type !== TYPE.taskGate && !isInterruptGate(type) && !isTrapGate(type)) raise(VECTOR.GP, error);
  if (software && dplOf(gate) < cpu.cpl) raise(VECTOR.GP, error);
  if (!isPresent(gate)) raise(VECTOR.NP, error);
  if (type === TYPE.taskGate) return throughTaskGate(m, gateSelector(gate), delivery);
  throughGate(m, gate, type, delivery);
  return undefined;
}

const isInterruptGate = (type: number): boolean => type === TYPE.interruptGate16 || type === TYPE.interruptGate32;
const isTrapGate = (type: number): boolean => type === TYPE.trapGate16 || type === TYPE.trapGate32;

function deliverReal(m: Monitor, { vector, eflags }: Delivery): void {
  const { cpu } = m;
  if (vector * 4 + 3 > (cpu.idtLimit & 0xffff)) raise(VECTOR.GP, vector * 8 + ERROR_IDT);
  const entry = m.memory.readSystem32(cpu.idtBase + vector * 4 | 0);
  const stack = currentStack(m);
  probeFrame(m, stack, 2, 3);
  if ((entry & 0xffff) > cpu.words[LIMIT + CS]! >>> 0) raise(VECTOR.GP, 0);
  cpu.esp = writeFrame(m, stack, 2, [eflags, cpu.words[SELECTOR + CS]!, cpu.eip]);
  cpu.eflags &= ~(IF | TF | AC | RF);
  installUnprotected(cpu, CS, entry >>> 16);
  cpu.eip = entry & 0xffff;
  resume(m);
}

/** Delivery ends HLT and every interrupt shadow. */
function resume(m: Monitor): void {
  m.cpu.halted = 0;
  m.cpu.shadow = 0;
}

function throughGate(m: Monitor, gate: Descriptor, type: number, delivery: Delivery): void {
  const { cpu } = m;
  const { external } = delivery;
  const selector = gateSelector(gate), offset = gateOffset(gate);
  const code = gateTarget(m, selector, external);
  const dpl = dplOf(code);
  const inner = !isConforming(code) && dpl < cpu.cpl;
  const virtual = isVirtual8086(cpu);
  if (virtual && (!inner || dpl !== 0)) raise(VECTOR.GP, selectorError(selector, external));

  const stack = inner ? innerStack(m, dpl, external) : currentStack(m, external);
  const frame = interruptFrame(m, delivery, inner, virtual);
  const size = (type & WIDE) === 0 ? 2 : 4;
  probeFrame(m, stack, size, frame.length);
  requireOffset(code, offset, external);
  markStack(m, stack);
  markAccessed(m, code);

  const esp = writeFrame(m, stack, size, frame);
  installStack(cpu, stack, esp);
  installCode(cpu, selector, code, offset, inner ? dpl : cpu.cpl);
  if (virtual) for (const segment of [GS, FS, DS, ES]) installNull(cpu, segment, 0);
  cpu.eflags &= ~(TF | VM | RF | NT | (isInterruptGate(type) ? IF : 0));
  resume(m);
}

/** The code segment behind an interrupt or trap gate. Raises #GP and #NP. */
function gateTarget(m: Monitor, selector: number, external: number): Descriptor {
  if (isNull(selector)) raise(VECTOR.GP, external);
  const error = selectorError(selector, external);
  const code = fetchDescriptor(m, selector) ?? raise(VECTOR.GP, error);
  if (!isCode(code) || dplOf(code) > m.cpu.cpl) raise(VECTOR.GP, error);
  if (!isPresent(code)) raise(VECTOR.NP, error);
  return code;
}

/** What is pushed, in order (SDM volume 3, figure 6-4; from virtual-8086 mode, figure 20-4). */
function interruptFrame(m: Monitor, delivery: Delivery, inner: boolean, virtual: boolean): number[] {
  const { words, esp, eip } = m.cpu;
  const frame: number[] = [];
  if (virtual) frame.push(words[SELECTOR + GS]!, words[SELECTOR + FS]!, words[SELECTOR + DS]!, words[SELECTOR + ES]!);
  if (inner) frame.push(words[SELECTOR + SS]!, esp);
  frame.push(delivery.eflags, words[SELECTOR + CS]!, eip);
  if (delivery.errorCode !== NO_ERROR_CODE) frame.push(delivery.errorCode);
  return frame;
}

function throughTaskGate(m: Monitor, selector: number, delivery: Delivery): TaskFault | undefined {
  const { external, errorCode } = delivery;
  const d = availableTask(m, selector, external);
  const fault = switchTask(m, selector, d, "interrupt", delivery.eflags, external);
  if (errorCode === NO_ERROR_CODE || (fault !== undefined && fault.vector !== VECTOR.DB)) return fault;
  return pushTaskErrorCode(m, errorCode, external) ?? fault;
}

/** The error code goes on the new task's stack, in words of its TSS's size; failing is the new task's fault. */
function pushTaskErrorCode(m: Monitor, errorCode: number, external: number): TaskFault | undefined {
  const { cpu } = m;
  const size = (cpu.words[ACCESS + TR]! & WIDE) === 0 ? 2 : 4;
  try {
    const stack = currentStack(m, external);
    probeFrame(m, stack, size, 1);
    cpu.esp = writeFrame(m, stack, size, [errorCode]);
    return undefined;
  } catch (fault) {
    if (!(fault instanceof GuestFault)) throw fault;
    return { vector: fault.vector, errorCode: fault.errorCode };
  }
}
