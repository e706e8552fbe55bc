/**
 * Functions of the ABI that regions call often, as one WebAssembly module: a call between modules takes less time than one of JavaScript.
 *
 * They are written in the JavaScript that regions are made of. The flag functions mean what runtime/flags.ts has. Accesses that the templates leave to the
 * slow path are looked at once more: WebAssembly reads and writes at any address, so that what is only misaligned, in a page that may be accessed, is done here.
 */
import { parse } from "acorn";
import type { FunctionDeclaration, Pattern } from "estree";
import { KIND, SLOT, SLOW, WATCHED } from "../../runtime/abi.ts";
import { ARRAY_SOURCES } from "../emit/check.ts";

const { add: ADD, sub: SUB, logic: LOGIC, inc: INC, dec: DEC, adc: ADC, sbb: SBB, shl: SHL, shr: SHR, sar: SAR, mul: MUL, imul: IMUL, explicit: EXPLICIT } = KIND;

const FLAGS = `
function upOf(kind) { return (kind & 2) !== 0 ? 0 : 24 - (kind << 3 & 8); }

function resultOf(kind, a, b, carry) {
  const what = kind >> 2 & 15;
  if (what === ${SUB}) return a - b | 0;
  if (what === ${ADD}) return a + b | 0;
  if (what < ${ADC} || what === ${MUL}) return a;
  const up = upOf(kind), c = carry & 1;
  if (what === ${ADC}) return a + b + (c << up) | 0;
  if (what === ${SBB}) return a - b - (c << up) | 0;
  if (what === ${SHL}) return b > 31 ? 0 : a << b;
  if (what === ${SHR}) return a >>> up >>> b << up;
  if (what === ${SAR}) return a >> up >> (b < 31 ? b : 31) << up;
  return imul(a, b) << up;
}

function productOverflows(a, b, up) { return a * b !== imul(a, b) << up >> up ? 1 : 0; }

function carryOf(kind, a, b, carry) {
  if ((kind & 64) !== 0) return carry >> 1 & 1;
  const what = kind >> 2 & 15;
  if (what === ${SUB}) return a >>> 0 < b >>> 0 ? 1 : 0;
  if (what === ${ADD}) return (a + b | 0) >>> 0 < a >>> 0 ? 1 : 0;
  if (what === ${LOGIC}) return 0;
  if (what === ${EXPLICIT}) return a & 1;
  if (what < ${ADC}) return carry & 1;
  const up = upOf(kind);
  if (what === ${ADC}) return (a & b | (a | b) & ~(a + b + ((carry & 1) << up))) >>> 31;
  if (what === ${SBB}) return (~a & b | (~a | b) & a - b - ((carry & 1) << up)) >>> 31;
  if (what === ${SHL}) return b > 32 - up ? 0 : a >>> 32 - b & 1;
  if (what === ${SHR}) return a >>> up >>> b - 1 & 1;
  if (what === ${SAR}) return a >> up >> (b < 32 ? b - 1 : 31) & 1;
  if (what === ${MUL}) return b === 0 ? 0 : 1;
  return what === ${IMUL} ? productOverflows(a, b, up) : 0;
}

function overflowOf(kind, a, b, carry) {
  if ((kind & 128) !== 0) return carry >>> 31;
  const what = kind >> 2 & 15, r = resultOf(kind, a, b, carry);
  if (what === ${SUB}) return ((a ^ b) & (a ^ r)) >>> 31;
  if (what === ${ADD}) return ((a ^ r) & (b ^ r)) >>> 31;
  if (what === ${LOGIC}) return 0;
  if (what === ${EXPLICIT}) return a >>> 11 & 1;
  if (what === ${INC}) return a === -2147483648 ? 1 : 0;
  if (what === ${DEC}) return (a + (1 << upOf(kind)) | 0) === -2147483648 ? 1 : 0;
  if (what === ${ADC}) return ((a ^ r) & (b ^ r)) >>> 31;
  if (what === ${SBB}) return ((a ^ b) & (a ^ r)) >>> 31;
  if (what === ${SHL}) return r >>> 31 ^ carryOf(kind & 63, a, b, carry);
  if (what === ${SHR}) return a >>> 31;
  if (what === ${MUL}) return b === 0 ? 0 : 1;
  return what === ${IMUL} ? productOverflows(a, b, upOf(kind)) : 0;
}

function parityOf(value) { return 38505 >> ((value ^ value >> 4) & 15) & 1; }

function flagsOf(kind, a, b, carry) {
  const what = kind >> 2 & 15, flags = carryOf(kind, a, b, carry) | overflowOf(kind, a, b, carry) << 11;
  if (what === ${EXPLICIT}) return a & 212 | flags;
  const up = upOf(kind), r = resultOf(kind, a, b, carry);
  const whole = flags | (r === 0 ? 64 : 0) | (r < 0 ? 128 : 0) | parityOf(r >>> up) << 2;
  if (what === ${ADD} || what === ${SUB} || what === ${ADC} || what === ${SBB}) return whole | (a ^ b ^ r) >>> up & 16;
  if (what === ${INC}) return whole | ((r >>> up & 15) === 0 ? 16 : 0);
  if (what === ${DEC}) return whole | ((r >>> up & 15) === 15 ? 16 : 0);
  return whole;
}

function conditionOf(code, kind, a, b, carry) {
  const asked = code & 14, not = code & 1, isExplicit = (kind >> 2 & 15) === ${EXPLICIT};
  if (asked === 0) return overflowOf(kind, a, b, carry) ^ not;
  if (asked === 2) return carryOf(kind, a, b, carry) ^ not;
  if (asked === 10) return flagsOf(kind, a, b, carry) >> 2 & 1 ^ not;
  const r = resultOf(kind, a, b, carry), zero = isExplicit ? a >>> 6 & 1 : r === 0 ? 1 : 0, sign = isExplicit ? a >>> 7 & 1 : r >>> 31;
  if (asked === 4) return zero ^ not;
  if (asked === 8) return sign ^ not;
  if (asked === 6) return (zero | carryOf(kind, a, b, carry)) ^ not;
  const less = sign ^ overflowOf(kind, a, b, carry);
  return (asked === 12 ? less : less | zero) ^ not;
}
`;

/** Data on a page with code, as `#besideCode` of runtime/memory.ts finds it; where data breakpoints are enabled no region runs. */
const BESIDE = `
function isBesideCode(t, host, size) {
  const bit = host & 31;
  if ((t & 7) !== ${SLOW | WATCHED} || bit + size > 32) return 0;
  if (CODE_PAGES[host >>> 12] === 0 || (CODE_BYTES[host >>> 5] & (1 << size) - 1 << bit) !== 0) return 0;
  return 1;
}
`;

const MISALIGNED = { 16: "(t & 1) === 0 && (a & 4095) < 4095", 32: "(t & 1) === 0 && (a & 4095) < 4093" }, ELEMENT = { 8: "MEM8[$]", 16: "MEM16[$ >>> 1]", 32: "MEM32[$ >>> 2]" };
const at = (bits: 8 | 16 | 32, address: string): string => ELEMENT[bits].replace("$", address);
const HOST = "const host = (a ^ t) & -4096 | a & 4095;";

const load = (bits: 16 | 32): string => `
function load${bits}Anywhere(a, i, l) {
  const t = READ[a >>> 12];
  if (${MISALIGNED[bits]}) return ${at(bits, "(a ^ t)")};
  return load${bits}(a, i, l);
}
`;
/** Bytes are always aligned. */
const atOnce = (bits: 8 | 16 | 32, then: string): string => (bits === 8 ? "" : `if (${MISALIGNED[bits]}) ${then}`);
const modify = (bits: 8 | 16 | 32): string => `
function modify${bits}Anywhere(a, i, l) {
  const t = WRITE[a >>> 12];
  ${atOnce(bits, `return ${at(bits, "(a ^ t)")};`)}
  ${HOST}
  if (isBesideCode(t, host, ${bits / 8}) !== 0) return ${at(bits, "host")};
  return modify${bits}(a, i, l);
}
`;
const store = (bits: 8 | 16 | 32): string => `
function store${bits}Anywhere(a, x, i, l) {
  const t = WRITE[a >>> 12];
  ${HOST}
  ${atOnce(bits, `${at(bits, "(a ^ t)")} = x; else`)}
  if (isBesideCode(t, host, ${bits / 8}) !== 0) {
    DIRTY_PAGES[host >>> 12] = 1;
    ${at(bits, "host")} = x;
  } else store${bits}(a, x, i, l);
}
`;
const WIDTHS = [8, 16, 32] as const;
const ACCESSES = [BESIDE, load(16), load(32), ...WIDTHS.map(modify), ...WIDTHS.map(store)].join("");

const { eflags: EFLAGS } = SLOT;
const AC = 1 << 18, ID = 1 << 21, NT = 1 << 14, IF = 1 << 9, TF = 1 << 8, DF = 1 << 10, IOPL_SHIFT = 12, IOPL = 3 << IOPL_SHIFT;

/** What POPF may change (runtime/monitor/control.ts). */
const PRIVILEGES = `
function poppedFlagsHere(cpl, eflags, size) {
  return ${TF | DF | NT} | (size === 4 ? ${AC | ID} : 0) | (cpl <= (eflags >> ${IOPL_SHIFT} & 3) ? ${IF} : 0) | (cpl === 0 ? ${IOPL} : 0);
}
`;

/**
 * Short stretches of REP STOS and MOVS (runtime/stretches.ts), upwards and inside a page, a word at a time; longer ones are worth a call. Bytes that are copied to just
 * above themselves replicate, and are moved one by one there.
 */
const SHORT = 256;
const isShort = (address: string): string => `count >>> 0 <= ${SHORT} && count << scale <= ${SHORT} && count << scale <= 4096 - (${address} & 4095)`;
const STRETCHES = `
function storeStretchFirst(size, destination, count, entry, value) {
  const scale = size >> 1;
  if (((entry & 1) | (S[${EFLAGS}] & ${DF})) === 0 && ${isShort("destination")}) {
    const bytes = size === 1 ? imul(value & 255, 16843009) : size === 2 ? imul(value & 65535, 65537) : value;
    let at = destination ^ entry, rest = count << scale;
    for (;;) {
      if (rest < 4) break;
      MEM32[at >>> 2] = bytes;
      at = at + 4 | 0;
      rest = rest - 4 | 0;
    }
    if ((rest & 2) !== 0) { MEM16[at >>> 1] = bytes; at = at + 2 | 0; }
    if ((rest & 1) !== 0) MEM8[at] = bytes;
    return count;
  }
  return storeStretch(size, destination, count, entry, value);
}
function moveStretchFirst(size, source, destination, count, readEntry, writeEntry) {
  const scale = size >> 1;
  if (((readEntry | writeEntry) & 1 | (S[${EFLAGS}] & ${DF})) === 0 && ${isShort("destination")} && count << scale <= 4096 - (source & 4095)) {
    let from = source ^ readEntry, to = destination ^ writeEntry, rest = count << scale;
    if (size !== 4 && to - from >>> 0 < 4) return moveStretch(size, source, destination, count, readEntry, writeEntry);
    for (;;) {
      if (rest < 4) break;
      MEM32[to >>> 2] = MEM32[from >>> 2];
      from = from + 4 | 0;
      to = to + 4 | 0;
      rest = rest - 4 | 0;
    }
    if ((rest & 2) !== 0) { MEM16[to >>> 1] = MEM16[from >>> 1]; from = from + 2 | 0; to = to + 2 | 0; }
    if ((rest & 1) !== 0) MEM8[to] = MEM8[from];
    return count;
  }
  return moveStretch(size, source, destination, count, readEntry, writeEntry);
}
`;

/** The slow paths that are called in turn, and the runtime's functions; with how many parameters. */
export const CALLED: ReadonlyMap<string, number> = new Map([
  ["load16", 3], ["load32", 3], ["modify8", 3], ["modify16", 3], ["modify32", 3], ["store8", 4], ["store16", 4], ["store32", 4],
  ["storeStretch", 5], ["moveStretch", 6],
]);

/** Names of the ABI, and the functions of the library that stand for them. */
export const LIBRARY: ReadonlyMap<string, string> = new Map([
  ...["conditionOf", "carryOf", "flagsOf"].map((name) => [name, name] as const),
  ...["load16", "load32", "modify8", "modify16", "modify32", "store8", "store16", "store32"].map((name) => [name, `${name}Anywhere`] as const),
  ["poppedFlags", "poppedFlagsHere"],
  ...["storeStretch", "moveStretch"].map((name) => [name, `${name}First`] as const),
]);

/** Arrays by the names that the library has for them: the ABI's, and what is known of frames. */
export const LIBRARY_ARRAYS: ReadonlyMap<string, string> = new Map([
  ...["S", "READ", "WRITE", "MEM8", "MEM16", "MEM32"].map((name) => [name, ARRAY_SOURCES[name]!] as const),
  ["CODE_PAGES", "codePages"], ["CODE_BYTES", "codeBytes"], ["DIRTY_PAGES", "dirtyPages"],
]);

/** What a region calls with int32s. */
export function isOfLibrary(name: string): boolean { return LIBRARY.has(name); }
/** Stores answer nothing, the others an int32. */
export function answers(name: string): boolean { return !/^store\d/.test(name); }

let parsed: readonly FunctionDeclaration[] | undefined;

/** The library's functions. */
export function libraryTrees(): readonly FunctionDeclaration[] {
  return parsed ??= parse(FLAGS + ACCESSES + PRIVILEGES + STRETCHES, { ecmaVersion: 2022 }).body.map((one) => one as unknown as FunctionDeclaration);
}

/** The names of parameters. */
export function namesOf(parameters: readonly Pattern[]): string[] { return parameters.map((one) => one.type === "Identifier" ? one.name : ""); }
