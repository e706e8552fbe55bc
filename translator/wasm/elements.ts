/** Elements of the ABI's arrays: how they are loaded and stored, and what of an index can stand in the instruction. */
import type { Expression } from "estree";
import { OPCODE } from "./opcodes.ts";

export interface Element {
  /** Bytes, as a power of two. */
  readonly shift: number;
  readonly load: number;
  readonly store: number;
  readonly kind: "i32" | "single" | "double";
}

const WORD: Element = { shift: 2, load: OPCODE.load, store: OPCODE.store, kind: "i32" };

const BYTE: Element = { shift: 0, load: OPCODE.load8, store: OPCODE.store8, kind: "i32" };
const HALF: Element = { shift: 1, load: OPCODE.load16, store: OPCODE.store16, kind: "i32" };

/** By the array's name outside. */
export const ELEMENTS: Readonly<Record<string, Element>> = {
  state: WORD, ram32: WORD, readTlb: WORD, writeTlb: WORD, execTlb: WORD,
  stateHalves: HALF, ram16: HALF,
  stateBytes: BYTE, ram8: BYTE,
  registerPairs: { shift: 3, load: OPCODE.loadDouble, store: OPCODE.storeDouble, kind: "double" },
  codePages: BYTE, codeBytes: WORD, dirtyPages: BYTE,
  ramSingles: { shift: 2, load: OPCODE.loadSingle, store: OPCODE.storeSingle, kind: "single" },
  ramDoubles: { shift: 3, load: OPCODE.loadDouble, store: OPCODE.storeDouble, kind: "double" },
};

/** The int32 that an expression is, from its text alone. */
export function integer(expression: Expression): number | undefined {
  if (expression.type === "Literal") return isWord(expression.value) ? expression.value | 0 : undefined;
  if (expression.type !== "UnaryExpression" || expression.operator !== "-" || expression.argument.type !== "Literal") return undefined;
  const { value } = expression.argument;
  return isWord(value) && value !== 0 && value <= 0x80000000 ? -value | 0 : undefined;
}

function isWord(value: unknown): value is number { return typeof value === "number" && Number.isInteger(value) && value <= 0xffffffff && value >= 0; }

/** Where an element is: `address`, times 2^`scale`, and `offset` bytes. */
export interface Place {
  readonly address: Expression | undefined;
  readonly scale: number;
  readonly offset: number;
}

/**
 * Takes an index into elements of 2^`shift` bytes apart. Elements are accessed only where they are: `h >>> 2` stands for an aligned `h`, and what is added
 * to an address does not lead beyond 2^32. `bytesOf` knows of a name that is `h >>> shift`, and what h is.
 */
export function placeOf(index: Expression, shift: number, bytesOf: (name: string, shift: number) => Expression | undefined): Place {
  const known = integer(index);
  if (known !== undefined) return { address: undefined, scale: 0, offset: known << shift };
  const elements = distance(index);
  if (elements !== undefined) {
    const place = placeOf(elements.from, shift, bytesOf);
    return { ...place, offset: place.offset + (elements.by << shift) };
  }
  const bytes = shift === 0 ? undefined : index.type === "Identifier" ? bytesOf(index.name, shift) : halved(index, shift);
  if (bytes === undefined) return { address: index, scale: shift, offset: 0 };
  const further = distance(bytes);
  return further === undefined ? { address: bytes, scale: 0, offset: 0 } : { address: further.from, scale: 0, offset: further.by };
}

/** What `expression` is the quotient of, by 2^`shift`. */
export function halved(expression: Expression, shift: number): Expression | undefined {
  return expression.type === "BinaryExpression" && expression.operator === ">>>" && integer(expression.right) === shift ? expression.left as Expression : undefined;
}

/** `from + by`, by being positive. */
function distance(expression: Expression): { readonly from: Expression; readonly by: number } | undefined {
  if (expression.type !== "BinaryExpression") return undefined;
  const right = integer(expression.right);
  if (expression.operator === "|" && right === 0) return distance(expression.left as Expression);
  return expression.operator === "+" && right !== undefined && right > 0 && right < 4096 ? { from: expression.left as Expression, by: right } : undefined;
}
