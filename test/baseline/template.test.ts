/** Templates: which operands are holes, which instructions share one, and which are left to the interpreter. */
import { describe, expect, it } from "vitest";
import { CARRY_APART, KIND, OVERFLOW_APART, WIDTH32 } from "../../runtime/flag-kinds.ts";
import { SLOT } from "../../runtime/state.ts";
import { UNKNOWN_KIND } from "../../translator/baseline/place.ts";
import { dword } from "../hostile/assembler.ts";
import { Host } from "./host.ts";

const host = new Host(), SUB = KIND.sub * 4 + WIDTH32, ADD = KIND.add * 4 + WIDTH32, LOGIC = KIND.logic * 4 + WIDTH32, SHL = KIND.shl * 4 + WIDTH32;
const RCL_EAX = (count: number): number[] => [0xc1, 0xd0, count], SHL_EAX = (count: number): number[] => [0xc1, 0xe0, count];

describe("holes of a template", () => {
  it.each<[string, number[], string[]]>([
    ["registers are offsets of accesses: add eax, ecx", [0x01, 0xc8], ["d<<2", "s<<2", "d<<2"]],
    ["byte registers by their byte: add bl, ah", [0x00, 0xe3], ["d<<0", "s<<0", "d<<0"]],
    ["base, index and displacement: mov eax, [ebx + esi * 4 + 8]", [0x8b, 0x44, 0xb3, 8], ["b<<2", "x<<2", "p", "site", "call", "d<<2"]],
    ["no hole for an absent base: mov eax, [esi * 4 + 8]", [0x8b, 0x04, 0xb5, ...dword(8)], ["x<<2", "p", "site", "call", "d<<2"]],
    ["nor for a displacement of 0: mov eax, [ebx]", [0x8b, 0x03], ["b<<2", "site", "call", "d<<2"]],
    ["nor for either: mov eax, [1234h]", [0xa1, ...dword(0x1234)], ["p", "site", "call", "d<<2"]],
    ["a count is none: shl eax, 3", SHL_EAX(3), ["d<<2", "d<<2"]],
    ["a register is none that becomes 0: xor ecx, ecx", [0x31, 0xc9], []],
    ["an immediate, as often as it is wanted: add eax, 77", [0x05, ...dword(77)], ["d<<2", "m", "d<<2", "m"]],
    ["where a call comes back: call", [0xe8, ...dword(5)], ["next", "site", "call"]],
    ["where an x87 instruction stands, and its opcode: fld qword [ebx]", [0xdd, 0x03], ["site", "b<<2", "self", "m", "b<<2", "call"]],
    ["how much of the block is not done: in al, 60h", [0xe4, 0x60], ["m", "site", "site", "rest", "call", "call", "d<<0"]],
    ["none of a jump", [0xeb, 5], []],
  ])("%s", (_name, bytes, holes) => {
    expect(host.holes(bytes).filter((hole) => !hole.includes("+"))).toEqual(holes);
  });

  it("are one byte each that stands for any value", () => {
    const { bytes, holes } = host.template([0x8b, 0x44, 0xb3, 8])!;
    for (const { at } of holes) expect(bytes[at]).toBe(0xff);
    expect(holes.map(({ at }) => at)).toEqual(holes.map(({ at }) => at).sort((a, b) => a - b));
  });

  it("name the functions that are called, which may fault", () => {
    const load = host.template([0x8b, 0x03])!, store = host.template([0x66, 0x89, 0x03])!;
    expect(load.imports.list.map(({ name }) => name)).toEqual(["load32"]);
    expect(store.imports.list.map(({ name }) => name)).toEqual(["store16"]);
    expect([load.mayFault, store.mayFault, host.template([0x01, 0xc8])!.mayFault]).toEqual([true, true, false]);
  });
});

describe("one template serves", () => {
  it.each<[string, number[], number[]]>([
    ["other registers", [0x01, 0xc8], [0x01, 0xfb]],
    ["another encoding", [0x01, 0xc8], [0x03, 0xc1]],
    ["another base, index and displacement", [0x8b, 0x44, 0xb3, 8], [0x8b, 0x8c, 0xba, ...dword(-77)]],
    ["another immediate", [0x05, ...dword(77)], [0x81, 0xc7, ...dword(-1)]],
    ["another distance", [0xe8, ...dword(5)], [0xe8, ...dword(-500)]],
    ["ES and SS, which are as DS is", [0x8b, 0x03], [0x36, 0x8b, 0x03]],
    ["xor of other registers", [0x31, 0xc8], [0x31, 0xd3]],
  ])("%s", (_name, one, other) => {
    expect(host.template(one)).toBeDefined();
    expect(host.template(other)).toBe(host.template(one));
  });

  it.each<[string, number[], number[]]>([
    ["an absent displacement", [0x8b, 0x03], [0x8b, 0x43, 4]],
    ["an absent base", [0x8b, 0x44, 0xb3, 8], [0x8b, 0x04, 0xb5, ...dword(8)]],
    ["another scale", [0x8b, 0x44, 0xb3, 8], [0x8b, 0x44, 0x73, 8]],
    ["another count", SHL_EAX(3), SHL_EAX(4)],
    ["a count of 0", SHL_EAX(3), SHL_EAX(0)],
    ["a register with itself", [0x31, 0xc8], [0x31, 0xc0]],
    ["which register with itself", [0x31, 0xc9], [0x31, 0xc0]],
    ["another size", [0x01, 0xc8], [0x66, 0x01, 0xc8]],
    ["a segment that may have a base", [0x8b, 0x03], [0x65, 0x8b, 0x03]],
  ])("but not %s", (_name, one, other) => {
    expect(host.template(other)).toBeDefined();
    expect(host.template(other)).not.toBe(host.template(one));
  });
});

describe("the kind of the flags", () => {
  const asks = (bytes: number[], kind: number): string[] => host.template(bytes, kind)!.imports.list.map(({ name }) => name);
  const JZ = [0x74, 5], JP = [0x7a, 5], ADC = [0x11, 0xc8];

  it("where it is known makes a condition and a carry a computation", () => {
    expect([asks(JZ, UNKNOWN_KIND), asks(JZ, SUB), asks(ADC, UNKNOWN_KIND), asks(ADC, ADD)]).toEqual([["conditionOf"], [], ["carryOf"], []]);
    expect(host.template(JZ, SUB)!.bytes.length).toBeLessThan(host.template(JZ, UNKNOWN_KIND)!.bytes.length);
  });

  it("is asked of the runtime where a computation would not do", () => { expect(asks(JP, SUB)).toEqual(["conditionOf"]); });

  it("chooses no template of what does not ask for it", () => {
    expect(host.template([0x01, 0xc8], SUB)).toBe(host.template([0x01, 0xc8]));
    expect(host.template(JZ, SUB)).not.toBe(host.template(JZ, LOGIC));
  });

  it.each<[string, number[], number, number | undefined]>([
    ["add", [0x01, 0xc8], UNKNOWN_KIND, ADD], ["cmp", [0x39, 0xc8], ADD, SUB], ["xor", [0x31, 0xc8], UNKNOWN_KIND, LOGIC], ["shl by 3", SHL_EAX(3), UNKNOWN_KIND, SHL],
    ["shl by 0", SHL_EAX(0), SUB, undefined], ["shl by CL", [0xd3, 0xe0], SUB, UNKNOWN_KIND], ["mov", [0x89, 0xc8], SUB, undefined],
    ["stc", [0xf9], SUB, SUB | CARRY_APART], ["stc, of nothing known", [0xf9], UNKNOWN_KIND, UNKNOWN_KIND], ["rol by 3", [0xc1, 0xc0, 3], SUB, UNKNOWN_KIND],
    ["popf", [0x9d], SUB, KIND.explicit], ["repe cmpsb", [0xf3, 0xa6], SUB, UNKNOWN_KIND], ["fcomi", [0xdb, 0xf1], SUB, UNKNOWN_KIND], ["fld1", [0xd9, 0xe8], SUB, undefined],
    ["int 80h", [0xcd, 0x80], SUB, UNKNOWN_KIND], ["in al, 60h", [0xe4, 0x60], SUB, undefined],
  ])("behind %s", (_name, bytes, before, behind) => { expect(host.template(bytes, before)!.kind).toBe(behind); });
});

describe("how control goes on", () => {
  it.each<[string, number[], string, string]>([
    ["mov", [0x89, 0xc8], "next", "nothing"], ["jmp", [0xeb, 5], "jump", "nothing"], ["jz", [0x74, 5], "branch", "nothing"], ["call", [0xe8, ...dword(5)], "call", "nothing"],
    ["ret", [0xc3], "indirect", "nothing"], ["a branch of 16 bits", [0x66, 0x0f, 0x84, 5, 0], "indirect", "nothing"], ["rep movsd", [0xf3, 0xa5], "repeat", "nothing"],
    ["int", [0xcd, 0x80], "transferred", "nothing"], ["iret", [0xcf], "transferred", "nothing"], ["mov cr3, eax", [0x0f, 0x22, 0xd8], "next", "answered"],
    ["mov ss, eax", [0x8e, 0xd0], "next", "answered"], ["invlpg", [0x0f, 0x01, 0x3b], "next", "answered"], ["in", [0xe4, 0x60], "next", "called out"],
    ["rdtsc", [0x0f, 0x31], "next", "stepped"], ["sti", [0xfb], "next", "enabled"],
  ])("behind %s", (_name, bytes, end, behind) => { expect(host.template(bytes)).toMatchObject({ end, behind }); });
});

describe("an immediate that changes", () => {
  const ADD_EAX = [0x05, ...dword(77)];

  it("stays a hole", () => { expect(host.template(ADD_EAX, UNKNOWN_KIND, true)).toBe(host.template(ADD_EAX)); });
  it("is the interpreter's where the template is made for its value", () => {
    expect(host.template(SHL_EAX(3), UNKNOWN_KIND, true)).toBeUndefined();
    expect(host.template([0x0f, 0xa4, 0xd3, 3], UNKNOWN_KIND, true)).toBeUndefined();
  });
});

describe("left to the interpreter", () => {
  it.each<[string, number[]]>([
    ["hlt", [0xf4]], ["into", [0xce]], ["mov dr7, eax", [0x0f, 0x23, 0xf8]], ["rep insb", [0xf3, 0x6c]], ["lgdt", [0x0f, 0x01, 0x13]], ["wrmsr", [0x0f, 0x30]], ["ud2", [0x0f, 0x0b]],
  ])("%s", (_name, bytes) => {
    const { form, fields } = host.decode(Uint8Array.from(bytes));
    expect(host.templates.factsOf(form).isStepped).toBe(true);
    expect(host.templates.of(form, fields, UNKNOWN_KIND, false)).toBeUndefined();
  });
});

describe("templates", () => {
  it("are checked before they are compiled, each once", () => {
    const { form, fields } = host.decode(Uint8Array.from([0x01, 0xc8])), sources: string[] = [];
    const { templates } = new Host((source, names) => { sources.push(`${names.join()}: ${source}`); });
    templates.of(form, fields, UNKNOWN_KIND, false);
    templates.of(form, { ...fields, d: 7 }, SUB, false);
    expect(sources).toHaveLength(1);
    expect(sources[0]).toContain(`S[i.d] = `);
    expect(sources[0]).toContain(`S[${SLOT.flagKind}] = ${ADD}`);
  });

  /** By any count and behind flags of any kind that instructions leave. */
  const all = (bytes: (count: number) => number[], counts: number, kinds: readonly number[]): Set<object | undefined> =>
    new Set(Array.from({ length: counts }, (_, count) => kinds.map((kind) => host.template(bytes(count), kind))).flat());

  it("of a shift are as many as there are counts: the processor looks at 5 bits", () => {
    expect(all(SHL_EAX, 256, [UNKNOWN_KIND]).size).toBeLessThanOrEqual(32);
  });

  it("of one form stay few, whatever a guest makes of counts and flags", () => {
    const kinds = Array.from({ length: 13 }, (_, kind) => [0, CARRY_APART, CARRY_APART | OVERFLOW_APART].map((apart) => kind * 4 + WIDTH32 | apart)).flat();
    expect(all(RCL_EAX, 256, kinds).size).toBeLessThanOrEqual(1000);
  });
});
