/** What stands around the arithmetic of runs of x87 instructions (x87-run.ts), as templates: their locals, tests at the beginning, the state that they leave. */
import type { Expression, Statement } from "estree";
import { DECLINED, NO_SELECTOR, PAIR_ONE, SLOT } from "../../runtime/abi.ts";
import { expression, statements } from "./estree.ts";
import { SCRATCH } from "./x87-templates.ts";

/** Locals of a region that has runs. */
const WORDS = ["st", "p", "tags", "at", "codes", "offset", "address", "tlb"] as const;
/** By distance from TOP as it was at a run's beginning. */
export const REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/** Declares what runs share; it comes first in the region. */
export const DECLARATIONS = statements(
  `let ${[...SCRATCH.map((name) => `${name} = -0`), ...REGISTERS.map((r) => `h${r} = -0, l${r} = -0`), ...WORDS.map((name) => `${name} = 0`), "pairs = 0", "last = 0", `data = ${NO_SELECTOR}`, ...REGISTERS.map((r) => `i${r} = 0`)].join(", ")};`,
);

export const ENTRY = {
  open: statements(
    `st = S[${SLOT.fpuStatus}]; p = st >>> 11 & 7; tags = S[${SLOT.fpuTag}]; at = 0; lost = -0; s = F[${PAIR_ONE}]; d = -0 - (st & 512); codes = st & 17664;`,
  ),
  index: statements("$i = (p + $r & 7) << 1;"),
  load: statements("$h = F[$i]; $l = F[$i + 1];"),
  save: statements("F[$i] = $h; F[$i + 1] = $l;"),
};
export const TEST = {
  usual: expression(`(S[${SLOT.cr0}] & 12 | st & 128 | (S[${SLOT.fpuControl}] ^ 831) & 3903) !== 0`),
  masked: expression(`(S[${SLOT.cr0}] & 12 | st & 128 | (S[${SLOT.fpuControl}] ^ 63) & 63) !== 0`),
  unusual: expression(`((S[${SLOT.fpuControl}] ^ 831) & 3903) !== 0`),
  tags: expression("((tags | tags << 16) >>> (p << 1) & $t) !== $v"),
  pairs: expression("((pairs << 8 | pairs) >>> p & $n) !== $n && (pairs = x87Open($n, pairs)) < 0"),
  either: expression("$0 || $1"),
  isDone: expression("at !== $k"), isStarted: expression("at !== $base"),
};
export const STATE = {
  done: statements(
    `S[${SLOT.fpuStatus}] = st & -32513 | codes | (p + $delta & 7) << 11 | (d * s < 0 ? 512 : 0) | (lost !== 0 ? 32 : 0); at = $k;`,
  ),
  pointers: statements("last = $last;"), data: statements("data = $s;"),
  pairs: statements("pairs = pairs | $w << p >>> 8 & 255;"),
  tags: statements(`S[${SLOT.fpuTag}] = tags & ~($t << (p << 1) >>> 16) | $e << (p << 1) >>> 16;`),
  site: statements(`S[${SLOT.faultId}] = $site + at; at = $base + at * 6 | 0;`),
  stopped: statements(
    `S[${SLOT.fpuStatus}] = st & -18177 | codes | (d * s < 0 ? 512 : 0) | (lost !== 0 ? 32 : 0); if (RUNS[at + 4] >= 0) last = at + 3 | 0; if (RUNS[at + 5] >= 0) data = RUNS[at + 5];`,
  ),
  decline: statements("at = $k;"), leave: statements(`code = ${DECLINED}; break leave;`),
  status: statements("eax = eax & -65536 | st & -32513 | codes | (p + $delta & 7) << 11 | (d * s < 0 ? 512 : 0) | (lost !== 0 ? 32 : 0);"),
};
export const SIMPLE = {
  exact: statements("d = -0;"),
  offset: statements("offset = $o;"), address: statements("address = $0;"),
  set: statements("$h = $0; $l = $1;"),
  swap: statements("s = $h; c = $l; $h = $0; $l = $1; $0 = s; $1 = c;"),
  absolute: statements("$l = $h < 0 ? -$l : $l; $h = abs($h);"),
  negate: expression("-$0"),
};
export const COMPARED = {
  doubles: expression(`$ah === $bh ? $same : $ah < $bh ? $less : 0`),
  pairs: expression(`$ah === $bh ? $al === $bl ? $same : $al < $bl ? $less : 0 : $ah < $bh ? $less : 0`),
  codes: statements("codes = $0; d = -0;"),
  flags: statements("flagA = $0; flagKind = 0; flagB = 0; flagCarry = 0; d = -0;"),
};

export const DONE = 4095;
export const TABLE = expression("RUNS[$at + $k]");

/** Puts down what stands in locals, before whatever reads x87 registers or pointers in the state words. */
export function settle(moved: (found: Expression) => Expression): Statement[] {
  return SETTLE({ eip: moved(SETTLED.eip) });
}
const SETTLE = statements(
  `if ((last | pairs) !== 0) { x87Settle(pairs, $eip, RUNS[last + 1], data, offset); pairs = 0; last = 0; data = ${NO_SELECTOR}; }`,
), SETTLED = { eip: expression("RUNS[last]")({}) };

/** What `RUNS` begins with: no instruction was executed. */
export const NO_POINTERS: readonly number[] = [0, -1];
