/**
 * Where guest registers and flags live in a region: in locals of its function. What kind of operation set the flags last is known where it did in
 * the same flow.
 */
import type { Expression, Statement } from "estree";
import { CARRY_APART, CHANGED, KIND, OVERFLOW_APART, SLOT, type SlotName } from "../../runtime/abi.ts";
import { answersHowItLeft, answersWhetherToLeave, calledExactly, faultsWhole, readsX87, touchedBy, transfers } from "../ir/calls.ts";
import type { Node } from "../ir/opcodes.ts";
import { carryAfter, conditionAfter } from "./conditions.ts";
import { declare, evaluate, expression, flagBindings, identifier, number, statements, type Bindings } from "./estree.ts";
import { word, wordAt, type Place } from "./lowering.ts";
import type { Probe } from "./probe.ts";
import { settle } from "./x87-frame.ts";

const REGISTERS = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"] as const;
export const FLAGS = ["flagKind", "flagA", "flagB", "flagCarry"] as const;
/** What flags that need no carry are left behind in. */
const FLAG_RESULT = ["flagKind", "flagA", "flagB"] as const;
/** What CF and OF are put apart in. */
const FLAGS_APART = ["flagKind", "flagCarry"] as const;
export type Local = (typeof REGISTERS)[number] | (typeof FLAGS)[number];

const READ = {
  low: expression("$r & 255"), high: expression("$r >> 8 & 255"), half: expression("$r & 65535"),
};
const BOTH_APART = CARRY_APART | OVERFLOW_APART;
const WRITE = {
  low: statements("$r = $r & -256 | $v & 255;"), high: statements("$r = $r & -65281 | ($v & 255) << 8;"),
  half: statements("$r = $r & -65536 | $v & 65535;"), full: statements("$r = $v;"),
  flags: statements("flagKind = $k; flagA = $0; flagB = $1;"),
  flagsCarry: statements("flagKind = $k; flagA = $0; flagB = $1; flagCarry = $2;"),
  flagsIf: statements("if ($0) { flagKind = $k; flagA = $1; flagB = $2; }"),
  carry: statements("flagKind = $k; flagCarry = flagCarry & ~2 | $0 << 1;"),
  carryOverflow: statements("flagKind = $k; flagCarry = flagCarry & 1 | $0 << 1 | $1 << 31;"),
  carryOverflowIf: statements(`if ($0) { flagKind = flagKind | ${BOTH_APART}; flagCarry = flagCarry & 1 | $1 << 1 | $2 << 31; }`),
  put: statements("flagA = $0; flagKind = 0;"),
  slot: statements("$w = $0;"),
};
/** Of the registers, by number. */
const IDENTIFIERS: readonly Expression[] = REGISTERS.map(identifier);
const LOCAL_FLAGS = { k: identifier("flagKind"), a: identifier("flagA"), b: identifier("flagB"), c: identifier("flagCarry") };
const GENERAL = {
  condition: expression("conditionOf($n, $k, $a, $b, $c)"), carry: expression("carryOf($k, $a, $b, $c) | 0"), flags: expression("flagsOf($k, $a, $b, $c) | 0"),
};
const APART = expression("flagKind | $f");
export const EXPLICIT = KIND.explicit * 4;
const LEFT = identifier("left");
/** Where blocks expect the carry that they begin with. */
const CARRY = identifier("carry"), CARRY_HOLDS: readonly [Expression, Expression] = [expression("carry !== 0")({}), expression("carry === 0")({})];

/** A runtime function finds what it touches in the state words; what it wrote is taken back even where it faults in its midst, as REP may. */
const CALL = {
  guard: statements(`S[${SLOT.faultId}] = $i; S[${SLOT.left}] = left;`),
  exactly: statements("callOut($i, left + $rest | 0);"), from: statements(`S[${SLOT.eip}] = $e;`), start: statements("startCallout($i);"), stop: statements("stopCallout();"),
  writeBack: statements("$w = $r;"), reload: statements("$r = $w;"), declare: statements("let $t = 0;"), result: statements("$t = $v;"),
};

/** What is known of the flags at one place of the code. */
export interface KnownFlags {
  /** The kind word, or SOME_KIND with what is apart where ways with different ones met. */
  readonly kind: number;
  /** `carry` holds CF. */
  readonly inCarry: boolean;
}
/** No kind: the tables of conditions know nothing of it. */
const SOME_KIND = 0x3c, WHOLE_KIND = 0x3f;
export const UNKNOWN: KnownFlags = { kind: SOME_KIND, inCarry: false };

/** Registers and flags in locals; the kind of the flags is known where it was set before in the same flow. */
export class RegionPlace implements Place {
  /** x87 registers may stand as pairs. */
  hasRuns = false;
  known = UNKNOWN;
  readonly probes = new Map<Node, Probe>();
  id = 0;
  nextEip = 0;
  thisEip = 0;
  /** Instructions of the block from this one on. */
  rest = 0;
  /** What the monitor answered: whether the region must be left behind the instruction. */
  answer: Expression | undefined;
  /** What the region returns behind a transfer by the monitor. */
  code: Expression = number(CHANGED);
  /** Calls of the monitor are timed. */
  readonly #timed: boolean;
  readonly #isMobile: boolean;
  #temporaries = 0;
  /** The locals that the code names, and those that it assigns to. */
  readonly named = new Set<Local>();
  readonly assigned = new Set<Local>();

  constructor(timed: boolean, isMobile: boolean) {
    this.#timed = timed;
    this.#isMobile = isMobile;
  }

  name(locals: Iterable<Local>): void { for (const local of locals) this.named.add(local); }
  assign(locals: Iterable<Local>): void {
    for (const local of locals) {
      this.named.add(local);
      this.assigned.add(local);
    }
  }
  #register(index: number): Expression {
    const name = registerNamed(index);
    this.named.add(name);
    return IDENTIFIERS[index]!;
  }
  #assigned(index: number): Expression {
    this.assigned.add(registerNamed(index));
    return this.#register(index);
  }

  /** An address in guest code. */
  address(found: number): Expression { return this.moved(number(found)); }
  moved(found: Expression): Expression { return this.#isMobile ? MOVED({ a: found }) : found; }

  get where(): Place["where"] { return { id: number(this.id), left: LEFT }; }
  temporary(): string { return temporaryNamed(this.#temporaries++); }
  get carry(): Expression {
    this.name(FLAGS);
    const { kind, inCarry } = this.known;
    return inCarry ? CARRY : carryAfter(kind)?.(LOCAL_FLAGS) ?? GENERAL.carry(LOCAL_FLAGS);
  }
  call(node: Node, made: Expression, into: string | undefined): Statement[] {
    if (calledExactly(node)) {
      return [...this.beforeGuard(), ...CALL.exactly({ i: number(this.id), rest: number(this.rest) }), into === undefined ? evaluate(made) : declare(into, made)];
    }
    const touched = touchedBy(node), answersHow = answersHowItLeft(node), name = answersHow || answersWhetherToLeave(node) ? this.temporary() : into;
    if (touched === undefined) throw new Error(`no region calls ${node.name}`);
    if (answersHow) this.code = identifier(name!);
    else if (name !== into) this.answer = identifier(name!);
    if (touched.flags) this.known = UNKNOWN;
    const words: Local[] = [...touched.registers.map((register) => REGISTERS[register]!), ...(touched.flags ? FLAGS : [])];
    this.assign(words);
    const each = (template: (bindings: Bindings) => Statement[]): Statement[] => words.flatMap((each) => template({ w: word(each), r: identifier(each) }));
    const timed = this.#timed && (name !== into || transfers(node));
    const before = [
      ...(this.hasRuns && readsX87(node) ? settle((found) => this.moved(found)) : []), ...this.beforeGuard(), ...(transfers(node) ? CALL.from({ e: this.address(this.nextEip) }) : []), ...each(CALL.writeBack),
      ...(timed ? CALL.start({ i: number(this.id) }) : []),
    ];
    const behind = timed ? CALL.stop({}) : [];
    if (words.length === 0 || faultsWhole(node)) return [...before, name === undefined ? evaluate(made) : declare(name, made), ...behind, ...each(CALL.reload)];
    const result = identifier(name ?? "");
    const attempt: Statement = {
      type: "TryStatement", block: { type: "BlockStatement", body: name === undefined ? [evaluate(made)] : CALL.result({ t: result, v: made }) }, handler: null,
      finalizer: { type: "BlockStatement", body: each(CALL.reload) },
    };
    return [...before, ...(name === undefined ? [] : CALL.declare({ t: result })), attempt, ...behind];
  }
  beforeGuard(): Statement[] {
    return CALL.guard({ i: number(this.id) });
  }

  read(node: Node, args: Expression[]): Expression {
    const index = node.args[0]?.number ?? 0;
    switch (node.op) {
      case "reg8": return (index & 1) === 0 ? READ.low({ r: this.#register(index >> 2) }) : READ.high({ r: this.#register(index >> 2) });
      case "reg16": return READ.half({ r: this.#register(index) });
      case "reg32": return this.#register(index);
      case "slot": return word(node.name);
      case "slotAt": return wordAt(number(SLOT[node.name as SlotName] + index));
      case "nextEip": return this.address(this.nextEip);
      case "thisEip": return this.address(this.thisEip);
      case "condition": {
        this.name(FLAGS);
        const { kind, inCarry } = this.known, known = conditionAfter(kind, node.number);
        if (known === undefined && inCarry && node.number >> 1 === 1) return CARRY_HOLDS[(node.number & 1) as 0 | 1];
        return known?.(LOCAL_FLAGS) ?? GENERAL.condition({ ...LOCAL_FLAGS, n: number(node.number) });
      }
      case "carry": return this.carry;
      case "flags": this.name(FLAGS); return this.known.kind === EXPLICIT ? identifier("flagA") : GENERAL.flags(LOCAL_FLAGS);
      default: void args; throw new Error(`${node.op} is no read`);
    }
  }

  write(node: Node, args: Expression[]): Statement[] {
    const index = node.args[0]?.number ?? 0;
    const bound = flagBindings(args, node.number);
    switch (node.op) {
      case "setReg8": return ((index & 1) === 0 ? WRITE.low : WRITE.high)({ r: this.#assigned(index >> 2), v: args[1]! });
      case "setReg16": return WRITE.half({ r: this.#assigned(index), v: args[1]! });
      case "setReg32": return WRITE.full({ r: this.#assigned(index), v: args[1]! });
      case "setSlot": return WRITE.slot({ 0: args[0]!, w: word(node.name) });
      case "setFlags": this.assign(FLAG_RESULT); this.known = { kind: node.number, inCarry: false }; return WRITE.flags(bound);
      case "setFlagsCarry": this.assign(FLAGS); this.known = { kind: node.number, inCarry: false }; return WRITE.flagsCarry(bound);
      case "setFlagsIf": this.assign(FLAG_RESULT); this.known = UNKNOWN; return WRITE.flagsIf(bound);
      case "setCarry": return WRITE.carry({ 0: args[0]!, k: this.#apart(CARRY_APART) });
      case "setCarryOverflow": return WRITE.carryOverflow({ 0: args[0]!, 1: args[1]!, k: this.#apart(BOTH_APART) });
      case "setCarryOverflowIf": this.assign(FLAGS_APART); this.known = UNKNOWN; return WRITE.carryOverflowIf(args);
      case "putFlags": this.assign(FLAG_RESULT); this.known = { kind: EXPLICIT, inCarry: false }; return WRITE.put(args);
      default: throw new Error(`${node.op} is no write`);
    }
  }

  /** The kind word where these flags have been put apart. */
  #apart(flags: number): Expression {
    const kind = this.known.kind | flags;
    this.assign(FLAGS_APART);
    this.known = { kind, inCarry: false };
    return (kind & WHOLE_KIND) === SOME_KIND ? APART({ f: number(flags) }) : number(kind);
  }
}

/** Names of temporaries: each the same string in all regions, whose hash is known. */
const TEMPORARIES: string[] = [];

function temporaryNamed(number: number): string {
  while (TEMPORARIES.length <= number) TEMPORARIES.push(`t${TEMPORARIES.length}`);
  return TEMPORARIES[number]!;
}

function registerNamed(index: number): Local {
  const name = REGISTERS[index];
  if (name === undefined) throw new Error(`no register ${index}`);
  return name;
}

const MOVED = expression("delta + $a | 0");

export const LOCALS: readonly Local[] = [...REGISTERS, ...FLAGS];
