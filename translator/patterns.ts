/**
 * Decoding by what was decoded before. Instructions with the same first bytes (prefixes, opcode, ModRM and SIB) are one *pattern*: the same
 * form, registers and length; only displacement and immediates differ. What is decoded in full once is read off its pattern from then on.
 *
 * Patterns are found by a tree over those bytes: one word for each value of the next byte, which is 0 where nothing is known, the number of
 * a pattern, or minus the place of the next 256 words. Invariant: no byte behind those that led to a pattern takes part in choosing its form.
 */
import { decode, type DecodeFailure } from "./decode/decoder.ts";
import type { Instruction } from "./decode/instruction.ts";
import { x87Opcode, type Fields, type Form, type Forms } from "./form.ts";
import { isPrefix } from "./decode/reader.ts";
import type { OperandCode } from "./isa/operands.ts";

/** How a value that stands in the instruction is read: log2 of its bytes is beyond bit 1, bit 0 says that it is sign-extended. */
type Width = number;
const ABSENT: Width = 0, BYTE: Width = 2, SIGNED_BYTE: Width = 3, WORD: Width = 4, SIGNED_WORD: Width = 5, DWORD: Width = 6;
const BYTES: readonly number[] = [0, 0, 1, 1, 2, 2, 4];

/** The value of a width at a place, as int32. */
function valueAt(bytes: Uint8Array, at: number, width: Width): number {
  if (width === DWORD) return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
  if (width === SIGNED_BYTE) return bytes[at]! << 24 >> 24;
  if (width === BYTE) return bytes[at]!;
  const word = bytes[at]! | bytes[at + 1]! << 8;
  return width === WORD ? word : word << 16 >> 16;
}

/** The values behind ModRM and SIB in their order, apart from a displacement that these ask for. */
interface Tail {
  /** To the field `p`: an offset in place of a ModRM operand. */
  readonly offset: Width;
  /** To the fields `m` and `k`. */
  readonly first: Width;
  readonly second: Width;
}

function tailOf({ row, operandSize, addressSize }: Instruction): Tail {
  const isWord = operandSize === 2;
  let offset = ABSENT, first = ABSENT, second = ABSENT;
  for (const code of row.codes as readonly OperandCode[]) {
    const width = code === "Ib" ? BYTE : code === "sIb" ? SIGNED_BYTE : code === "Iw" || code === "Iz" && isWord ? WORD : code === "Iz" ? DWORD : ABSENT;
    if (width !== ABSENT && first === ABSENT) first = width;
    else if (width !== ABSENT) second = width;
    else if (code === "Jb") second = SIGNED_BYTE;
    else if (code === "Jz") second = isWord ? SIGNED_WORD : DWORD;
    else if (code === "Ob" || code === "Ov") offset = addressSize === 2 ? WORD : DWORD;
    else if (code === "Ap") {
      first = isWord ? WORD : DWORD;
      second = WORD;
    }
  }
  return { offset, first, second };
}

/** An instruction with what follows from its bytes alone; none of it ever changes. */
export interface Decoded {
  readonly instruction: Instruction;
  readonly form: Form;
  readonly fields: Fields;
}

export class Pattern {
  /** From 1 on, for tables that are kept beside; 0 where it is not found again. */
  readonly number: number;
  readonly form: Form;
  /** Bytes, 1 to 15. */
  readonly length: number;
  /** It is a direct near branch: `k` is its displacement. */
  readonly isRelative: boolean;
  readonly isCall: boolean;
  /**
   * Where the first immediate stands, from the beginning of the instruction, if it is no more than a value to compute with: whatever it is,
   * control goes on in the same way and the monitor has nothing to do with it.
   */
  readonly immediate: { readonly at: number; readonly size: 1 | 2 | 4; readonly isSigned: boolean } | undefined;
  readonly #p: Width;
  readonly #m: Width;
  readonly #k: Width;
  readonly #pAt: number;
  readonly #mAt: number;
  readonly #kAt: number;
  /** The values of all that these do not replace. */
  readonly #fields: Fields;

  constructor(number: number, form: Form, { length, row }: Instruction, displacement: Width, tail: Tail, fields: Fields) {
    this.number = number;
    this.form = form;
    this.length = length;
    this.isRelative = row.codes.some((code) => code === "Jb" || code === "Jz");
    this.isCall = row.mnemonic === "call";
    this.#p = displacement === ABSENT ? tail.offset : displacement;
    this.#m = tail.first;
    this.#k = tail.second;
    this.#kAt = length - BYTES[this.#k]!;
    this.#mAt = this.#kAt - BYTES[this.#m]!;
    this.#pAt = this.#mAt - BYTES[this.#p]!;
    this.#fields = fields;
    const isValue = tail.first !== ABSENT && tail.second === ABSENT && row.class === "ident" && !row.ends;
    this.immediate = isValue ? { at: this.#mAt, size: BYTES[tail.first] as 1 | 2 | 4, isSigned: tail.first === SIGNED_BYTE } : undefined;
  }

  /** The instructions of this pattern that were wanted whole, by `key`. */
  readonly whole = new Map<number | string, Decoded>();

  /** What tells the instruction at `at` from others of this pattern. */
  key(bytes: Uint8Array, at: number): number | string {
    const p = this.#p, m = this.#m, k = this.#k;
    if (m === ABSENT && k === ABSENT) return p === ABSENT ? 0 : valueAt(bytes, at + this.#pAt, p);
    if (p === ABSENT && k === ABSENT) return valueAt(bytes, at + this.#mAt, m);
    if (p === ABSENT && m === ABSENT) return valueAt(bytes, at + this.#kAt, k);
    return `${p === ABSENT ? 0 : valueAt(bytes, at + this.#pAt, p)},${m === ABSENT ? 0 : valueAt(bytes, at + this.#mAt, m)},${k === ABSENT ? 0 : valueAt(bytes, at + this.#kAt, k)}`;
  }

  /** As `Forms.of`, of the instruction at `at`, which has this pattern. */
  fill(bytes: Uint8Array, at: number, fields: Fields): void {
    const known = this.#fields;
    fields.d = known.d;
    fields.s = known.s;
    fields.b = known.b;
    fields.x = known.x;
    fields.c = known.c;
    fields.p = this.#p === ABSENT ? known.p : valueAt(bytes, at + this.#pAt, this.#p);
    fields.m = this.#m === ABSENT ? known.m : valueAt(bytes, at + this.#mAt, this.#m);
    fields.k = this.#k === ABSENT ? known.k : valueAt(bytes, at + this.#kAt, this.#k);
  }
}

const ESCAPE = 0x0f, MOST_PREFIXES = 2;
/** A tree of one mode has at most so many words; what is beyond it is decoded in full each time. */
const MOST_WORDS = 1 << 20;
const WIDTH_BY_BYTES: Readonly<Record<number, Width>> = { 0: ABSENT, 1: SIGNED_BYTE, 2: SIGNED_WORD, 4: DWORD };

/** So many whole instructions are kept; a boot of Linux has some 8,000 in its regions. */
const MOST_WHOLE = 1 << 14;

/** The patterns of one mode. */
export class Patterns {
  readonly #forms: Forms;
  #tree = new Int32Array(256 * 64);
  #used = 256;
  readonly #patterns: Pattern[] = [];
  #whole = 0;

  constructor(forms: Forms) { this.#forms = forms; }

  /** How many there are. */
  get size(): number { return this.#patterns.length; }

  /** How large the tree is. */
  get words(): number { return this.#used; }

  /** The pattern of the instruction at `at`, where it is known; its bytes may reach beyond the room that there is. */
  find(bytes: Uint8Array, at: number): Pattern | undefined {
    const tree = this.#tree;
    let node = tree[bytes[at]!]!, next = at;
    while (node < 0) node = tree[(bytes[++next]! | 0) - node]!;
    return node === 0 ? undefined : this.#patterns[node - 1];
  }

  /**
   * The pattern of the instruction at `at`, which has no more than `available` bytes; why there is none where the bytes are no instruction.
   * An instruction with many prefixes, or one that the tree has no room for, gets a new pattern each time.
   */
  at(bytes: Uint8Array, at: number, available: number): Pattern | DecodeFailure {
    const known = this.find(bytes, at);
    if (known !== undefined && known.length <= available) return known;
    const decoded = decode(bytes, at, available, this.#forms.mode);
    return "failure" in decoded ? decoded : this.#learn(bytes, at, decoded);
  }

  /** The whole instruction at `at`, the same object for the same bytes as long as it is kept; why there is none where the bytes are no instruction. */
  whole(bytes: Uint8Array, at: number, available: number): Decoded | DecodeFailure {
    const pattern = this.at(bytes, at, available);
    if ("failure" in pattern) return pattern;
    if (pattern.number === 0) return this.#decode(bytes, at, available);
    const key = pattern.key(bytes, at), known = pattern.whole.get(key);
    if (known !== undefined) return known;
    const decoded = this.#decode(bytes, at, available);
    if ("failure" in decoded) return decoded;
    if (this.#whole++ === MOST_WHOLE) this.#forgetWhole();
    pattern.whole.set(key, decoded);
    return decoded;
  }

  #decode(bytes: Uint8Array, at: number, available: number): Decoded | DecodeFailure {
    const decoded = decode(bytes, at, available, this.#forms.mode);
    return "failure" in decoded ? decoded : this.#describe(bytes, at, decoded);
  }

  #describe(bytes: Uint8Array, at: number, instruction: Instruction): Decoded {
    const fields: Fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 }, form = this.#forms.of(instruction, fields);
    if (instruction.row.mnemonic.startsWith("f")) fields.m = x87Opcode(bytes, at);
    return { instruction, form, fields };
  }

  #forgetWhole(): void {
    for (const pattern of this.#patterns) pattern.whole.clear();
    this.#whole = 1;
  }

  #learn(bytes: Uint8Array, at: number, instruction: Instruction): Pattern {
    const { form, fields } = this.#describe(bytes, at, instruction), tail = tailOf(instruction), end = instruction.length - BYTES[tail.offset]! - BYTES[tail.first]! - BYTES[tail.second]!;
    const opcode = prefixesAt(bytes, at);
    const isEscaped = bytes[at + opcode] === ESCAPE, modrm = opcode + (isEscaped ? 2 : 1), rest = end - modrm;
    const hasSib = rest > 1 && instruction.addressSize === 4 && (bytes[at + modrm]! & 7) === 4;
    const deciding = modrm + (rest === 0 ? 0 : hasSib ? 2 : 1);
    const number = this.#patterns.length + 1, isKept = opcode <= MOST_PREFIXES && this.#enter(bytes, at, deciding, number);
    const pattern = new Pattern(isKept ? number : 0, form, instruction, WIDTH_BY_BYTES[end - deciding]!, tail, fields);
    if (isKept) this.#patterns.push(pattern);
    return pattern;
  }

  /** Lets the first `deciding` bytes lead to a pattern; false where the tree would grow too large. */
  #enter(bytes: Uint8Array, at: number, deciding: number, number: number): boolean {
    let place = bytes[at]!;
    for (let k = 1; k < deciding; k++) {
      if (this.#tree[place] === 0) {
        if (this.#used === MOST_WORDS) return false;
        if (this.#used === this.#tree.length) this.#grow();
        this.#tree[place] = -this.#used;
        this.#used += 256;
      }
      place = bytes[at + k]! - this.#tree[place]!;
    }
    this.#tree[place] = number;
    return true;
  }

  #grow(): void {
    const grown = new Int32Array(this.#tree.length * 2);
    grown.set(this.#tree);
    this.#tree = grown;
  }
}

function prefixesAt(bytes: Uint8Array, at: number): number {
  let count = 0;
  while (isPrefix(bytes[at + count]!)) count++;
  return count;
}
