/** The first access that is a user's comes before the first user instruction: the error code of a fault whose handler is a task in ring 3. */
import { expect, it } from "vitest";
import { CR0_PG, SLOT } from "../../runtime/state.ts";
import { enter } from "./shelter.ts";
import { hotMachine } from "./twins.ts";

const GDT = 0x1000, IDT = 0x2000, TSS = 0x5000, OLD_TSS = 0x5100, DIRECTORY = 0x200000, TABLE = 0x201000, HIGH = 0x202000, PLACE = 0x80000000, FRAME = 0x300000;
const USER_CODE = 0x23, USER_DATA = 0x2b, TASK = 0x30, OLD_TASK = 0x38, MISSING = 0x48, GENERAL_PROTECTION = 13, EB_FE = [0xeb, 0xfe];

it.each(["translate", "interpret"] as const)("goes by the page tables: %s", (engine) => {
  const machine = hotMachine(engine, { memory: 4 << 20 }), { cpu, memory } = machine;
  const put = (address: number, words: readonly number[]): void => { memory.writePhysical(address, new Uint8Array(Int32Array.from(words).buffer)); };
  enter(machine, Uint8Array.of(0x66, 0xb8, MISSING, 0, 0x8e, 0xd8)); // mov ax, …; mov ds, ax
  const task = (base: number, access: number): number[] => [base << 16 | 0x67, access << 8];
  put(GDT, [0, 0, 0, 0, 0xffff, 0xcf9b00, 0xffff, 0xcf9300, 0xffff, 0xcffb00, 0xffff, 0xcff300, ...task(TSS, 0x89), ...task(OLD_TSS, 0x8b)]);
  put(IDT + 8 * GENERAL_PROTECTION, [TASK << 16, 0x8500]);
  put(TSS, [0, 0, 0, 0, 0, 0, 0, DIRECTORY, PLACE + 0x800, 2, 0, 0, 0, 0, PLACE + 0x80, 0, 0, 0, USER_DATA, USER_CODE, USER_DATA, USER_DATA, 0, 0, 0, 0x680000]);
  put(DIRECTORY, [TABLE | 7]);
  put(DIRECTORY + 0x800, [HIGH | 7]);
  put(TABLE, Array.from({ length: 1024 }, (_, page) => page << 12 | 7));
  put(HIGH, [FRAME | 7]);
  memory.writePhysical(FRAME + 0x800, Uint8Array.from(EB_FE));
  Object.assign(cpu, { gdtBase: GDT, gdtLimit: 8 * 8 - 1, cr3: DIRECTORY, cr0: cpu.cr0 | CR0_PG });
  for (const [slot, value] of [[SLOT.selector0, OLD_TASK], [SLOT.base0, OLD_TSS], [SLOT.limit0, 0x67], [SLOT.access0, 0x8b]] as const) cpu.words[slot + 7] = value;
  memory.flushAll();
  machine.run({ maxInstructions: 3 });
  expect([cpu.cpl, cpu.eip >>> 0, cpu.esp >>> 0]).toEqual([3, PLACE + 0x800, PLACE + 0x7c]);
  expect(memory.ram32[FRAME + 0x7c >>> 2]).toBe(MISSING);
});
