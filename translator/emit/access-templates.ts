/** Accesses of guest memory in JavaScript: each looks whether it may be fast, and asks a runtime function where it may not. */
import type { Statement } from "estree";
import type { Op } from "../ir/opcodes.ts";
import { statements, type Bindings } from "./estree.ts";

/** Memory: `$a` the address and `$t` the TLB entry are temporaries, `$i` and `$l` say where the access stands. */
export const MEMORY: Partial<Record<Op, (bindings: Bindings) => Statement[]>> = {
  load8: statements("const $t = READ[$a >>> 12]; const $v = ($t & 1) === 0 ? MEM8[$a ^ $t] : load8($a, $i, $l) | 0;"),
  load16: statements("const $t = READ[$a >>> 12]; const $v = (($a | $t) & 1) === 0 ? MEM16[($a ^ $t) >>> 1] : load16($a, $i, $l) | 0;"),
  load32: statements("const $t = READ[$a >>> 12]; const $v = (($a | $t) & 3) === 0 ? MEM32[($a ^ $t) >>> 2] : load32($a, $i, $l) | 0;"),
  store8: statements("const $t = WRITE[$a >>> 12]; if (($t & 1) === 0) MEM8[$a ^ $t] = $x; else store8($a, $x, $i, $l);"),
  store16: statements("const $t = WRITE[$a >>> 12]; if ((($a | $t) & 1) === 0) MEM16[($a ^ $t) >>> 1] = $x; else store16($a, $x, $i, $l);"),
  store32: statements("const $t = WRITE[$a >>> 12]; if ((($a | $t) & 3) === 0) MEM32[($a ^ $t) >>> 2] = $x; else store32($a, $x, $i, $l);"),
  modify8: statements("const $t = WRITE[$a >>> 12]; const $v = ($t & 1) === 0 ? MEM8[$a ^ $t] : modify8($a, $i, $l) | 0;"),
  modify16: statements("const $t = WRITE[$a >>> 12]; const $v = (($a | $t) & 1) === 0 ? MEM16[($a ^ $t) >>> 1] : modify16($a, $i, $l) | 0;"),
  modify32: statements("const $t = WRITE[$a >>> 12]; const $v = (($a | $t) & 3) === 0 ? MEM32[($a ^ $t) >>> 2] : modify32($a, $i, $l) | 0;"),
  commit8: statements("if (($t & 1) === 0) MEM8[$a ^ $t] = $x; else store8($a, $x, $i, $l);"),
  commit16: statements("if ((($a | $t) & 1) === 0) MEM16[($a ^ $t) >>> 1] = $x; else store16($a, $x, $i, $l);"),
  commit32: statements("if ((($a | $t) & 3) === 0) MEM32[($a ^ $t) >>> 2] = $x; else store32($a, $x, $i, $l);"),
};

/** Accesses that share a probe: `$g` is 0 where they are fast, `$m` says where. */
export const NEAR: Partial<Record<Op, (bindings: Bindings) => Statement[]>> = {
  nearLoad8: statements("const $v = $g === 0 ? MEM8[$m] : load8($a, $i, $l) | 0;"),
  nearLoad16: statements("const $v = $g === 0 ? MEM16[$m] : load16($a, $i, $l) | 0;"),
  nearLoad32: statements("const $v = $g === 0 ? MEM32[$m] : load32($a, $i, $l) | 0;"),
  nearStore8: statements("if ($g === 0) MEM8[$m] = $x; else store8($a, $x, $i, $l);"),
  nearStore16: statements("if ($g === 0) MEM16[$m] = $x; else store16($a, $x, $i, $l);"),
  nearStore32: statements("if ($g === 0) MEM32[$m] = $x; else store32($a, $x, $i, $l);"),
  nearModify8: statements("const $v = $g === 0 ? MEM8[$m] : modify8($a, $i, $l) | 0;"),
  nearModify16: statements("const $v = $g === 0 ? MEM16[$m] : modify16($a, $i, $l) | 0;"),
  nearModify32: statements("const $v = $g === 0 ? MEM32[$m] : modify32($a, $i, $l) | 0;"),
};
