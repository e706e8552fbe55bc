/** Baseline code of several blocks: where it is entered, how control goes, what is charged, what it asks of the virtual CPU. */
import { describe, expect, it } from "vitest";
import { CHANGED } from "../../runtime/abi.ts";
import { readEflags } from "../../runtime/flags.ts";
import { SLOT } from "../../runtime/state.ts";
import { Assembler, dword } from "../hostile/assembler.ts";
import { AT, Host, PAGE, SECOND, stepsOn } from "./host.ts";

const INC_EAX = 0x40, INC_ECX = 0x41, INC_EDX = 0x42, DEC_ECX = 0x49, NOP = 0x90, RET = 0xc3, STI = 0xfb, HLT = 0xf4, JZ = 0x74, JNZ = 0x75, JMP = 0xeb;
const code = (write: (a: Assembler) => void): Uint8Array => {
  const a = new Assembler(AT);
  write(a);
  return a.finish();
};
/** Entries of a text, as distances. */
const entriesOf = (entries: ReadonlyMap<number, number>): number[] => [...entries.keys()].map((address) => address - AT).sort((a, b) => a - b);

describe("control", () => {
  it("goes on in a straight line, out of its end, and charges each instruction once", () => {
    const host = new Host(), { text, ...ran } = host.run(Uint8Array.of(INC_EAX, INC_EAX, INC_ECX), 100);
    expect(ran).toEqual({ code: 0, eip: AT + 3, left: 97, asked: [] });
    expect([host.cpu.eax, host.cpu.ecx]).toEqual([2, 1]);
    expect(text).toMatchObject({ length: 3, blocks: 1, sites: [] });
    expect(entriesOf(text.entries)).toEqual([0]);
  });

  it("goes back as long as the budget is there for all of the code once more", () => {
    const loop = code((a) => { a.label("loop").bytes(INC_EAX, DEC_ECX).short([JNZ], "loop").bytes(INC_EDX); }), host = new Host();
    host.cpu.ecx = 5;
    const { text, ...ran } = host.run(loop, 100);
    expect(ran).toEqual({ code: 0, eip: AT + loop.length, left: 100 - 5 * 3 - 1, asked: [] });
    expect([host.cpu.eax, host.cpu.ecx, host.cpu.edx]).toEqual([5, 0, 1]);
    expect(text).toMatchObject({ length: 4, blocks: 2 });
    host.cpu.ecx = 1000;
    expect(host.load(text)(AT, 100)).toMatchObject({ eip: AT, left: 1 });
    expect(host.cpu.ecx).toBe(1000 - 33);
  });

  it("never takes more than the budget, whatever that is", () => {
    const loop = code((a) => { a.label("loop").bytes(INC_EAX).short([JZ], "loop").bytes(INC_EDX).short([JMP], "loop"); }), host = new Host(), text = host.text(host.instructions(loop)), run = host.load(text);
    for (let left = text.length; left < 60; left++) {
      host.cpu.eax = host.cpu.edx = 0;
      const { left: rest } = run(AT, left);
      expect(rest).toBeGreaterThanOrEqual(0);
      expect(rest).toBeLessThan(text.length);
      expect(2 * host.cpu.eax + 2 * host.cpu.edx).toBe(left - rest);
    }
  });

  it("stays in a jump to itself until the budget is spent", () => {
    const { text, ...ran } = new Host().run(code((a) => { a.label("here").short([JMP], "here"); }), 1000);
    expect(ran).toEqual({ code: 0, eip: AT, left: 0, asked: [] });
    expect(text.length).toBe(1);
  });

  it("comes to the next instruction by a branch to it, taken or not", () => {
    const both = code((a) => { a.bytes(0x85, 0xc9).short([JZ], "next").label("next").bytes(INC_EDX); }), host = new Host(); // test ecx, ecx
    for (const ecx of [0, 1]) {
      Object.assign(host.cpu, { ecx, edx: 0 });
      expect(host.run(both, 50)).toMatchObject({ eip: AT + both.length, left: 47 });
      expect(host.cpu.edx).toBe(1);
    }
  });

  it("jumps into the midst of a loop, and from there back", () => {
    const irreducible = code((a) => {
      a.bytes(0x85, 0xd2).short([JNZ], "middle").label("loop").bytes(0x83, 0xc0, 100).label("middle").bytes(INC_EAX, DEC_ECX).short([JNZ], "loop").bytes(NOP); // test edx, edx; add eax, 100
    }), host = new Host();
    for (const [edx, eax, taken] of [[0, 303, 2 + 4 * 3 + 1], [1, 203, 2 + 4 * 3]] as const) {
      Object.assign(host.cpu, { eax: 0, ecx: 3, edx });
      expect(host.run(irreducible, 500)).toMatchObject({ eip: AT + irreducible.length, left: 500 - taken });
      expect(host.cpu.eax).toBe(eax);
    }
  });

  it("comes to a block backwards alone", () => {
    const host = new Host(), away = code((a) => { a.label("block").bytes(INC_EAX, DEC_ECX).short([JNZ], "block").bytes(RET).label("head").bytes(INC_EDX).short([JMP], "block"); });
    Object.assign(host.cpu, { ecx: 2, esp: 0x7000 });
    host.ram.set(dword(0x1234), 0x7000);
    expect(host.run(away, 90, { entry: AT + 5 })).toMatchObject({ eip: 0x1234, left: 90 - 2 - 6 - 1 });
    expect([host.cpu.eax, host.cpu.edx, host.cpu.esp]).toEqual([2, 1, 0x7004]);
  });

  it("leaves where nothing was found: behind the last one, in a gap, at a jump's target", () => {
    const gap = code((a) => { a.bytes(0x85, 0xc9).short([JZ], "far").bytes(INC_EAX, NOP, NOP).label("far").bytes(INC_EDX); }), host = new Host(), starts = [0, 2, 4, 7];
    host.cpu.ecx = 1;
    expect(host.run(gap, 50, { starts })).toMatchObject({ eip: AT + 5, left: 47 });
    host.cpu.ecx = 0;
    expect(host.run(gap, 50, { starts })).toMatchObject({ eip: AT + 8, left: 47 });
    expect(host.run(gap, 50, { starts: [0, 2, 4] })).toMatchObject({ eip: AT + 7, left: 48 });
  });

  it("goes through instructions that overlap, each way as its bytes are", () => {
    // mov eax, 4090h, of which the second byte is nop; inc eax
    const overlap = Uint8Array.of(0x85, 0xc9, JZ, 1, 0xb8, NOP, INC_EAX, 0, 0, INC_EDX), host = new Host(), starts = [0, 2, 4, 5, 6, 9];
    Object.assign(host.cpu, { eax: 7, ecx: 0, edx: 0 });
    expect(host.run(overlap, 50, { starts })).toMatchObject({ eip: AT + 7, left: 46 });
    expect(host.cpu.eax).toBe(8);
    Object.assign(host.cpu, { eax: 7, ecx: 1, edx: 0 });
    expect(host.run(overlap, 50, { starts })).toMatchObject({ eip: AT + 10, left: 46 });
    expect([host.cpu.eax, host.cpu.edx]).toEqual([0x4090, 1]);
  });

  it("calls inside, and may be entered where the call comes back", () => {
    const calls = code((a) => { a.near([0xe8], "function").bytes(INC_EDX).short([JMP], "end").label("function").bytes(INC_EAX, RET).label("end").bytes(NOP); }), host = new Host();
    host.cpu.esp = 0x7000;
    const { text, ...ran } = host.run(calls, 50);
    expect(ran).toMatchObject({ eip: AT + 5, left: 47 });
    expect([host.cpu.eax, host.cpu.edx, host.cpu.esp]).toEqual([1, 0, 0x7000]);
    expect(entriesOf(text.entries)).toContain(5);
    expect(host.load(text)(AT + 5, 47)).toMatchObject({ eip: AT + calls.length, left: 44 });
    expect(host.cpu.edx).toBe(1);
  });

  it("is moved with its code", () => {
    const calls = code((a) => { a.near([0xe8], "function").bytes(INC_EDX).label("function").bytes(INC_EAX, RET); }), host = new Host(), delta = 0x3000;
    host.cpu.esp = 0x7000;
    expect(host.run(calls, 50, { delta })).toMatchObject({ eip: AT + 5 + delta, left: 47 });
    expect(new DataView(host.ram.buffer, host.ram.byteOffset).getInt32(0x6ffc, true)).toBe(AT + 5 + delta);
    expect(host.run(Uint8Array.of(INC_EAX), 50, { delta: -0x5000 })).toMatchObject({ eip: 1 });
  });

  it("goes through 250 instructions and as many blocks", () => {
    const host = new Host(), many = code((a) => { for (let k = 0; k < 83; k++) a.bytes(INC_EAX).short([JZ], `${k}`).bytes(INC_EDX).label(`${k}`); a.bytes(NOP); });
    const { text, ...ran } = host.run(many, 250);
    expect(ran).toMatchObject({ eip: AT + many.length, left: 0 });
    expect(text).toMatchObject({ length: 250, blocks: 2 * 83 + 1 });
    expect([host.cpu.eax, host.cpu.edx]).toEqual([83, 83]);
  });

  it("knows the flags of a block's own instructions alone", () => {
    // A way comes to the branch behind dec ecx, another behind cmp.
    const two = code((a) => { a.bytes(0x85, 0xd2).short([JZ], "cmp").bytes(DEC_ECX).short([JMP], "ask").label("cmp").bytes(0x83, 0xf9, 1).label("ask").short([JZ], "end").bytes(INC_EAX).label("end").bytes(NOP); }), host = new Host();
    for (const [edx, ecx, eax] of [[0, 1, 0], [0, 2, 1], [1, 1, 0], [1, 2, 1]] as const) {
      Object.assign(host.cpu, { eax: 0, ecx, edx });
      host.run(two, 50);
      expect(host.cpu.eax).toBe(eax);
    }
  });

  it("refuses to be nothing", () => { expect(() => new Host().text([])).toThrow(); });
});

describe("memory", () => {
  it("is read and written by way of the tables", () => {
    const host = new Host();
    host.ram.set(dword(0x11223344), 0x7010);
    Object.assign(host.cpu, { ebx: 0x7000, esi: 2 });
    host.run(Uint8Array.of(0x8b, 0x44, 0xb3, 8, 0x88, 0x63, 1, 0x66, 0x01, 0x03), 50); // mov eax, [ebx + esi * 4 + 8]; mov [ebx + 1], ah; add [ebx], ax
    expect(host.cpu.eax).toBe(0x11223344);
    expect([...host.ram.subarray(0x7000, 0x7002)]).toEqual([0x44, 0x66]);
    expect(readEflags(host.cpu.words) & 0x8c1).toBe(0);
  });

  it("that the tables do not let pass is asked for, with the site and the budget behind the block", () => {
    const host = new Host();
    new Int32Array(host.memory.buffer, 4096, 16)[7] = 1;
    host.answer = (name) => (name === "load32" ? 77 : 0);
    host.cpu.ebx = 0x7008;
    const { text, ...ran } = host.run(Uint8Array.of(INC_EAX, 0x8b, 0x0b, INC_EDX), 50);
    expect(ran.asked).toEqual([["load32", 0x7008, 0, 47]]);
    expect(host.cpu.ecx).toBe(77);
    expect(text.sites).toEqual([{ eip: AT + 1, next: AT + 3, rest: 2, block: 0 }]);
  });
});

describe("steps of the interpreter", () => {
  const stepped = Uint8Array.of(INC_EAX, HLT, INC_EDX);

  it("tell where, and go on behind with the budget that is left", () => {
    const host = new Host();
    host.answer = stepsOn(host);
    const { text, ...ran } = host.run(stepped, 50);
    expect(ran).toEqual({ code: 0, eip: AT + 3, left: 47, asked: [["step", 0, 48]] });
    expect(text.sites).toEqual([{ eip: AT + 1, next: AT + 2, rest: 1, block: 0 }]);
    expect([host.cpu.eax, host.cpu.edx]).toEqual([1, 1]);
    expect(entriesOf(text.entries)).toEqual([0, 2]);
  });

  it("that lead elsewhere leave with the state as they set it", () => {
    const host = new Host();
    host.answer = (_name, args) => {
      Object.assign(host.cpu, { eip: 0x777, left: args[1]! });
      return 1;
    };
    expect(host.run(stepped, 50)).toMatchObject({ code: 0, eip: 0x777, left: 48 });
    expect(host.cpu.edx).toBe(0);
  });

  it("of an instruction on two pages, where its second page is not the one it was", () => {
    const host = new Host(), from = AT + PAGE - 3, across = Uint8Array.of(INC_EAX, 0x83, 0xc2, 5, INC_EDX); // add edx, 5
    const instructions = host.instructions(across, { from, starts: [0, 1] }), text = host.text(instructions, from), run = host.load(text);
    host.answer = stepsOn(host);
    expect(instructions[1]!.second).toBe(SECOND);
    expect(run(from, 50)).toEqual({ code: 0, eip: AT + PAGE + 1, left: 48, asked: [] });
    expect(host.cpu.edx).toBe(5);
    host.exec[6] = 1;
    expect(run(from, 50)).toEqual({ code: 0, eip: AT + PAGE + 1, left: 48, asked: [["step", 0, 48]] });
    expect(host.cpu.edx).toBe(5);
    host.exec[6] = 0x3000;
    expect(run(from, 50).asked).toHaveLength(1);
    host.exec[7] = 0x7000 ^ SECOND;
    expect(run(from, 50, PAGE).asked).toEqual([]);
  });

  it("of an instruction that cannot be seen whole", () => {
    const host = new Host(), [inc] = host.instructions(Uint8Array.of(INC_EAX));
    host.answer = stepsOn(host);
    const text = host.text([inc!, { ...inc!, address: AT + 1, length: PAGE, form: undefined, second: undefined }, { ...inc!, address: AT + 2 }]);
    expect(host.load(text)(AT, 50)).toEqual({ code: 0, eip: AT + 1 + PAGE, left: 48, asked: [["step", 0, 48]] });
    expect(text.blocks).toBe(2);
  });
});

describe("what the monitor answers", () => {
  const movEs = Uint8Array.of(INC_EAX, 0x8e, 0xc0, INC_EDX, INC_EDX);

  it("lets the code go on, or leave behind the instruction with the rest of its block not charged", () => {
    const host = new Host();
    expect(host.run(movEs, 50)).toMatchObject({ code: 0, eip: AT + 5, left: 46, asked: [["moveToSegment", 0, 1]] });
    host.answer = () => 1;
    expect(host.run(movEs, 50, { delta: 0x2000 })).toMatchObject({ code: CHANGED, eip: AT + 3 + 0x2000, left: 48 });
    expect(host.cpu.edx).toBe(2);
  });

  it("of a port: the count before it, then whether it may go on", () => {
    const host = new Host(), port = Uint8Array.of(INC_EAX, 0xe4, 0x60, INC_EDX, INC_EDX);
    host.answer = (name) => (name === "portIn" ? 0xab : 0);
    expect(host.run(port, 50)).toMatchObject({ left: 46, asked: [["callOut", 0, 49], ["portIn", 0x60, 1], ["calledOut", 0]] });
    expect(host.cpu.eax & 0xff).toBe(0xab);
    host.answer = (name) => Number(name === "calledOut");
    expect(host.run(port, 50)).toMatchObject({ code: 0, eip: AT + 3, left: 48 });
  });

  it("of a transfer is what the code returns; the way back may be entered", () => {
    const host = new Host(), { text, ...ran } = host.run(Uint8Array.of(INC_EAX, 0xcd, 0x80, INC_EDX), 50);
    expect(ran).toMatchObject({ code: CHANGED, eip: AT + 3, left: 48, asked: [["softwareInterrupt", 0x80]] });
    expect(entriesOf(text.entries)).toEqual([0, 3]);
    host.answer = (name) => (name === "interruptReturn" ? 0 : 1);
    expect(host.run(Uint8Array.of(INC_EAX, 0xcf), 50)).toMatchObject({ code: 0, left: 48 });
  });

  it("of the time counts what is not done", () => {
    const host = new Host();
    Object.assign(host.cpu, { isTimed: 1, spentLow: 1000, spentHigh: 7 });
    host.run(Uint8Array.of(INC_ECX, 0x0f, 0x31, INC_ECX), 50);
    expect([host.cpu.eax, host.cpu.edx, host.cpu.ecx]).toEqual([1000 - 49, 7, 2]);
    Object.assign(host.cpu, { isTimed: 0, eax: 5 });
    host.answer = (name, args) => (name === "timestamp" ? 1 : stepsOn(host)(name, args));
    expect(host.run(Uint8Array.of(INC_ECX, 0x0f, 0x31, INC_ECX), 50).asked.map(([name]) => name)).toEqual(["timestamp", "step"]);
    expect(host.cpu.eax).toBe(5);
  });
});

describe("REP in the midst of a block", () => {
  const rep = Uint8Array.of(INC_EAX, 0xf3, 0xa5, INC_EDX, INC_EDX);
  const stretches = (host: Host, count: number): void => { host.answer = () => Number(--count > 0); };

  it("charges each stretch", () => {
    const host = new Host();
    stretches(host, 6);
    expect(host.run(rep, 50)).toMatchObject({ code: 0, eip: AT + 5, left: 50 - 4 - 5 });
    expect(host.cpu.edx).toBe(2);
  });

  it("leaves between stretches where the budget does not do", () => {
    const host = new Host();
    stretches(host, 100);
    const { text, ...ran } = host.run(rep, 20);
    expect(ran).toMatchObject({ code: 0, eip: AT + 1 });
    expect(ran.left).toBe(20 - 1 - ran.asked.length);
    expect(ran.left).toBeGreaterThanOrEqual(0);
    expect(text.length).toBe(4);
    expect(host.cpu.edx).toBe(0);
  });
});

describe("STI", () => {
  const answering = (enabled: number, code: readonly number[], options: { starts?: readonly number[]; entry?: number } = {}): { ran: ReturnType<Host["run"]>; host: Host } => {
    const host = new Host();
    host.answer = (name, args) => {
      if (name === "enableInterrupts") {
        host.cpu.shadow = Number(enabled !== 1);
        return enabled;
      }
      return stepsOn(host)(name, args);
    };
    host.cpu.esp = 0x7000;
    return { ran: host.run(Uint8Array.from(code), 50, options), host };
  };
  const asked = ({ ran }: ReturnType<typeof answering>): string[] => ran.asked.map(([name]) => name);

  it("takes its shadow along", () => {
    const { ran, host } = answering(0, [STI, INC_EAX, INC_EDX]);
    expect(ran).toMatchObject({ code: 0, eip: AT + 3, left: 47 });
    expect([host.cpu.eax, host.cpu.edx, host.cpu.shadow]).toEqual([1, 1, 0]);
  });

  it("leaves behind its shadow where an interrupt waits", () => {
    const { ran, host } = answering(2, [STI, INC_EAX, INC_EDX]);
    expect(ran).toMatchObject({ code: CHANGED, eip: AT + 2, left: 48 });
    expect([host.cpu.eax, host.cpu.edx, host.cpu.shadow]).toEqual([1, 0, 0]);
  });

  it("leaves before it, in the shadow, where that goes elsewhere", () => {
    for (const shadowed of [[JMP, 0], [JZ, 0], [0xe8, ...dword(0)], [RET], [0xff, 0xe0]]) {
      const { ran, host } = answering(2, [STI, ...shadowed, INC_EDX]);
      expect(ran).toMatchObject({ code: CHANGED, eip: AT + 1, left: 49 });
      expect([host.cpu.edx, host.cpu.shadow]).toEqual([0, 1]);
    }
  });

  it("goes where a shadowed transfer leads", () => {
    expect(answering(0, [STI, JMP, 1, INC_EAX, INC_EDX]).ran).toMatchObject({ code: 0, eip: AT + 5, left: 47 });
    const { ran, host } = answering(0, [STI, 0xff, 0xe0, INC_EDX]); // jmp eax
    expect(ran).toMatchObject({ code: 0, eip: 0, left: 48 });
    expect(host.cpu.shadow).toBe(0);
  });

  it("that faults is the interpreter's", () => { expect(asked(answering(1, [STI, INC_EAX]))).toEqual(["enableInterrupts", "step"]); });

  it.each<[string, number[]]>([
    ["HLT", [HLT]], ["a segment load", [0x8e, 0xc0]], ["a port", [0xe4, 0x60]], ["RDTSC", [0x0f, 0x31]], ["another STI", [STI]], ["REP", [0xf3, 0xa5]], ["IRET", [0xcf]], ["CR3", [0x0f, 0x22, 0xd8]],
  ])("with %s in its shadow lets the interpreter execute that", (_name, shadowed) => {
    const result = answering(0, [STI, ...shadowed, INC_EDX]);
    expect(asked(result)).toEqual(["enableInterrupts", "step"]);
    expect(result.ran).toMatchObject({ code: 0, eip: AT + shadowed.length + 2, left: 47 });
    expect(result.ran.text.sites[result.ran.asked[1]![1]!]).toMatchObject({ eip: AT + 1, next: AT + 1 + shadowed.length });
    expect(result.host.cpu.edx).toBe(1);
  });

  it("at the end of all is the interpreter's", () => { expect(asked(answering(0, [INC_EAX, STI]))).toEqual(["step"]); });

  it("takes its shadow along where that begins a block, too", () => {
    const code = [STI, INC_EAX, INC_EDX, DEC_ECX, JNZ, 256 - 5], result = answering(0, code);
    expect(asked(result)).toEqual(["enableInterrupts"]);
    expect(result.ran.text.length).toBe(6); // the one in the shadow stands in it twice
    expect(result.host.cpu.ecx).toBeLessThan(-5);
    expect(result.ran.left).toBeGreaterThanOrEqual(0);
    expect(result.host.cpu.eax).toBe(result.host.cpu.edx);
  });
});

describe("a budget of an entry", () => {
  it("that is as long as the code never becomes negative", () => {
    const host = new Host(), body = code((a) => { a.label("top").bytes(STI).label("in").bytes(INC_EAX, 0xf3, 0xa5).short([JZ], "in").bytes(INC_EDX).short([JMP], "top"); });
    let asks = 0;
    host.answer = (name) => (name === "repeatMovs" ? Number(asks++ % 3 !== 0) : 0);
    const text = host.text(host.instructions(body)), run = host.load(text);
    for (let left = text.length; left < text.length + 40; left++) expect(run(AT, left).left).toBeGreaterThanOrEqual(0);
    expect(host.cpu.words[SLOT.left]).toBeLessThan(text.length);
  });
});
