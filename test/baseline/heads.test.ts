/** Heads that wait for one another: what is made of them is what stands there when it is made. */
import { describe, expect, it } from "vitest";
import { type BaselinePiece, BaselineHeads, NOTHING_THERE, WAITS } from "../../runtime/baseline-heads.ts";
import type { CodeSpace } from "../../runtime/code-cache.ts";
import type { VcpuHost } from "../../runtime/exit.ts";
import { Execution } from "../../runtime/execution.ts";
import { HostMemory } from "../../runtime/host-memory.ts";
import type { Insn } from "../../runtime/insn.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import { RegionFunctions } from "../../runtime/region-function.ts";
import { resetState } from "../../runtime/reset.ts";
import type { RegionCalls } from "../../runtime/region.ts";
import { CR0_PE, CpuState, SLOT, STATE_BYTES } from "../../runtime/state.ts";
import { Assembler, dword } from "../hostile/assembler.ts";
import { chance, ECX, EDI, enter, escapeHere, ORIGIN } from "../hostile/shelter.ts";
import { differences, runTo, twins } from "../hostile/twins.ts";

const RAM_BYTES = 1 << 20, FLAT = 0xc00, RET = 0xc3, INC_EAX = 0x40, INC_EBX = 0x43, TOGETHER = 12, PAGE = 0x1000, AT = 0x10000;
const QUIET: VcpuHost = {
  nextEvent: () => Infinity, eventMoved: () => false, advance: () => {}, interruptRequested: () => false, acknowledgeInterrupt: () => 0, stopRequested: () => false,
  floatingPointError: () => true, floatingPointErrorCleared: () => {}, pauseRequested: () => false,
};
/** Nothing runs here. */
const NO_CALLS = {} as RegionCalls, NO_ROWS = { run: () => 0, follow: () => 0 };

class Place {
  readonly execution: Execution;
  readonly memory: GuestMemory;
  readonly space: CodeSpace;
  readonly heads: BaselineHeads;
  /** Heads that were let go, and for how many executions. */
  readonly released: Array<readonly [head: Insn, executions: number]> = [];

  constructor(lukewarm = 120) {
    const host = new HostMemory(RAM_BYTES), cpu = new CpuState(host.buffer, host.take(STATE_BYTES)), memory = this.memory = new GuestMemory(RAM_BYTES, cpu, host);
    const x = this.execution = new Execution({ cpu, memory, host: QUIET, ports: { read: () => 0, write: () => {} }, engine: "translate", rest: 1000 });
    resetState(cpu);
    Object.assign(cpu, { cr0: CR0_PE | cpu.cr0 & 0x10, cpl: 0, stackMask: -1 });
    for (let segment = 0; segment < 6; segment++) {
      for (const [slot, value] of [[SLOT.selector0, 8], [SLOT.base0, 0], [SLOT.limit0, -1],
        [SLOT.access0, FLAT | (segment === 1 ? 0x9b : 0x93)]] as const) cpu.words[slot + segment] = value;
    }
    memory.flushAll();
    this.space = x.currentSpace();
    const functions = new RegionFunctions(cpu, memory, x.functions, NO_CALLS, { check: undefined, measurement: undefined, sampled: false, isCompiled: true });
    this.heads = new BaselineHeads(memory, functions, { lukewarm, isPatchable: true, release: (head, executions) => { this.released.push([head, executions]); } });
    x.cache.evicted = (insn) => { this.heads.forget(insn); };
  }

  /** Writes code as a guest does. */
  write(linear: number, code: readonly number[]): void { for (const [k, byte] of code.entries()) this.memory.rings[0].store(linear + k, 1, byte); }

  /** Decodes so many instructions as the interpreter does that runs them; answers the first. */
  decode(linear: number, count: number): Insn {
    const { execution } = this;
    execution.cpu.eip = linear;
    const first = execution.lookup();
    let insn = first;
    for (let k = 1; k < count; k++) {
      insn = insn.n;
      execution.cpu.eip = linear + insn.o - first.o;
      insn = execution.lookup();
    }
    return first;
  }

  /** A function of so many INC EAX; answers its head. */
  put(linear: number, length: number, opcode = INC_EAX): Insn {
    this.write(linear, [...Array.from({ length }, () => opcode), RET]);
    return this.decode(linear, length + 1);
  }

  ask(linear: number, head = this.decode(linear, 1), isLeft = false): ReturnType<BaselineHeads["at"]> { return this.heads.at(head, linear, this.space, isLeft, NO_ROWS); }

  /** Asks for so many functions on pages of their own, which are large enough. */
  others(count: number, from = AT + 0x80000): ReturnType<BaselineHeads["at"]> {
    let answer: ReturnType<BaselineHeads["at"]>;
    for (let k = 0; k < count; k++) {
      this.put(from + k * PAGE, 70);
      answer = this.ask(from + k * PAGE);
    }
    return answer;
  }
}

const made = (answer: ReturnType<BaselineHeads["at"]>): readonly BaselinePiece[] => {
  if (answer === undefined || typeof answer === "string") throw new Error(`${answer}`);
  return answer;
};
const heads = (answer: ReturnType<BaselineHeads["at"]>): number[] => made(answer).map(({ linear }) => linear);

describe("heads of baseline code", () => {
  it("wait for one another, and are functions of one module", () => {
    const place = new Place(), others = place.others(TOGETHER - 1);
    expect(others).toBe(WAITS);
    place.put(AT, 70);
    const pieces = made(place.ask(AT));
    expect(pieces.map(({ linear }) => linear)).toEqual([...Array.from({ length: TOGETHER - 1 }, (_, k) => AT + 0x80000 + k * PAGE), AT]);
    expect(new Set(pieces.map(({ run }) => run)).size).toBe(TOGETHER);
    expect(pieces.every(({ instructions }) => instructions.length === 71)).toBe(true);
    expect(place.released.length).toBe(TOGETHER - 1);
    expect(place.released.every(([, executions]) => executions === 60)).toBe(true);
    expect(place.others(1)).toBe(WAITS); // the next twelve
  });

  it("are made with those that wait when one of them is asked for again", () => {
    const place = new Place();
    place.others(3);
    expect(heads(place.ask(AT + 0x80000 + PAGE))).toEqual([AT + 0x80000, AT + 0x80000 + PAGE, AT + 0x80000 + 2 * PAGE]);
  });

  it("are made at once where they are wanted at once", () => {
    const place = new Place(1);
    expect(place.others(1, AT)).toMatchObject([{ linear: AT }]);
    place.put(AT + PAGE, 2);
    expect(heads(place.ask(AT + PAGE))).toEqual([AT + PAGE]);
  });

  it("of few instructions wait for more executions, once, those of loops by the square", () => {
    const place = new Place(), few = place.put(AT, 9);
    expect(place.ask(AT, few)).toBe(WAITS);
    expect(place.released).toEqual([[few, 600]]); // 120 × 60 / 10, less 120
    expect(few.hasWaited).toBe(true);
    place.others(TOGETHER - 1);
    expect(heads(place.ask(AT, few))).toContain(AT);
    const loop = AT + PAGE;
    place.write(loop, [...Array.from({ length: 8 }, () => INC_EAX), 0x75, 0xf6]); // jnz loop
    const head = place.decode(loop, 9);
    expect(place.ask(loop, head)).toBe(WAITS);
    expect(place.released.at(-1)).toEqual([head, 120 * (63 / 9) ** 2 - 120]);
    const left = place.put(AT + 2 * PAGE, 3);
    expect(place.ask(AT + 2 * PAGE, left, true)).toBe(WAITS);
    expect(left.hasWaited).toBe(false); // a region was left to it: it waits for the others alone
  });

  it("are nothing where nothing was executed", () => {
    const place = new Place(), head = place.put(AT, 70);
    place.write(AT, [INC_EBX]);
    expect(place.ask(AT, head)).toBe(NOTHING_THERE);
    expect(place.heads.at(head, AT + 5 * PAGE, place.space, false, NO_ROWS)).toBe(NOTHING_THERE);
  });

  it("are not made twice where one can be entered in another's piece", () => {
    const place = new Place(), head = place.put(AT, 70);
    place.write(AT + 71, [...Array.from({ length: 69 }, () => INC_EAX), 0xe8, ...dword(-74 - 71), ...Array.from({ length: 70 }, () => INC_EAX), RET]); // call AT, from AT + 140
    place.decode(AT + 71, 70 + 71);
    const behind = place.decode(AT + 145, 1);
    expect([place.ask(AT + 71), place.ask(AT, head), place.ask(AT + 145, behind)]).toEqual([WAITS, WAITS, WAITS]);
    const pieces = made(place.ask(AT + 145, behind));
    expect(pieces.map(({ linear }) => linear)).toEqual([AT + 71, AT]);
    expect([...pieces[0]!.text.entries.keys()]).toContain(AT + 145);
  });
});

describe("heads that wait", () => {
  const waiting = (): { place: Place; head: Insn } => {
    const place = new Place(), head = place.put(AT, 70);
    expect(place.ask(AT, head)).toBe(WAITS);
    return { place, head };
  };
  const all = (place: Place): number[] => heads(place.others(TOGETHER - 1));

  it("are made of what stands there then", () => {
    const { place } = waiting();
    place.put(AT, 70, INC_EBX);
    const [first] = made(place.others(TOGETHER - 1));
    expect([first!.linear, first!.instructions.length, first!.instructions[0]!.form!.semantics]).toEqual([AT, 71, "inc"]);
    expect(new Set(first!.instructions.slice(0, 70).map(({ fields }) => fields.d))).toEqual(new Set([place.decode(AT, 1).d]));
  });

  it("are not made where their bytes were overwritten and not executed since", () => {
    const { place } = waiting();
    place.write(AT, [INC_EBX]);
    expect(all(place)).not.toContain(AT);
  });

  it("are made up to what was overwritten", () => {
    const { place } = waiting();
    place.write(AT + 20, [INC_EBX]);
    const [first] = made(place.others(TOGETHER - 1));
    expect([first!.linear, first!.instructions.length]).toEqual([AT, 20]);
  });

  it("are not made where their page was forgotten, nor taken for what their objects become", () => {
    const { place, head } = waiting(), { cache } = place.execution;
    cache.evict();
    expect(place.space.pages[AT >>> 12]).toBeDefined(); // it was used
    cache.evict();
    expect(place.space.pages[AT >>> 12]).toBeUndefined();
    const other = AT + 8 * PAGE, insn = place.put(other, 200);
    expect(place.space.pages[other >>> 12]!.insns).toContain(head); // made of old ones
    expect(place.ask(other, insn)).toBe(WAITS);
    const again = place.space.pages[other >>> 12]!.insns.find((one) => one === head)!;
    expect(place.ask(other + again.o, again)).toBe(WAITS); // and not made at once, as one that waits would be
    expect(heads(place.others(TOGETHER - 2))).not.toContain(AT);
  });

  it("are not made where all code was forgotten, as behind a snapshot, and another page stands in its place", () => {
    const { place } = waiting();
    place.execution.cache.clear();
    place.memory.writePhysical(AT, Uint8Array.of(INC_EBX, RET));
    expect(all(place)).not.toContain(AT);
    const other = waiting();
    other.place.execution.cache.clear();
    other.place.put(AT, 3, INC_EBX);
    expect(all(other.place)).not.toContain(AT);
  });

  it("are not made where their page rests", () => {
    const { place } = waiting(), { cache } = place.execution, range = { ranges: [[AT + 0x800, AT + 0x801] as const], index: 5, drop: () => {} };
    for (let k = 0; k < 3; k++) {
      cache.addRange(range);
      place.write(AT + 0x800, [1]);
    }
    expect(place.space.pages[AT >>> 12]!.isResting).toBe(true);
    expect(all(place)).not.toContain(AT);
  });

  it("are not made where a region begins there by now", () => {
    const { place, head } = waiting();
    head.r = {};
    expect(all(place)).not.toContain(AT);
  });

  it("are left out where they are forgotten", () => {
    const { place, head } = waiting();
    place.heads.forget(head);
    expect(place.others(TOGETHER - 1)).toBe(WAITS);
  });
});

describe("guests whose heads wait", () => {
  const AREA = 0x180000, FUNCTIONS = 24, DISTANCE = 0x100;
  /** Functions of ten instructions, of which each turn calls some a few times; now and then one is written anew, with another operation. */
  const guest = (a: Assembler): void => {
    // At EDI: inc eax; inc edx; nop; nop; inc edx; rol edx, 1; ret
    a.set(EDI, AREA).set(ECX, FUNCTIONS).label("write")
      .bytes(0xc7, 0x07, ...dword(0x90904240), 0xc7, 0x47, 4, ...dword(0xc3c2d142), 0x81, 0xc7, ...dword(DISTANCE)).short([0xe2], "write");
    escapeHere(a).label("again");
    chance(a).with32([0xb9], FUNCTIONS)
      .bytes(0x31, 0xd2, 0xf7, 0xf1, 0xc1, 0xe2, 8).with32([0x8d, 0x9a], AREA); // mov ecx, n; xor edx, edx; div ecx; shl edx, 8; lea ebx, [edx + AREA]
    a.bytes(0x89, 0xc6, 0x83, 0xe6, 7, 0x46).label("call").bytes(0xff, 0xd3, 0x4e).short([0x75], "call"); // mov esi, eax; and esi, 7; inc esi; call ebx; dec esi
    chance(a).bytes(0xa8, 7).short([0x75], "again").bytes(0x80, 0x73, 1, 8).jump("again"); // xor byte [ebx + 1], 8
  };

  it.each([3, 20, 60])("whose pages are rewritten and forgotten, and that are put back: after %i executions", (hotThreshold) => {
    const a = new Assembler(ORIGIN);
    guest(a);
    const pair = twins({ memory: 4 << 20, hotThreshold, promotion: 1e9, rest: 0, keep: { instructions: 60, regions: 4, share: 0 } });
    const machines = [pair.translated, pair.interpreted];
    for (const machine of machines) enter(machine, a.finish());
    for (let turn = 1; turn <= 8; turn++) {
      const states = machines.map((machine) => machine.save());
      for (const wanted of [6000 * turn, 6000 * turn + 777]) {
        for (const machine of machines) runTo(machine, wanted);
        expect(differences(pair)).toEqual([]);
      }
      if (turn % 2 === 0) continue;
      for (const [k, machine] of machines.entries()) machine.restore(states[k]!);
      expect(differences(pair)).toEqual([]);
    }
    expect((pair.translated.vcpu.stats as { readonly translated: number }).translated).toBeGreaterThan(0);
  });
});
