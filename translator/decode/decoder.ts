import type { Instruction, Operand, OperandSize } from "./instruction.ts";
import type { InstructionClass, Row } from "../isa/row.ts";
export type DecodeFailure = { readonly failure: "truncated" } | { readonly failure: "too-long" } | { readonly failure: "invalid"; readonly length: number };
interface QRow extends Row { ops: string[] }
type Ent = QRow | QRow[] | ((modrm: number) => QRow | undefined) | undefined;
const CALL = new Set("lgdt lidt lldt ltr lmsw clts invlpg invd wbinvd hlt cpuid rdtsc rdmsr wrmsr rdpmc in out ins outs int int3 into int1 iret call_far jmp_far ret_far call_far_indirect jmp_far_indirect lar lsl verr verw mov_to_sreg pop_sreg lds les lss lfs lgs mov_to_cr mov_to_dr mov_from_dr".split(" "));
const INL = new Set("cli sti pushf popf smsw sgdt sidt sldt str mov_from_cr mov_from_sreg push_sreg".split(" "));
const BR = new Set("jmp_near jmp_indirect call_near call_indirect ret_near jcc loop loope loopne jcxz".split(" "));
function r(m: string, codes = "", x: Partial<Row> = {}): QRow {
  const semantics = x.semantics ?? m;
  const cls: InstructionClass = CALL.has(semantics) ? "callout" : INL.has(semantics) ? "inline" : BR.has(semantics) ? "branch" : "ident";
  return { mnemonic: m, semantics, codes: codes ? codes.split(" ") : [], ops: codes ? codes.split(" ") : [], class: cls, condition: -1, lockable: false, rep: "none", ends: cls === "branch", ...x };
}
const one: Ent[] = Array(256).fill(undefined), two: Ent[] = Array(256).fill(undefined);
const LK = { lockable: true };
["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"].forEach((m, k) => {
  const o = m === "cmp" ? {} : LK;
  one[k * 8] = r(m, "Eb Gb", o); one[k * 8 + 1] = r(m, "Ev Gv", o); one[k * 8 + 2] = r(m, "Gb Eb"); one[k * 8 + 3] = r(m, "Gv Ev"); one[k * 8 + 4] = r(m, "AL Ib"); one[k * 8 + 5] = r(m, "eAX Iz");
});
[0x06, 0x0e, 0x16, 0x1e].forEach((b, k) => { one[b] = r("push", `S${k}`, { semantics: "push_sreg" }); });
[[0x07, 0], [0x17, 2], [0x1f, 3]].forEach(([b, k]) => { one[b!] = r("pop", `S${k}`, { semantics: "pop_sreg" }); });
one[0x27] = r("daa"); one[0x2f] = r("das"); one[0x37] = r("aaa"); one[0x3f] = r("aas");
for (let k = 0; k < 8; k++) { one[0x40 + k] = r("inc", "Zv"); one[0x48 + k] = r("dec", "Zv"); one[0x50 + k] = r("push", "Zv"); one[0x58 + k] = r("pop", "Zv"); one[0x90 + k] = r("xchg", "Zv eAX"); one[0xb0 + k] = r("mov", "Zb Ib"); one[0xb8 + k] = r("mov", "Zv Iv"); two[0xc8 + k] = r("bswap", "Zv"); }
one[0x90] = r("nop");
one[0x60] = r("pusha"); one[0x61] = r("popa"); one[0x62] = r("bound", "Gv M2v"); one[0x63] = r("arpl", "Ew Gw");
one[0x68] = r("push", "Iz"); one[0x69] = r("imul", "Gv Ev Iz"); one[0x6a] = r("push", "Ibs"); one[0x6b] = r("imul", "Gv Ev Ibs");
one[0x6c] = r("ins", "E1", { rep: "rep" }); one[0x6d] = r("ins", "Ex", { rep: "rep" }); one[0x6e] = r("outs", "E1", { rep: "rep" }); one[0x6f] = r("outs", "Ex", { rep: "rep" });
for (let c = 0; c < 16; c++) { one[0x70 + c] = r("jcc", "Jb", { condition: c }); two[0x80 + c] = r("jcc", "Jz", { condition: c }); two[0x90 + c] = r("setcc", "Eb", { condition: c }); two[0x40 + c] = r("cmovcc", "Gv Ev", { condition: c }); }
const grp1 = (codes: string): QRow[] => ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"].map((m) => r(m, codes, m === "cmp" ? {} : LK));
one[0x80] = grp1("Eb Ib"); one[0x81] = grp1("Ev Iz"); one[0x82] = grp1("Eb Ib"); one[0x83] = grp1("Ev Ibs");
one[0x84] = r("test", "Eb Gb"); one[0x85] = r("test", "Ev Gv"); one[0x86] = r("xchg", "Eb Gb", LK); one[0x87] = r("xchg", "Ev Gv", LK);
one[0x88] = r("mov", "Eb Gb"); one[0x89] = r("mov", "Ev Gv"); one[0x8a] = r("mov", "Gb Eb"); one[0x8b] = r("mov", "Gv Ev");
one[0x8c] = r("mov", "Rv/Mw Sw", { semantics: "mov_from_sreg" }); one[0x8d] = r("lea", "Gv M"); one[0x8e] = r("mov", "Sw Ew", { semantics: "mov_to_sreg" });
one[0x8f] = [r("pop", "Ev")];
one[0x98] = r("cbw"); one[0x99] = r("cwd"); one[0x9a] = r("call", "Ap", { semantics: "call_far", ends: true }); one[0x9b] = r("wait"); one[0x9c] = r("pushf"); one[0x9d] = r("popf"); one[0x9e] = r("sahf"); one[0x9f] = r("lahf");
one[0xa0] = r("mov", "AL Ob"); one[0xa1] = r("mov", "eAX Ov"); one[0xa2] = r("mov", "Ob AL"); one[0xa3] = r("mov", "Ov eAX");
for (const [b, m, rep] of [[0xa4, "movs", "rep"], [0xa6, "cmps", "repe"], [0xaa, "stos", "rep"], [0xac, "lods", "rep"], [0xae, "scas", "repe"]] as const) { one[b] = r(m, "E1", { rep }); one[b + 1] = r(m, "Ev1", { rep }); }
one[0xa8] = r("test", "AL Ib"); one[0xa9] = r("test", "eAX Iz");
const grp2 = (e: string, c: string): QRow[] => ["rol", "ror", "rcl", "rcr", "shl", "shr", "shl", "sar"].map((m) => r(m, `${e} ${c}`));
one[0xc0] = grp2("Eb", "Ib"); one[0xc1] = grp2("Ev", "Ib"); one[0xd0] = grp2("Eb", "1"); one[0xd1] = grp2("Ev", "1"); one[0xd2] = grp2("Eb", "CL"); one[0xd3] = grp2("Ev", "CL");
one[0xc2] = r("ret", "Iw", { semantics: "ret_near" }); one[0xc3] = r("ret", "", { semantics: "ret_near" }); one[0xc4] = r("les", "Gv Mp"); one[0xc5] = r("lds", "Gv Mp");
one[0xc6] = [r("mov", "Eb Ib")]; one[0xc7] = [r("mov", "Ev Iz")]; one[0xc8] = r("enter", "Iw Ib"); one[0xc9] = r("leave"); one[0xca] = r("ret", "Iw", { semantics: "ret_far", ends: true }); one[0xcb] = r("ret", "", { semantics: "ret_far", ends: true });
one[0xcc] = r("int3", "", { ends: true }); one[0xcd] = r("int", "Ib", { ends: true }); one[0xce] = r("into", "", { ends: true }); one[0xcf] = r("iret", "", { ends: true });
one[0xd4] = r("aam", "Ib"); one[0xd5] = r("aad", "Ib"); one[0xd6] = r("salc"); one[0xd7] = r("xlat");
one[0xe0] = r("loopne", "Jb"); one[0xe1] = r("loope", "Jb"); one[0xe2] = r("loop", "Jb"); one[0xe3] = r("jcxz", "Jb");
one[0xe4] = r("in", "AL Ib"); one[0xe5] = r("in", "eAX Ib"); one[0xe6] = r("out", "Ib AL"); one[0xe7] = r("out", "Ib eAX"); one[0xec] = r("in", "AL DX"); one[0xed] = r("in", "eAX DX"); one[0xee] = r("out", "DX AL"); one[0xef] = r("out", "DX eAX");
one[0xe8] = r("call", "Jz", { semantics: "call_near" }); one[0xe9] = r("jmp", "Jz", { semantics: "jmp_near" }); one[0xea] = r("jmp", "Ap", { semantics: "jmp_far", ends: true }); one[0xeb] = r("jmp", "Jb", { semantics: "jmp_near" });
one[0xf1] = r("int1"); one[0xf4] = r("hlt", "", { ends: true }); one[0xf5] = r("cmc"); one[0xf8] = r("clc"); one[0xf9] = r("stc"); one[0xfa] = r("cli"); one[0xfb] = r("sti"); one[0xfc] = r("cld"); one[0xfd] = r("std");
one[0xf6] = [r("test", "Eb Ib"), r("test", "Eb Ib"), r("not", "Eb", LK), r("neg", "Eb", LK), r("mul", "Eb"), r("imul", "Eb", { semantics: "imul1" }), r("div", "Eb"), r("idiv", "Eb")];
one[0xf7] = [r("test", "Ev Iz"), r("test", "Ev Iz"), r("not", "Ev", LK), r("neg", "Ev", LK), r("mul", "Ev"), r("imul", "Ev", { semantics: "imul1" }), r("div", "Ev"), r("idiv", "Ev")];
one[0xfe] = [r("inc", "Eb", LK), r("dec", "Eb", LK)];
one[0xff] = [r("inc", "Ev", LK), r("dec", "Ev", LK), r("call", "Ev", { semantics: "call_indirect" }), r("call", "Mp", { semantics: "call_far_indirect", ends: true }), r("jmp", "Ev", { semantics: "jmp_indirect" }), r("jmp", "Mp", { semantics: "jmp_far_indirect", ends: true }), r("push", "Ev")];
two[0x00] = [r("sldt", "Rv/Mw"), r("str", "Rv/Mw"), r("lldt", "Ew"), r("ltr", "Ew"), r("verr", "Ew"), r("verw", "Ew")];
two[0x01] = [r("sgdt", "M"), r("sidt", "M"), r("lgdt", "M"), r("lidt", "M"), r("smsw", "Rv/Mw"), undefined as never, r("lmsw", "Ew"), r("invlpg", "M")];
two[0x02] = r("lar", "Gv Ew"); two[0x03] = r("lsl", "Gv Ew"); two[0x06] = r("clts"); two[0x08] = r("invd"); two[0x09] = r("wbinvd"); two[0x0b] = r("ud2");
for (let k = 0x18; k < 0x20; k++) two[k] = r("nop", "Ev");
two[0x20] = r("mov", "Rd Cd", { semantics: "mov_from_cr" }); two[0x21] = r("mov", "Rd Dd", { semantics: "mov_from_dr" }); two[0x22] = r("mov", "Cd Rd", { semantics: "mov_to_cr", ends: true }); two[0x23] = r("mov", "Dd Rd", { semantics: "mov_to_dr" });
two[0x30] = r("wrmsr"); two[0x31] = r("rdtsc"); two[0x32] = r("rdmsr"); two[0x33] = r("rdpmc");
two[0xa0] = r("push", "S4", { semantics: "push_sreg" }); two[0xa1] = r("pop", "S4", { semantics: "pop_sreg" }); two[0xa2] = r("cpuid"); two[0xa3] = r("bt", "Ev Gv"); two[0xa4] = r("shld", "Ev Gv Ib"); two[0xa5] = r("shld", "Ev Gv CL");
two[0xa8] = r("push", "S5", { semantics: "push_sreg" }); two[0xa9] = r("pop", "S5", { semantics: "pop_sreg" }); two[0xab] = r("bts", "Ev Gv", LK); two[0xac] = r("shrd", "Ev Gv Ib"); two[0xad] = r("shrd", "Ev Gv CL"); two[0xaf] = r("imul", "Gv Ev");
two[0xb0] = r("cmpxchg", "Eb Gb", LK); two[0xb1] = r("cmpxchg", "Ev Gv", LK); two[0xb2] = r("lss", "Gv Mp"); two[0xb3] = r("btr", "Ev Gv", LK); two[0xb4] = r("lfs", "Gv Mp"); two[0xb5] = r("lgs", "Gv Mp"); two[0xb6] = r("movzx", "Gv Eb"); two[0xb7] = r("movzx", "Gv Ew");
two[0xba] = [undefined as never, undefined as never, undefined as never, undefined as never, r("bt", "Ev Ib"), r("bts", "Ev Ib", LK), r("btr", "Ev Ib", LK), r("btc", "Ev Ib", LK)];
two[0xbb] = r("btc", "Ev Gv", LK); two[0xbc] = r("bsf", "Gv Ev"); two[0xbd] = r("bsr", "Gv Ev"); two[0xbe] = r("movsx", "Gv Eb"); two[0xbf] = r("movsx", "Gv Ew"); two[0xc0] = r("xadd", "Eb Gb", LK); two[0xc1] = r("xadd", "Ev Gv", LK);
two[0xc7] = [undefined as never, r("cmpxchg8b", "Mq", LK)];
// x87
const A = ["fadd", "fmul", "fcom", "fcomp", "fsub", "fsubr", "fdiv", "fdivr"], N = (p: string) => A.map((m) => "fi" + m.slice(1));
const x87 = (b: number, reg: number, mod3: boolean, rm: number): QRow | undefined => {
  const D = { semantics: "" };
  const q = (m: string, c = ""): QRow => r(m, c, { semantics: m });
  void D;
  if (!mod3) switch (b) {
    case 0xd8: return q(A[reg]!, "Md"); case 0xda: return q(N("")[reg]!, "Md"); case 0xdc: return q(A[reg]!, "Mq"); case 0xde: return q(N("")[reg]!, "Mw");
    case 0xd9: return [q("fld", "Md"), undefined, q("fst", "Md"), q("fstp", "Md"), q("fldenv", "M"), q("fldcw", "Mw"), q("fnstenv", "M"), q("fnstcw", "Mw")][reg];
    case 0xdb: return [q("fild", "Md"), undefined, q("fist", "Md"), q("fistp", "Md"), undefined, q("fld", "Mt"), undefined, q("fstp", "Mt")][reg];
    case 0xdd: return [q("fld", "Mq"), undefined, q("fst", "Mq"), q("fstp", "Mq"), q("frstor", "M"), undefined, q("fnsave", "M"), q("fnstsw", "Mw")][reg];
    default: return [q("fild", "Mw"), undefined, q("fist", "Mw"), q("fistp", "Mw"), q("fbld", "Mt"), q("fild", "Mq"), q("fbstp", "Mt"), q("fistp", "Mq")][reg];
  }
  switch (b) {
    case 0xd8: return q(A[reg]!, reg === 2 || reg === 3 ? "STi" : "ST0 STi");
    case 0xdc: return q(["fadd", "fmul", "fcom", "fcomp", "fsubr", "fsub", "fdivr", "fdiv"][reg]!, reg === 2 || reg === 3 ? "STi" : "STi ST0");
    case 0xde: return reg === 3 ? (rm === 1 ? q("fcompp") : undefined) : q(["faddp", "fmulp", "fcomp", "", "fsubrp", "fsubp", "fdivrp", "fdivp"][reg]!, reg === 2 ? "STi" : "STi ST0");
    case 0xd9: return [q("fld", "STi"), q("fxch", "STi"), rm === 0 ? q("fnop") : undefined, q("fstp", "STi"), [q("fchs"), q("fabs"), undefined, undefined, q("ftst"), q("fxam")][rm], [q("fld1"), q("fldl2t"), q("fldl2e"), q("fldpi"), q("fldlg2"), q("fldln2"), q("fldz")][rm], q(["f2xm1", "fyl2x", "fptan", "fpatan", "fxtract", "fprem1", "fdecstp", "fincstp"][rm]!), q(["fprem", "fyl2xp1", "fsqrt", "fsincos", "frndint", "fscale", "fsin", "fcos"][rm]!)][reg];
    case 0xda: return reg < 4 ? q(["fcmovb", "fcmove", "fcmovbe", "fcmovu"][reg]!, "ST0 STi") : reg === 5 && rm === 1 ? q("fucompp") : undefined;
    case 0xdb: return reg < 4 ? q(["fcmovnb", "fcmovne", "fcmovnbe", "fcmovnu"][reg]!, "ST0 STi") : reg === 4 ? [q("fneni"), q("fndisi"), q("fnclex"), q("fninit"), q("fnsetpm")][rm] : reg === 5 ? q("fucomi", "ST0 STi") : reg === 6 ? q("fcomi", "ST0 STi") : undefined;
    case 0xdd: return [q("ffree", "STi"), q("fxch", "STi"), q("fst", "STi"), q("fstp", "STi"), q("fucom", "STi"), q("fucomp", "STi")][reg];
    default: return [q("ffreep", "STi"), q("fxch", "STi"), q("fstp", "STi"), q("fstp", "STi"), rm === 0 ? q("fnstsw", "AX") : undefined, q("fucomip", "ST0 STi"), q("fcomip", "ST0 STi")][reg];
  }
};
const x87rows = new Map<number, QRow | undefined>();
for (let b = 0xd8; b < 0xe0; b++) { for (let m = 0; m < 256; m++) x87rows.set(b << 8 | m, x87(b, (m >> 3) & 7, m >= 0xc0, m & 7)); one[b] = (m) => x87rows.get(b << 8 | m); }

const TRUNC: DecodeFailure = { failure: "truncated" }, LONG: DecodeFailure = { failure: "too-long" };
class Short extends Error {}
const SHORT = new Short();
const B16 = [[3, 6], [3, 7], [5, 6], [5, 7], [6, -1], [7, -1], [5, -1], [3, -1]];
let bytes: Uint8Array, at = 0, end = 0;
const u8 = (): number => { if (at >= end) throw SHORT; return bytes[at++]!; };
const i8 = (): number => (u8() << 24) >> 24;
const u16 = (): number => u8() | (u8() << 8);
const i32 = (): number => u8() | (u8() << 8) | (u8() << 16) | (u8() << 24);
const usesModrm = (row: QRow): boolean => row.ops.some((c) => /^[EGMRSCD]/.test(c) && !/^(S\d|E1|Ex|Ev1|CL|DX)$/.test(c));

export function decode(buffer: Uint8Array, offset: number, available: number, mode: { bits: 16 | 32 }): Instruction | DecodeFailure {
  bytes = buffer; at = offset; end = Math.min(buffer.length, offset + Math.min(available, 15));
  try { return parse(offset, mode.bits); } catch (e) {
    if (e === SHORT) return available >= 15 ? LONG : TRUNC;
    throw e;
  }
}
function parse(start: number, bits: number): Instruction | DecodeFailure {
  let op66 = false, ad67 = false, lock = false, rep: "" | "rep" | "repne" = "", seg = -1, b = 0;
  for (;;) {
    b = u8();
    if (b === 0x66) op66 = true; else if (b === 0x67) ad67 = true; else if (b === 0xf0) lock = true; else if (b === 0xf2) rep = "repne"; else if (b === 0xf3) rep = "rep";
    else if (b === 0x26) seg = 0; else if (b === 0x2e) seg = 1; else if (b === 0x36) seg = 2; else if (b === 0x3e) seg = 3; else if (b === 0x64) seg = 4; else if (b === 0x65) seg = 5; else break;
  }
  const os = (bits === 32) !== op66 ? 4 : 2, as = (bits === 32) !== ad67 ? 4 : 2;
  let entry: Ent = b === 0x0f ? two[b = u8()] : one[b];
  const bad = (): DecodeFailure => ({ failure: "invalid", length: at - start });
  let modrm = -1;
  if (Array.isArray(entry)) { modrm = u8(); entry = entry[(modrm >> 3) & 7]; } else if (typeof entry === "function") { modrm = u8(); entry = entry(modrm); }
  if (entry === undefined) return bad();
  const row = entry as QRow;
  if (modrm < 0 && usesModrm(row)) modrm = u8();
  let mem: { base: number; index: number; scale: number; disp: number; segment: number } | undefined;
  const mod = modrm >> 6, rm = modrm & 7, reg = (modrm >> 3) & 7;
  if (modrm >= 0 && mod !== 3 && !row.ops.includes("Rd")) {
    let base = -1, index = -1, scale = 0, disp = 0;
    if (as === 2) {
      [base, index] = B16[rm] as [number, number];
      if (mod === 0 && rm === 6) { base = -1; disp = (u16() << 16) >> 16; } else if (mod === 1) disp = i8(); else if (mod === 2) disp = (u16() << 16) >> 16;
    } else {
      base = rm;
      if (rm === 4) { const sib = u8(); scale = sib >> 6; index = (sib >> 3) & 7; base = sib & 7; if (index === 4) { index = -1; scale = 0; } }
      if (mod === 0 && base === 5) { base = -1; disp = i32(); } else if (mod === 1) disp = i8(); else if (mod === 2) disp = i32();
    }
    mem = { base, index, scale, disp, segment: seg >= 0 ? seg : base === 4 || base === 5 ? 2 : 3 };
  }
  const m = (size: OperandSize): Operand => ({ kind: "mem", size, ...mem! });
  const operands: Operand[] = [];
  for (const c of row.ops) {
    let o: Operand | undefined;
    switch (c) {
      case "Eb": o = mem ? m(1) : { kind: "reg", size: 1, index: rm }; break;
      case "Ev": o = mem ? m(os) : { kind: "reg", size: os, index: rm }; break;
      case "Ew": o = mem ? m(2) : { kind: "reg", size: 2, index: rm }; break;
      case "Rv/Mw": o = mem ? m(2) : { kind: "reg", size: os, index: rm }; break;
      case "Rd": o = { kind: "reg", size: 4, index: rm }; break;
      case "Gb": o = { kind: "reg", size: 1, index: reg }; break;
      case "Gv": o = { kind: "reg", size: os, index: reg }; break;
      case "Gw": o = { kind: "reg", size: 2, index: reg }; break;
      case "M": o = mem ? m(0) : undefined; break;
      case "M2v": case "Mp": o = mem ? m(os) : undefined; break;
      case "Md": o = mem ? m(4) : undefined; break;
      case "Mw": o = mem ? m(2) : undefined; break;
      case "Mq": o = mem ? m(8) : undefined; break;
      case "Mt": o = mem ? m(10) : undefined; break;
      case "AL": o = { kind: "reg", size: 1, index: 0 }; break;
      case "CL": o = { kind: "reg", size: 1, index: 1 }; break;
      case "eAX": o = { kind: "reg", size: os, index: 0 }; break;
      case "AX": o = { kind: "reg", size: 2, index: 0 }; break;
      case "DX": o = { kind: "reg", size: 2, index: 2 }; break;
      case "Zv": o = { kind: "reg", size: os, index: b & 7 }; break;
      case "Zb": o = { kind: "reg", size: 1, index: b & 7 }; break;
      case "Ib": o = { kind: "imm", size: 1, value: u8() }; break;
      case "Ibs": o = { kind: "imm", size: os, value: i8() }; break;
      case "Iw": o = { kind: "imm", size: 2, value: u16() }; break;
      case "Iz": case "Iv": o = { kind: "imm", size: os, value: os === 4 ? i32() : (u16() << 16) >> 16 }; break;
      case "1": o = { kind: "imm", size: 1, value: 1 }; break;
      case "E1": o = { kind: "imm", size: 1, value: 1 }; break;
      case "Ex": case "Ev1": o = { kind: "imm", size: os, value: os }; break;
      case "Jb": o = { kind: "rel", size: 1, value: i8() }; break;
      case "Jz": o = { kind: "rel", size: os, value: os === 4 ? i32() : (u16() << 16) >> 16 }; break;
      case "Ap": { const off = os === 4 ? i32() : u16(); o = { kind: "far", size: os, offset: off, selector: u16() }; break; }
      case "Ob": case "Ov": { const disp = as === 4 ? i32() : u16(); o = { kind: "mem", size: c === "Ob" ? 1 : os, segment: seg >= 0 ? seg : 3, base: -1, index: -1, scale: 0, disp }; break; }
      case "Sw": if (reg > 5 || (row.semantics === "mov_to_sreg" && reg === 1)) return bad(); o = { kind: "sreg", index: reg }; break;
      case "Cd": if (![0, 2, 3, 4].includes(reg)) return bad(); o = { kind: "creg", index: reg }; break;
      case "Dd": o = { kind: "dreg", index: reg }; break;
      case "ST0": o = { kind: "st", index: 0 }; break;
      case "STi": o = { kind: "st", index: rm }; break;
      default: if (/^S\d$/.test(c)) o = { kind: "sreg", index: Number(c[1]) };
    }
    if (o === undefined) return bad();
    operands.push(o);
  }
  if (lock && !(row.lockable && mem)) return bad();
  return { row, length: at - start, operandSize: os, addressSize: as, operands, lock, rep, segment: seg >= 0 ? seg : 3 };
}
