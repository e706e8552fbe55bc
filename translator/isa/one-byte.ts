/** The one-byte opcode map without the x87 escapes (SDM volume 2, table A-2 and groups 1–5 and 11 of table A-6). */
import { as, branch, callout, conditions, eight, group, inline, lock, rep, repe, row, slash, transfer, type Encoding } from "./encoding.ts";

const ARITHMETIC = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"] as const;
const SHIFTS = ["rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"] as const;

/** The six forms of a two-operand arithmetic instruction. */
function arithmetic(opcode: number, mnemonic: string): Encoding[] {
  const written = mnemonic === "cmp" ? {} : lock;
  return [
    row(opcode + 0, mnemonic, "Eb Gb", written), row(opcode + 1, mnemonic, "Ev Gv", written),
    row(opcode + 2, mnemonic, "Gb Eb"), row(opcode + 3, mnemonic, "Gv Ev"),
    row(opcode + 4, mnemonic, "AL Ib"), row(opcode + 5, mnemonic, "eAX Iz"),
  ];
}

/** Group 1. */
function immediate(opcode: number, notation: "Eb Ib" | "Ev Iz" | "Ev sIb"): Encoding[] {
  return ARITHMETIC.map((mnemonic, reg) => row(opcode, mnemonic, notation, slash(reg), mnemonic === "cmp" ? {} : lock));
}

/** Group 2; /6 is an undocumented second SHL. */
function shifts(opcode: number, notation: "Eb Ib" | "Ev Ib" | "Eb 1" | "Ev 1" | "Eb CL" | "Ev CL"): Encoding[] {
  return SHIFTS.map((mnemonic, reg) => row(opcode, mnemonic, notation, slash(reg), mnemonic === "sal" ? as("shl") : {}));
}

/** Group 3; /1 is an undocumented second TEST. */
function unary(opcode: number, operand: "Eb" | "Ev"): Encoding[] {
  const immediateForm = operand === "Eb" ? "Eb Ib" : "Ev Iz";
  return [
    row(opcode, "test", immediateForm, slash(0)), row(opcode, "test", immediateForm, slash(1)),
    row(opcode, "not", operand, slash(2), lock), row(opcode, "neg", operand, slash(3), lock),
    row(opcode, "mul", operand, slash(4)), row(opcode, "imul", operand, slash(5), as("imul1")),
    row(opcode, "div", operand, slash(6)), row(opcode, "idiv", operand, slash(7)),
  ];
}

export const ONE_BYTE: readonly Encoding[] = [
  ...ARITHMETIC.flatMap((mnemonic, k) => arithmetic(k * 8, mnemonic)),

  row(0x06, "push", "ES", as("push_sreg"), inline), row(0x07, "pop", "ES", as("pop_sreg"), callout),
  row(0x0e, "push", "CS", as("push_sreg"), inline),
  row(0x16, "push", "SS", as("push_sreg"), inline), row(0x17, "pop", "SS", as("pop_sreg"), callout),
  row(0x1e, "push", "DS", as("push_sreg"), inline), row(0x1f, "pop", "DS", as("pop_sreg"), callout),
  row(0x27, "daa", ""), row(0x2f, "das", ""), row(0x37, "aaa", ""), row(0x3f, "aas", ""),

  ...eight(0x40, "inc", "Zv"), ...eight(0x48, "dec", "Zv"), ...eight(0x50, "push", "Zv"), ...eight(0x58, "pop", "Zv"),

  row(0x60, "pusha", ""), row(0x61, "popa", ""), row(0x62, "bound", "Gv Ma"), row(0x63, "arpl", "Ew Gw", callout),
  row(0x68, "push", "Iz"), row(0x69, "imul", "Gv Ev Iz"), row(0x6a, "push", "sIb"), row(0x6b, "imul", "Gv Ev sIb"),
  row(0x6c, "ins", "Yb DX", rep, callout), row(0x6d, "ins", "Yz DX", rep, callout),
  row(0x6e, "outs", "DX Xb", rep, callout), row(0x6f, "outs", "DX Xz", rep, callout),

  ...conditions(0x70, "jcc", "Jb", branch),

  ...immediate(0x80, "Eb Ib"), ...immediate(0x81, "Ev Iz"), ...immediate(0x82, "Eb Ib"), ...immediate(0x83, "Ev sIb"),
  row(0x84, "test", "Eb Gb"), row(0x85, "test", "Ev Gv"), row(0x86, "xchg", "Eb Gb", lock), row(0x87, "xchg", "Ev Gv", lock),
  row(0x88, "mov", "Eb Gb"), row(0x89, "mov", "Ev Gv"), row(0x8a, "mov", "Gb Eb"), row(0x8b, "mov", "Gv Ev"),
  row(0x8c, "mov", "Rv/Mw Sw", as("mov_from_sreg"), inline), row(0x8d, "lea", "Gv M"), row(0x8e, "mov", "Sw Ew", as("mov_to_sreg"), callout),
  row(0x8f, "pop", "Ev", slash(0)),

  ...eight(0x90, "xchg", "Zv eAX").slice(1), row(0x90, "nop", ""), row(0x90, "pause", "", as("nop"), { afterRep: true }),
  row(0x98, "cbw", ""), row(0x99, "cwd", ""), row(0x9a, "call", "Ap", as("call_far"), transfer), row(0x9b, "wait", ""),
  row(0x9c, "pushf", "Fv", inline), row(0x9d, "popf", "Fv", inline), row(0x9e, "sahf", ""), row(0x9f, "lahf", ""),

  row(0xa0, "mov", "AL Ob"), row(0xa1, "mov", "eAX Ov"), row(0xa2, "mov", "Ob AL"), row(0xa3, "mov", "Ov eAX"),
  row(0xa4, "movs", "Yb Xb", rep), row(0xa5, "movs", "Yv Xv", rep), row(0xa6, "cmps", "Xb Yb", repe), row(0xa7, "cmps", "Xv Yv", repe),
  row(0xa8, "test", "AL Ib"), row(0xa9, "test", "eAX Iz"),
  row(0xaa, "stos", "Yb AL", rep), row(0xab, "stos", "Yv eAX", rep), row(0xac, "lods", "AL Xb", rep), row(0xad, "lods", "eAX Xv", rep),
  row(0xae, "scas", "AL Yb", repe), row(0xaf, "scas", "eAX Yv", repe),

  ...eight(0xb0, "mov", "Zb Ib"), ...eight(0xb8, "mov", "Zv Iz"),

  ...shifts(0xc0, "Eb Ib"), ...shifts(0xc1, "Ev Ib"),
  row(0xc2, "ret", "Iw", as("ret_near"), branch), row(0xc3, "ret", "", as("ret_near"), branch),
  row(0xc4, "les", "Gv Mp", callout), row(0xc5, "lds", "Gv Mp", callout),
  row(0xc6, "mov", "Eb Ib", slash(0)), row(0xc7, "mov", "Ev Iz", slash(0)),
  row(0xc8, "enter", "Iw Ib"), row(0xc9, "leave", ""),
  row(0xca, "retf", "Iw", as("ret_far"), transfer), row(0xcb, "retf", "", as("ret_far"), transfer),
  row(0xcc, "int3", "", transfer), row(0xcd, "int", "Ib", transfer), row(0xce, "into", "", transfer), row(0xcf, "iret", "", transfer),

  ...shifts(0xd0, "Eb 1"), ...shifts(0xd1, "Ev 1"), ...shifts(0xd2, "Eb CL"), ...shifts(0xd3, "Ev CL"),
  row(0xd4, "aam", "Ib"), row(0xd5, "aad", "Ib"), row(0xd6, "salc", ""), row(0xd7, "xlat", ""),

  row(0xe0, "loopne", "Jb", branch), row(0xe1, "loope", "Jb", branch), row(0xe2, "loop", "Jb", branch), row(0xe3, "jcxz", "Jb", branch),
  row(0xe4, "in", "AL Ib", callout), row(0xe5, "in", "eAX Ib", callout), row(0xe6, "out", "Ib AL", callout), row(0xe7, "out", "Ib eAX", callout),
  row(0xe8, "call", "Jz", as("call_near"), branch), row(0xe9, "jmp", "Jz", as("jmp_near"), branch),
  row(0xea, "jmp", "Ap", as("jmp_far"), transfer), row(0xeb, "jmp", "Jb", as("jmp_near"), branch),
  row(0xec, "in", "AL DX", callout), row(0xed, "in", "eAX DX", callout), row(0xee, "out", "DX AL", callout), row(0xef, "out", "DX eAX", callout),

  row(0xf1, "int1", "", transfer), row(0xf4, "hlt", "", transfer), row(0xf5, "cmc", ""),
  ...unary(0xf6, "Eb"), ...unary(0xf7, "Ev"),
  row(0xf8, "clc", ""), row(0xf9, "stc", ""), row(0xfa, "cli", "", inline), row(0xfb, "sti", "", inline), row(0xfc, "cld", ""), row(0xfd, "std", ""),

  ...group(0xfe, "Eb", ["inc", "dec"], lock), ...group(0xff, "Ev", ["inc", "dec"], lock),
  row(0xff, "call", "Ev", slash(2), as("call_indirect"), branch), row(0xff, "call", "Mp", slash(3), as("call_far_indirect"), transfer),
  row(0xff, "jmp", "Ev", slash(4), as("jmp_indirect"), branch), row(0xff, "jmp", "Mp", slash(5), as("jmp_far_indirect"), transfer),
  row(0xff, "push", "Ev", slash(6)),
];
