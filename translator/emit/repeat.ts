/**
 * REP MOVS, STOS, SCAS and CMPS in a region: the common stretch on the region's locals (runtime/stretches.ts), and the general call where that has
 * done nothing.
 */
import type { Expression, Statement } from "estree";
import { KIND, SLOT } from "../../runtime/abi.ts";
import type { Node } from "../ir/opcodes.ts";
import { block, expression, identifier, number, statements, type Bindings } from "./estree.ts";

/** FS and GS need not be flat where a region runs. */
const FS = 4;
const REPE = 1;

const SOURCE = "esi = esi + $t * $size | 0;", DESTINATION = "edi = edi + $t * $size | 0;", UP = "ecx = ecx - $t | 0;";
const EITHER_WAY = "ecx = ecx - ($t < 0 ? -$t : $t) | 0;";
const FLAGS = `flagKind = $kind; flagA = S[${SLOT.flagA}]; flagB = S[${SLOT.flagB}];`;

interface Common {
  /** Its runtime function. */
  readonly name: string;
  readonly reads: boolean;
  readonly call: (bindings: Bindings) => Expression;
  readonly behind: (bindings: Bindings) => Statement[];
  /** What is left to do, 0 for nothing. */
  readonly again: (bindings: Bindings) => Expression;
}

const REST = expression("ecx"), REST_UNLESS_ENDED = expression("flagA === flagB === $equal ? ecx : 0");

const COMMON: Readonly<Record<string, Common>> = {
  repeatMovs: {
    name: "moveStretch", reads: true, again: REST,
    call: expression("moveStretch($size, esi, edi, ecx, READ[esi >>> 12], WRITE[edi >>> 12])"), behind: statements(SOURCE + DESTINATION + EITHER_WAY),
  },
  repeatStos: {
    name: "storeStretch", reads: false, again: REST,
    call: expression("storeStretch($size, edi, ecx, WRITE[edi >>> 12], eax)"), behind: statements(DESTINATION + EITHER_WAY),
  },
  repeatScas: {
    name: "scanStretch", reads: false, again: REST_UNLESS_ENDED,
    call: expression("scanStretch($size, edi, ecx, READ[edi >>> 12], eax, $repe)"), behind: statements(DESTINATION + UP + FLAGS),
  },
  repeatCmps: {
    name: "compareStretch", reads: true, again: REST_UNLESS_ENDED,
    call: expression("compareStretch($size, esi, edi, ecx, READ[esi >>> 12], READ[edi >>> 12], $repe)"), behind: statements(SOURCE + DESTINATION + UP + FLAGS),
  },
};

const AGAIN = "again", AROUND = statements("if (ecx === 0) break; let again = 0; const $t = $call; if ($t !== 0) {}");
const SET = statements("again = $value;");

export interface CommonStretch {
  /** The runtime function that it calls. */
  readonly name: string;
  /** One stretch, to stand in a loop, with the general call of the same and what that answers around it. */
  body(t: string, general: Statement[], answer: Expression): Statement[];
  /** 0 behind the last one. */
  readonly again: Expression;
}

/** The common way of a repeated instruction, whose call this is; undefined where it has none. */
export function commonStretch({ name, args }: Node): CommonStretch | undefined {
  const common = COMMON[name], [size, addressSize, segment, repeat] = args.map((arg) => arg.number);
  if (common === undefined || addressSize !== 4 || common.reads && segment! >= FS) return undefined;
  const equal: Expression = { type: "Literal", value: repeat === REPE }, repe = number(repeat === REPE ? 1 : 0), kind = number(KIND.sub * 4 + (size! >> 1));
  return {
    name: common.name, again: identifier(AGAIN),
    body(t, general, answer) {
      const bindings = { t: identifier(t), size: number(size!), equal, repe, kind };
      const around = AROUND({ t: bindings.t, call: common.call(bindings) }), test = around.pop();
      if (test?.type !== "IfStatement") throw new Error("template of a stretch");
      return [...around, {
        ...test, consequent: block([...common.behind(bindings), ...SET({ value: common.again(bindings) })]), alternate: block([...general, ...SET({ value: answer })]),
      }];
    },
  };
}
