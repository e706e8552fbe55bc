import { describe, expect, it } from "vitest";
import { x87Forms, x87Handler } from "../../runtime/fpu/execute.ts";
import { GuestFault, VECTOR } from "../../runtime/faults.ts";
import { CR0_EM, CR0_MP, CR0_NE, CR0_PE, CR0_TS, SLOT } from "../../runtime/state.ts";
import { EXACT_FORMS, TRANSCENDENTAL_FORMS } from "./forms.ts";
import { FAULT, MEMORY_BYTES, TestHost } from "./harness.ts";

function run(host: TestHost, mnemonic: string, memorySize: number = -1, linear: number = 0, operandSize: number = 4): void {
  x87Handler(mnemonic, memorySize)!(host, 0, 0, linear, operandSize);
}

function vectorOf(action: () => void): number | undefined {
  try {
    action();
  } catch (fault) {
    if (fault instanceof GuestFault) return fault.vector;
    throw fault;
  }
  return undefined;
}

const memoryForms = x87Forms().filter((form) => !form.endsWith(" -1")).map((form) => {
  const [mnemonic, size] = form.split(" ");
  return [mnemonic!, Number(size)] as const;
});

/** A host whose stack holds the numbers 1 to `count` and one sticky flag, so that every instruction would change something. */
function busyHost(count: number): TestHost {
  const host = new TestHost();
  for (let i = 1; i <= count; i++) host.fpu.loadInt32(i * 3);
  host.cpu.fpuStatus |= 0x204;
  host.memory.bytes.fill(0x55);
  host.x87Offset = 0x1234;
  return host;
}

describe("precision", () => {
  it.each(memoryForms)("%s with %i bytes: a page fault leaves FPU and memory as they were", (mnemonic, size) => {
    const length = size === 0 ? 14 : size;
    for (const accessible of [0, 1, length >> 1, length - 1]) {
      const host = busyHost(5), { memory } = host;
      memory.limit = 0x3000;
      const before = host.cpu.words.slice(), linear = mnemonic.startsWith("fx") ? memory.limit - (accessible === 0 ? 0 : 16) : memory.limit - accessible;
      expect(() => run(host, mnemonic, size, linear, 2)).toThrow(FAULT);
      expect(host.cpu.words).toEqual(before);
      memory.limit = MEMORY_BYTES;
      expect(memory.bytes.every((byte) => byte === 0x55)).toBe(true);
    }
  });

  it("records where an instruction and its operand lie, and not for control instructions", () => {
    const host = busyHost(1);
    Object.assign(host, { x87Offset: 0x4000, x87Opcode: 0x5c7, x87DataOffset: 0x88, x87DataSelector: 0x23 });
    host.cpu.words[SLOT.selector1] = 0x1b;
    run(host, "fadd", 8, 0x100);
    const pointers = (): number[] => [host.cpu.fpuIp, host.cpu.fpuCs, host.cpu.fpuOpcode, host.cpu.fpuDp, host.cpu.fpuDs];
    expect(pointers()).toEqual([0x4000, 0x1b, 0x5c7, 0x88, 0x23]);
    Object.assign(host, { x87Offset: 0x4002, x87DataOffset: 0x99 });
    run(host, "fchs");
    expect(pointers()).toEqual([0x4002, 0x1b, 0x5c7, 0x88, 0x23]);
    Object.assign(host, { x87Offset: 0x4004 });
    const control = [["fnstcw", 2], ["fldcw", 2], ["fnstsw", 2], ["fnstsw", -1], ["fnclex", -1], ["fwait", -1], ["fnstenv", 0]] as const;
    for (const [mnemonic, size] of control) run(host, mnemonic, size, 0x200);
    expect(pointers()).toEqual([0x4002, 0x1b, 0x5c7, 0x88, 0x23]);
  });
});

describe("availability and pending exceptions", () => {
  const nonWaiting = new Set(["fninit", "fnclex", "fnstsw", "fnstcw", "fnstenv", "fnsave", "fneni", "fndisi", "fnsetpm", "fxsave", "fxrstor"]);
  const all = x87Forms().map((form) => form.split(" ")).map(([mnemonic, size]) => [mnemonic!, Number(size)] as const);

  it.each([CR0_EM, CR0_TS])("#NM with CR0 bit %i, for all but WAIT", (bit) => {
    for (const [mnemonic, size] of all) {
      const host = busyHost(3);
      host.cpu.cr0 |= bit;
      const before = host.cpu.words.slice();
      const waits = mnemonic === "wait" || mnemonic === "fwait";
      expect([mnemonic, vectorOf(() => run(host, mnemonic, size, 0x100))]).toEqual([mnemonic, waits ? undefined : VECTOR.NM]);
      if (!waits) expect(host.cpu.words).toEqual(before);
    }
    const host = busyHost(0);
    host.cpu.cr0 |= CR0_TS | CR0_MP;
    expect(vectorOf(() => run(host, "fwait"))).toBe(VECTOR.NM);
  });

  it("#MF at the next waiting instruction, and none other", () => {
    for (const [mnemonic, size] of all) {
      const host = busyHost(3);
      host.fpu.clearExceptions();
      host.fpu.controlWord = 0x37b; // ZE unmasked
      host.fpu.loadConstant(6);
      host.fpu.arithmetic(6, 1, 0, false);
      expect(host.fpu.statusWord & 0x8084).toBe(0x8084);
      expect([mnemonic, vectorOf(() => run(host, mnemonic, size, 0x100))]).toEqual([mnemonic, nonWaiting.has(mnemonic) ? undefined : VECTOR.MF]);
    }
  });

  it("FERR# in place of #MF where CR0.NE is clear; a handler that throws holds the instruction back", () => {
    const host = busyHost(2);
    host.cpu.cr0 &= ~CR0_NE;
    host.fpu.controlWord = 0x37b;
    let asserted = 0;
    host.fpu.onFerr = () => {
      asserted++;
    };
    expect(host.fpu.checkPending()).toBe(true); // the sticky ZE of busyHost
    run(host, "fchs");
    expect(asserted).toBe(2);
    host.fpu.onFerr = () => {
      throw FAULT;
    };
    const before = host.cpu.words.slice();
    expect(() => run(host, "fchs")).toThrow(FAULT);
    expect(host.cpu.words).toEqual(before);
    run(host, "fnclex");
    run(host, "fchs");
  });
});

describe("images", () => {
  const pointers = { fpuIp: 0x23456, fpuCs: 0x1b, fpuDp: 0x34567, fpuDs: 0x23, fpuOpcode: 0x5c7 };

  it("real-mode images hold linear pointers: 16 and 32 bits", () => {
    for (const size of [2, 4]) {
      const host = busyHost(2);
      host.cpu.cr0 &= ~CR0_PE;
      Object.assign(host.cpu, pointers, { fpuIp: 0x3456, fpuCs: 0x2000, fpuDp: 0x4567, fpuDs: 0x3000 });
      run(host, "fnstenv", 0, 0x100, size);
      const word = (index: number): number => host.memory.read16(0x100 + index * size);
      expect([word(3), word(4), word(5), word(6)]).toEqual([0x3456, 0x25c7, 0x4567, 0x3000]);
      run(host, "fninit");
      run(host, "fldenv", 0, 0x100, size);
      expect([host.cpu.fpuIp, host.cpu.fpuCs, host.cpu.fpuDp, host.cpu.fpuOpcode]).toEqual([0x23456, 0, 0x34567, 0x5c7]);
    }
  });

  it.each([2, 4])("FNSAVE then FRSTOR restores everything (protected mode, %i bytes)", (size) => {
    const host = busyHost(6);
    Object.assign(host.cpu, pointers, { fpuIp: 0x3456, fpuDp: 0x4567, fpuOpcode: size === 2 ? 0 : 0x5c7 });
    const before = host.cpu.words.slice();
    run(host, "fnsave", 0, 0x100, size);
    expect(host.cpu.fpuTag).toBe(0xffff);
    expect(host.cpu.fpuControl).toBe(0x37f);
    for (let i = 0; i < 8; i++) host.fpu.loadConstant(3);
    run(host, "frstor", 0, 0x100, size);
    expect(host.cpu.words).toEqual(before);
  });

  it("FXSAVE then FXRSTOR restores everything", () => {
    const host = busyHost(6);
    Object.assign(host.cpu, pointers);
    const before = host.cpu.words.slice();
    run(host, "fxsave", 0, 0x200);
    expect(host.memory.read16(0x204)).toBe(0x00fc); // abridged tags: six registers in use, the top is 2
    expect([host.memory.read16(0x206), host.memory.read32(0x208)]).toEqual([0x5c7, 0x23456]);
    expect(host.cpu.words).toEqual(before);
    run(host, "fninit");
    for (let i = 0; i < 8; i++) host.fpu.loadConstant(3);
    run(host, "fxrstor", 0, 0x200);
    expect(host.cpu.words).toEqual(before);
  });
});

describe("the table", () => {
  it("knows every instruction that the processor is asked about", () => {
    const known = new Set(x87Forms());
    for (const form of [...EXACT_FORMS, ...TRANSCENDENTAL_FORMS]) expect(known).toContain(`${form.mnemonic} ${form.memorySize}`);
  });

  it("and is tested against the processor for all but a few", () => {
    const tested = new Set([...EXACT_FORMS, ...TRANSCENDENTAL_FORMS].map((form) => `${form.mnemonic} ${form.memorySize}`));
    expect(x87Forms().filter((form) => !tested.has(form))).toEqual([
      "fneni -1", "fndisi -1", "fnsetpm -1", "fwait -1", "wait -1", "fxsave 0", "fxrstor 0",
    ]);
  });

  it("answers undefined where there is no such instruction", () => {
    expect(x87Handler("fist", 8)).toBeUndefined();
    expect(x87Handler("fisttp", 4)).toBeUndefined();
  });

  it("power-up differs from FNINIT", () => {
    const host = busyHost(4);
    host.fpu.reset();
    expect([host.fpu.controlWord, host.fpu.statusWord, host.cpu.fpuTag]).toEqual([0x40, 0, 0]);
  });
});
