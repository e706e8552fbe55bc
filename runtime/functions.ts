/** The runtime functions that generated code may name: IR `compute`, `guard`, `call` and `monitor` operations by name. */
import * as abi from "./abi.ts";
import * as arithmetic from "./arithmetic.ts";
import { NO_ERROR_CODE, raise, VECTOR } from "./faults.ts";
import { Fpu } from "./fpu/fpu.ts";
import { x87Shortcuts } from "./fpu/common.ts";
import { sharersOf } from "./fpu/forms.ts";
import { pairFunctions } from "./fpu/pairs.ts";
import { NO_MEMORY, x87Handler, type X87Host } from "./fpu/execute.ts";
import { enterFrame } from "./frame.ts";
import { operandMemory } from "./linear-memory.ts";
import type { GuestMemory } from "./memory.ts";
import type { Monitor } from "./monitor/context.ts";
import * as control from "./monitor/control.ts";
import { cpuid } from "./monitor/cpuid.ts";
import { breakpoint, overflow, softwareInterrupt } from "./monitor/interrupt.ts";
import { portIn, portOut } from "./monitor/io-permission.ts";
import * as segments from "./monitor/segments.ts";
import { callFar, interruptReturn, jumpFar, returnFar } from "./monitor/transfer.ts";
import { arithmeticFlags } from "./flags.ts";
import * as state from "./state.ts";
import { stretches } from "./stretches.ts";
import { StringUnit } from "./string.ts";

const { CHANGED } = abi;
const { AC, CR0_PE, IF, OF, RF, SLOT, TF, VM } = state;

export type RuntimeFunction = (...args: number[]) => number | void;
type Width = 1 | 2 | 4;
type Wide = 2 | 4;
const SS = 2, FS = 4;
const { access1: CS_ACCESS, limit1: CS_LIMIT, base1: CS_BASE, cpl: CPL, eflags: EFLAGS } = SLOT;
const USER = 3;

/** x87 instructions that compute series or move the whole register stack, and what they cost the host, in ns. */
const LONG_X87 = new Set([
  "fsin", "fcos", "fsincos", "fptan", "fpatan", "f2xm1", "fyl2x", "fyl2xp1", "fnsave", "frstor", "fxsave", "fxrstor", "fnstenv", "fldenv", "fbld", "fbstp",
]);
const LONG_X87_COST = 1500;
/** Estimated host ns of INVLPG, which may drop a thousand pieces of a large page, of MOV to a control register, and of each level of ENTER. */
const INVALIDATION_COST = 1500, CONTROL_COST = 300, LEVEL_COST = 100;

/** In a flat mode: whether a load of this register, other than CS, has left the mode as it is. FS and GS are no part of it. */
function staysFlat(m: Monitor, segment: number): boolean {
  return segment >= FS || segments.dataSegmentFlat(m, segment) && (segment !== SS || m.cpu.stackMask === -1);
}

/** The x87 host: what an instruction tells of itself. */
interface MutableX87Host extends X87Host {
  x87Offset: number;
  x87Opcode: number;
  x87DataOffset: number;
  x87DataSelector: number;
}

/** How interrupts stand. */
export interface Delivery {
  /** Set by INT and its like. */
  interrupted: boolean;
  /** Whether an interrupt waits for EFLAGS.IF. */
  requested(): boolean;
}

/**
 * Finds a runtime function by its IR name. The finder throws where there is none (our mistake, found at the first use of the form).
 */
export function runtimeFunctions(m: Monitor, memory: GuestMemory, fpu: Fpu, delivery: Delivery): (name: string) => RuntimeFunction {
  const inPage = stretches(memory, m.cpu.words), strings = new StringUnit(m, memory, inPage);
  const S = m.cpu.words;
  /** Behind a short transfer inside a ring: whether CS is a segment like the one before. */
  const howItLeft = (access: number, limit: number, base: number): number => access === S[CS_ACCESS] && limit === S[CS_LIMIT] && base === S[CS_BASE] ? 0 : CHANGED;
  const x87: MutableX87Host = { cpu: m.cpu, fpu, memory: operandMemory(memory), x87Offset: 0, x87Opcode: 0, x87DataOffset: 0, x87DataSelector: 0 };
  const table: Record<string, RuntimeFunction> = {
    ...(arithmetic as unknown as Record<string, RuntimeFunction>),
    segmentAddress: (segment, offset, size, write) => segments.linearAddress(m, segment!, offset!, size!, write !== 0),
    checkCodeLimit: (eip) => {
      if (eip! >>> 0 > m.cpu.words[SLOT.limit1]! >>> 0) raise(VECTOR.GP, 0);
    },
    requireAligned8: (linear) => { m.memory.requireAligned(linear!, 8); },
    checkWrite6: (linear) => { memory.current.checkWrite(linear!, 6); },
    enterFrame: (bytes, level, size) => {
      memory.spend((level! & 31) * LEVEL_COST);
      enterFrame(m, memory, bytes!, level!, size as Wide);
    },
    requireX87: () => fpu.checkAvailable(),
    repeatMovs: (size, addressSize, segment) => strings.movs(size as Width, addressSize!, segment!),
    repeatStos: (size, addressSize) => strings.stos(size as Width, addressSize!),
    repeatLods: (size, addressSize, segment) => strings.lods(size as Width, addressSize!, segment!),
    repeatScas: (size, addressSize, _segment, repeat) => strings.scas(size as Width, addressSize!, repeat!),
    repeatCmps: (size, addressSize, segment, repeat) => strings.cmps(size as Width, addressSize!, segment!, repeat!),
    moveStretch: inPage.move as RuntimeFunction,
    storeStretch: inPage.store as RuntimeFunction,
    // In WebAssembly truth values are numbers.
    scanStretch: (size, destination, count, entry, accumulator, equal) => inPage.scan(size as Width, destination!, count!, entry!, accumulator!, Boolean(equal)),
    compareStretch: (size, source, destination, count, entry, other, equal) => inPage.compare(size as Width, source!, destination!, count!, entry!, other!, Boolean(equal)),
    inString: (size, addressSize, _segment, repeat) => strings.ins(size as Width, addressSize!, repeat!),
    outString: (size, addressSize, segment, repeat) => strings.outs(size as Width, addressSize!, segment!, repeat!),

    undefinedOpcode: () => raise(VECTOR.UD),
    requirePrivilege: () => control.requirePrivilege(m),
    requireProtectedMode: () => {
      if ((m.cpu.cr0 & CR0_PE) === 0 || (m.cpu.eflags & VM) !== 0) raise(VECTOR.UD);
    },
    loadSegment: (segment, selector) => {
      segments.loadSegment(m, segment!, selector!);
      return Number(!staysFlat(m, segment!));
    },
    /** MOV and POP: a load of SS holds interrupts off for one instruction, so that the pointer can follow. */
    moveToSegment: (segment, selector) => {
      segments.loadSegment(m, segment!, selector!);
      if (segment === SS) m.cpu.shadow = 1;
      return Number(segment === SS || !staysFlat(m, segment!));
    },
    loadLdtr: (selector) => segments.loadLdtr(m, selector!),
    loadTr: (selector) => segments.loadTr(m, selector!),
    lar: (selector) => segments.lar(m, selector!),
    lslValid: (selector) => segments.lslValid(m, selector!),
    lslLimit: (selector) => segments.lslLimit(m, selector!),
    verr: (selector) => segments.verr(m, selector!),
    verw: (selector) => segments.verw(m, selector!),
    jumpFar: (selector, offset, size) => {
      const access = S[CS_ACCESS]!, limit = S[CS_LIMIT]!, base = S[CS_BASE]!;
      if (size === 4 && m.short?.jumpFar(selector!, offset!) === true) return howItLeft(access, limit, base);
      jumpFar(m, selector!, offset!, size as Wide);
      return CHANGED;
    },
    callFar: (selector, offset, size) => {
      const access = S[CS_ACCESS]!, limit = S[CS_LIMIT]!, base = S[CS_BASE]!;
      if (size === 4 && m.short?.callFar(selector!, offset!) === true) return howItLeft(access, limit, base);
      callFar(m, selector!, offset!, size as Wide);
      return CHANGED;
    },
    returnFar: (size, bytes) => {
      const access = S[CS_ACCESS]!, limit = S[CS_LIMIT]!, base = S[CS_BASE]!;
      if (size === 4 && m.short?.returnFar(bytes!) === true) return howItLeft(access, limit, base);
      returnFar(m, size as Wide, bytes!);
      return CHANGED;
    },
    interruptReturn: (size) => {
      const access = S[CS_ACCESS]!, limit = S[CS_LIMIT]!, base = S[CS_BASE]!, cpl = S[CPL]!;
      if (size !== 4 || m.short?.interruptReturn() !== true) {
        interruptReturn(m, size as Wide);
        return CHANGED;
      }
      const eflags = S[EFLAGS]!, isQuiet = (eflags & (TF | RF)) === 0 && ((eflags & IF) === 0 || !delivery.requested());
      return cpl === USER || cpl !== S[CPL] || !isQuiet ? CHANGED : howItLeft(access, limit, base); // at CPL 3 EFLAGS.AC is part of the mode
    },
    softwareInterrupt: (vector) => { softwareInterrupt(m, vector!); delivery.interrupted = true; },
    breakpoint: () => { breakpoint(m); delivery.interrupted = true; },
    debugTrap: () => raise(VECTOR.DB, NO_ERROR_CODE),
    interruptOnOverflow: () => {
      if ((arithmeticFlags(m.cpu.words) & OF) === 0) return;
      overflow(m);
      delivery.interrupted = true;
    },
    portIn: (port, size) => portIn(m, port!, size as Width),
    portOut: (port, size, value) => portOut(m, port!, size as Width, value!),
    pushFlagsValue: (size) => control.pushFlagsValue(m, size as Wide),
    popFlags: (value, size) => control.popFlags(m, value!, size as Wide),
    readControl: (n) => control.readControl(m, n!),
    /** CR0 and CR4 may change everything; behind CR3, as behind INVLPG, only the next fetch must find what it found before. */
    writeControl: (n, value, next) => {
      memory.spend(CONTROL_COST);
      const linear = next! + m.cpu.base1 | 0, fetched = memory.fetched(linear);
      control.writeControl(m, n!, value!);
      return Number(n !== 3 && n !== 2 || !memory.fetchesAgain(linear, fetched));
    },
    readDebug: (n) => control.readDebug(m, n!),
    writeDebug: (n, value) => control.writeDebug(m, n!, value!),
    lmsw: (value) => control.lmsw(m, value!),
    loadGdt: (limit, base, size) => control.loadGdt(m, limit!, base!, size as Wide),
    loadIdt: (limit, base, size) => control.loadIdt(m, limit!, base!, size as Wide),
    invalidatePage: (page, next) => {
      memory.spend(INVALIDATION_COST);
      const linear = next! + m.cpu.base1 | 0, fetched = memory.fetched(linear);
      control.invalidatePage(m, page!);
      return Number(!memory.fetchesAgain(linear, fetched));
    },
    requireIoPrivilege: (cpl, eflags) => control.requireIoPrivilege(cpl!, eflags!),
    poppedFlags: (cpl, eflags, size) => control.poppedFlags(cpl!, eflags!, size!),
    /** What POPF makes of EFLAGS must be polled, or changes the mode: at the exact count, then. */
    requireQuietFlags: (before, after) => {
      if (((before! ^ after!) & AC) !== 0 || (after! & TF) !== 0 || (~before! & after! & IF) !== 0 && delivery.requested()) memory.requireExact();
    },
    sti: () => control.sti(m),
    halt: () => control.halt(m),
    clts: () => control.clts(m),
    wbinvd: () => control.wbinvd(m),
    rdpmc: () => control.rdpmc(m),
    cpuid: () => cpuid(m),
    readTimestamp: () => control.readTimestamp(m),
    readMsr: () => control.readMsr(m),
    writeMsr: () => control.writeMsr(m),
  };

  const shortcuts = x87Shortcuts(m.cpu.words, memory);

  const x87Functions = new Map<string, RuntimeFunction>();

  /** One closure for each name, which the host's compiler can make for its own constants. */
  function x87Function(name: string): RuntimeFunction | undefined {
    const known = x87Functions.get(name), made = known ?? makeX87Function(name);
    if (known === undefined && made !== undefined) x87Functions.set(name, made);
    return made;
  }

  function makeX87Function(name: string): RuntimeFunction | undefined {
    const [unit, mnemonic, size] = name.split("_");
    if (unit !== "x87") return undefined;
    const shortcut = shortcuts.get(name.slice("x87_".length)), generals: RuntimeFunction[] = [];
    for (const [shared, variant] of sharersOf(mnemonic!)) generals[variant] ??= generalX87(shared, size);
    if (generals.length === 0) generals.push(generalX87(mnemonic!, size));
    return shortcut === undefined ? generals[0] : shortcut(generals);
  }

  function generalX87(mnemonic: string, size: string | undefined): RuntimeFunction {
    const operation = x87Handler(mnemonic, size === undefined ? NO_MEMORY : Number(size));
    if (operation === undefined) return () => raise(VECTOR.UD);
    const long = LONG_X87.has(mnemonic);
    return (a, b, linear, operandSize, eip, opcode, dataOffset, dataSelector) => {
      if (long) memory.spend(LONG_X87_COST);
      x87.x87Offset = eip!;
      x87.x87Opcode = opcode!;
      x87.x87DataOffset = dataOffset!;
      x87.x87DataSelector = dataSelector!;
      operation(x87, a!, b!, linear!, operandSize!);
    };
  }

  const pairs = pairFunctions(m.cpu, memory);

  return (name) => {
    const found = table[name] ?? pairs[name] ?? x87Function(name);
    if (found === undefined) throw new Error(`no runtime function "${name}"`);
    return found;
  };
}
