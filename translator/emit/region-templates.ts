/** The text around the instructions of a region: its frame, and how control goes on. */
import { CHANGED, SLOT } from "../../runtime/abi.ts";
import { PROBE, type Node, type Op } from "../ir/opcodes.ts";
import { expression, statements } from "./estree.ts";
import { LOCALS, type Local } from "./region-place.ts";

const ACCESS = /^(?:near)?(load|store|modify)(8|16|32)$/i;

/** What finds pages: a stretch of a REP looks both up. */
export const TABLES = ["READ", "WRITE"];
/** What runs of x87 instructions name. */
export const RUN_ARRAYS = [...TABLES, "MEM16", "MEM32", "F", "MEMF32", "MEMF64"];

/** The arrays that an operation's JavaScript names. */
export function arraysOf({ op, args }: Node): readonly string[] {
  if (op === "probe") return PROBED[args[1]!.number & (PROBE.reads | PROBE.writes)]!;
  let arrays = accessed.get(op);
  if (arrays === undefined) accessed.set(op, (arrays = arraysOfAccess(op)));
  return arrays;
}

const PROBED: Readonly<Record<number, readonly string[]>> = { 0: [], [PROBE.reads]: ["READ"], [PROBE.writes]: ["WRITE"], [PROBE.reads | PROBE.writes]: TABLES };
const NOTHING: readonly string[] = [];
const accessed = new Map<Op, readonly string[]>();

function arraysOfAccess(op: Op): readonly string[] {
  if (op === "code8" || op === "code16") return ["MEM8"];
  if (op === "code32") return ["MEM8", "MEM32"];
  const access = ACCESS.exec(op);
  if (access === null) return NOTHING;
  return op.startsWith("near") ? [`MEM${access[2]}`] : [`MEM${access[2]}`, access[1] === "load" ? "READ" : "WRITE"];
}

function writeBackOf(name: Local): string { return `S[${SLOT[name]}] = ${name};`; }

const WRITE_BACK = LOCALS.map(writeBackOf).join(" ");
const RELOAD = LOCALS.map((name) => `${name} = S[${SLOT[name]}];`).join(" ");

export const FRAME = {
  array: statements("const $name = $source;"),
  int32: statements("$name = $name | 0;"),
  open: statements(`let ${LOCALS.map((name) => `${name} = S[${SLOT[name]}]`).join(", ")}, eip = 0, code = 0;`),
  carry: statements("let carry = 0;"),
  openCarry: statements("let carry = carryOf(flagKind, flagA, flagB, flagCarry) | 0;"),
  caught: statements("code = caught(error);"),
  writeBack: new Map(LOCALS.map((name) => [name, statements(writeBackOf(name))({})])),
  close: statements(`S[${SLOT.eip}] = eip; S[${SLOT.left}] = left; return code;`),
};
export const FLOW = {
  count: statements("COUNT[$k] = COUNT[$k] + 1;"),
  charge: statements("left = left - $n | 0;"),
  leave: statements("eip = $e; break leave;"),
  leaveIfSpent: statements("if (left < $n) { eip = $e; break leave; }"),
  name: statements("entry = $n;"),
  leaveIfRemapped: statements("if (EXEC[$k] !== $p) { eip = $e; break leave; }"),
  leaveIfElsewhere: statements("if ((EXEC[$a >>> 12] ^ $a & -4096) !== $p) { eip = $e; break leave; }"),
  timestamp: statements(`
    if (S[${SLOT.isTimed}] !== 0 || timestamp($i) === 0) {
      eax = S[${SLOT.spentLow}] - left - $rest | 0;
      edx = S[${SLOT.spentHigh}] - (S[${SLOT.spentLow}] >>> 0 < left + $rest >>> 0 ? 1 : 0) | 0;
    }`),
  enableInterrupts: statements("const $t = enableInterrupts(); if ($t === 1) {}"),
  interrupted: statements(`if ($t === 2) { S[${SLOT.faultId}] = $i; left = left + $rest | 0; eip = $e; code = ${CHANGED}; break leave; }`),
  endShadow: statements(`S[${SLOT.shadow}] = 0;`),
  calledOut: statements("if (calledOut($i) !== 0) { left = left + $rest | 0; eip = $e; break leave; }"),
  changed: statements(`if ($t !== 0) { left = left + $rest | 0; eip = $e; code = ${CHANGED}; break leave; }`),
  transferred: statements(`eip = S[${SLOT.eip}]; code = $c; break leave;`),
  again: statements("if ($again === 0) break; left = left - 1 | 0;"),
  leaveAgain: statements("if (left < $n) { left = left + $rest | 0; eip = $e; break leave; }"),
  step: statements(`${WRITE_BACK} const $c = step($i, left); ${RELOAD} left = S[${SLOT.left}]; if ($c !== 0) { eip = S[${SLOT.eip}]; break leave; }`),
};

export const FLOW_TEST = { is: expression("$v === $a"), isBelow: expression("$v < $a") };
