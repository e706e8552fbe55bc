/** Far calls from code segment to code segment: like ones, one that is not flat, and one that is too small. */
import { expect, it } from "vitest";
import { dword } from "./assembler.ts";
import { DATA, EBX, ECX, chance, escapeHere, survives } from "./shelter.ts";

const GDT = DATA + 0x1000, FLAT = 0x10, ALIAS = 0x20, SMALL = 0x28, PARTIAL = 0x30, GDT_LIMIT = 0x37;
const CALL_FAR = 0x9a, JMP_FAR = 0xea, RETF = 0xcb, INC_EBX = 0x43, PUSH_CS = 0x0e, POP_EAX = 0x58;
/** From selector 10h on: flat code and data, the same code again, code up to FFFFFh, code up to 1FFFFFh. */
const DESCRIPTORS = [0, 0, 0, 0, 0xffff, 0xcf9b00, 0xffff, 0xcf9300, 0xffff, 0xcf9b00, 0xffff, 0x4f9b00, 0x01ff, 0xc09b00];
const TURNS = 40, BUDGET = 200_000;

it("end where they should, with the rights that the segment has", () => {
  const { translated } = survives((a) => {
    a.set(EBX, 0);
    escapeHere(a).label("again").set(ECX, TURNS).label("loop");
    for (const selector of [FLAT, ALIAS, ALIAS, FLAT]) a.address([CALL_FAR], "far").bytes(selector, 0);
    a.bytes(0x49).near([0x0f, 0x85], "loop"); // dec ecx; jnz
    chance(a).bytes(0xa8, 1).short([0x75], "partial").address([CALL_FAR], "far").bytes(SMALL, 0); // test al, 1
    a.label("partial").address([CALL_FAR], "far").bytes(PARTIAL, 0).address([JMP_FAR], "again").bytes(FLAT, 0);
    a.label("far").bytes(INC_EBX, PUSH_CS, POP_EAX, RETF).bytes(...dword(0));
  }, {
    budget: BUDGET,
    prepare: (machine) => {
      machine.memory.writePhysical(GDT, new Uint8Array(Int32Array.from(DESCRIPTORS).buffer));
      machine.cpu.gdtBase = GDT;
      machine.cpu.gdtLimit = GDT_LIMIT;
    },
  });
  expect((translated.vcpu.stats as { readonly translated: number }).translated).toBeGreaterThan(BUDGET / 2);
  expect(translated.cpu.ebx).toBeGreaterThan(BUDGET / 10);
});
