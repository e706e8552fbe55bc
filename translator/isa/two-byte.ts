/** The two-byte opcode map, 0Fh, as the P6 family has it without MMX and SSE (SDM volume 2, table A-3, groups 6–9 and 15). */
import { as, branch, callout, conditions, eight, group, inline, lock, row, slash, transfer, type Encoding } from "./encoding.ts";

const SLDT = 0, STR = 1;

/** 18h–1Fh are hints that a processor without their feature takes for NOPs; 1Fh /0 is the documented multi-byte NOP. */
const HINTS = Array.from({ length: 8 }, (_, k) => row(0x18 + k, "nop", "Ev"));

export const TWO_BYTE: readonly Encoding[] = [
  row(0x00, "sldt", "Rv/Mw", slash(SLDT), inline), row(0x00, "str", "Rv/Mw", slash(STR), inline),
  ...group(0x00, "Ew", [undefined, undefined, "lldt", "ltr", "verr", "verw"], callout),
  ...group(0x01, "Ms", ["sgdt", "sidt"], inline), ...group(0x01, "Ms", [undefined, undefined, "lgdt", "lidt"], callout),
  row(0x01, "smsw", "Rv/Mw", slash(4), inline), row(0x01, "lmsw", "Ew", slash(6), transfer), row(0x01, "invlpg", "M", slash(7), transfer),
  row(0x02, "lar", "Gv Ew", callout), row(0x03, "lsl", "Gv Ew", callout),
  row(0x06, "clts", "", callout), row(0x08, "invd", "", callout), row(0x09, "wbinvd", "", callout), row(0x0b, "ud2", "", transfer),

  ...HINTS,
  row(0x20, "mov", "Rd Cd", as("mov_from_cr"), inline), row(0x21, "mov", "Rd Dd", as("mov_from_dr"), callout),
  row(0x22, "mov", "Cd Rd", as("mov_to_cr"), transfer), row(0x23, "mov", "Dd Rd", as("mov_to_dr"), transfer),

  row(0x30, "wrmsr", "", transfer), row(0x31, "rdtsc", "", callout), row(0x32, "rdmsr", "", callout), row(0x33, "rdpmc", "", callout),
  row(0x34, "sysenter", "", transfer), row(0x35, "sysexit", "", transfer),

  ...conditions(0x40, "cmovcc", "Gv Ev"),
  ...conditions(0x80, "jcc", "Jz", branch),
  ...conditions(0x90, "setcc", "Eb"),

  row(0xa0, "push", "FS", as("push_sreg"), inline), row(0xa1, "pop", "FS", as("pop_sreg"), callout),
  row(0xa2, "cpuid", "", callout), row(0xa3, "bt", "Ev Gv"), row(0xa4, "shld", "Ev Gv Ib"), row(0xa5, "shld", "Ev Gv CL"),
  row(0xa8, "push", "GS", as("push_sreg"), inline), row(0xa9, "pop", "GS", as("pop_sreg"), callout),
  row(0xaa, "rsm", "", transfer), row(0xab, "bts", "Ev Gv", lock), row(0xac, "shrd", "Ev Gv Ib"), row(0xad, "shrd", "Ev Gv CL"),
  row(0xae, "fxsave", "M", slash(0), { bare: true }), row(0xae, "fxrstor", "M", slash(1), { bare: true }),
  row(0xaf, "imul", "Gv Ev"),

  row(0xb0, "cmpxchg", "Eb Gb", lock), row(0xb1, "cmpxchg", "Ev Gv", lock),
  row(0xb2, "lss", "Gv Mp", callout), row(0xb3, "btr", "Ev Gv", lock), row(0xb4, "lfs", "Gv Mp", callout), row(0xb5, "lgs", "Gv Mp", callout),
  row(0xb6, "movzx", "Gv Eb"), row(0xb7, "movzx", "Gv Ew"), row(0xb9, "ud1", "Gv Ev", as("ud2"), transfer),
  row(0xba, "bt", "Ev Ib", slash(4)), ...group(0xba, "Ev Ib", [undefined, undefined, undefined, undefined, undefined, "bts", "btr", "btc"], lock),
  row(0xbb, "btc", "Ev Gv", lock), row(0xbc, "bsf", "Gv Ev"), row(0xbd, "bsr", "Gv Ev"), row(0xbe, "movsx", "Gv Eb"), row(0xbf, "movsx", "Gv Ew"),

  row(0xc0, "xadd", "Eb Gb", lock), row(0xc1, "xadd", "Ev Gv", lock), row(0xc7, "cmpxchg8b", "Mq", slash(1), lock),
  ...eight(0xc8, "bswap", "Zv"),
  row(0xff, "ud0", "Gv Ev", as("ud2"), transfer),
];
