/** The processor after power-on or INIT (SDM volume 3, table 9-1). */
import { setArithmeticFlags } from "./flags.ts";
import { CR0_CD, CR0_ET, CR0_NW, type CpuState, FIRST_SCRATCH_SLOT, SLOT } from "./state.ts";
import { SIGNATURE } from "./monitor/cpuid.ts";

const CS = 1, LDTR = 6, TR = 7;
/** Present, read/write, accessed; the LDTR and a busy 32-bit TSS. */
const DATA_ACCESS = 0x93, LDT_ACCESS = 0x82, TSS_ACCESS = 0x8b;
const TSC_SLOTS = [SLOT.tscOffsetLow, SLOT.tscOffsetHigh];

/** Everything but the x87 unit, which resets itself. */
export function resetState(cpu: CpuState): void {
  const { words } = cpu;
  for (let slot = 0; slot < FIRST_SCRATCH_SLOT; slot++) if (!TSC_SLOTS.includes(slot)) words[slot] = 0;
  cpu.eflags = 2;
  setArithmeticFlags(words, 0);
  cpu.eip = 0xfff0;
  cpu.edx = SIGNATURE;
  cpu.cr0 = CR0_ET | CR0_NW | CR0_CD;
  cpu.dr6 = 0xffff0ff0 | 0;
  cpu.dr7 = 0x400;
  cpu.stackMask = 0xffff;
  for (let segment = 0; segment < 8; segment++) {
    words[SLOT.limit0 + segment] = 0xffff;
    words[SLOT.access0 + segment] = segment === LDTR ? LDT_ACCESS : segment === TR ? TSS_ACCESS : DATA_ACCESS;
  }
  words[SLOT.selector0 + CS] = 0xf000;
  words[SLOT.base0 + CS] = 0xffff0000 | 0;
  cpu.idtLimit = 0xffff;
  cpu.gdtLimit = 0xffff;
}
