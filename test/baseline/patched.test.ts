/** Immediates that are read each time, in baseline code. */
import { expect, it } from "vitest";
import type { Vcpu } from "../../runtime/vcpu.ts";
import { type Assembler, dword } from "../hostile/assembler.ts";
import { chance, EBX, ECX, EDI, escapeHere, survives } from "../hostile/shelter.ts";

const RET = 0xc3;

/** Changes an immediate, then calls a loop in which that stands behind `opcode`; all flags are summed up. */
const patches = (opcode: (a: Assembler) => void) => (a: Assembler): void => {
  escapeHere(a).set(EBX, 0).set(EDI, 0).label("again");
  chance(a).address([0xa3], "constant").near([0xe8], "function").bytes(0x47).jump("again").padTo((a.here | 63) + 1); // mov [constant], eax; call; inc edi
  a.label("function").set(ECX, 5).label("loop").bytes(0x47); // inc edi
  opcode(a);
  a.label("constant").bytes(...dword(1)).bytes(0x9c, 0x5a, 0x01, 0xd3).short([0xe2], "loop").bytes(RET); // pushf; pop edx; add ebx, edx; loop
};
const BASELINE = { budget: 60_000, every: 2000, rest: 100, promotion: 1e9 };

it("are those of now: add edi, constant", () => {
  const { translated } = survives(patches((a) => { a.bytes(0x81, 0xc7); }), BASELINE), { stats, regionStats: { baseline } } = translated.vcpu as Vcpu;
  expect(stats.translated).toBeGreaterThan(40_000);
  expect(baseline.made).toBeLessThan(20);
});

// The hole is filled by a read of memory wherever the value is wanted: for the flags once more, behind the store.
it.each<[string, readonly number[]]>([["add", [0x81, 0x05]], ["adc", [0x81, 0x15]], ["sub", [0x81, 0x2d]]])("of an instruction that overwrites its own one, the flags are of the value before: %s", (_name, opcode) => {
  survives(patches((a) => { a.address(opcode, "constant"); }), BASELINE);
});

it("of an instruction that overwrites its own one, in regions", () => {
  survives(patches((a) => { a.address([0x81, 0x05], "constant"); }), { budget: 60_000, every: 2000, rest: 100, isLong: true });
});

it("are part of the code where reading them is switched off", () => {
  const { translated } = survives(patches((a) => { a.bytes(0x81, 0xc7); }), { ...BASELINE, rest: 0, off: new Set(["patches"]) });
  expect((translated.vcpu as Vcpu).cache.stats.hits).toBeGreaterThan(500); // each store into code
});
