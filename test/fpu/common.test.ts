/** The x87 instructions' common case, which the engines take first, against the host processor. */
import { afterAll, describe, expect, it } from "vitest";
import { buildNativeX87, CASE_BYTES } from "../oracle/x87/native.ts";
import { x87Shortcuts } from "../../runtime/fpu/common.ts";
import { x87Handler } from "../../runtime/fpu/execute.ts";
import { sharedForm, type SharedForm } from "../../runtime/fpu/forms.ts";
import { Fpu } from "../../runtime/fpu/fpu.ts";
import type { RuntimeFunction } from "../../runtime/functions.ts";
import { operandMemory } from "../../runtime/linear-memory.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import { resetState } from "../../runtime/reset.ts";
import { CpuState } from "../../runtime/state.ts";
import { compareCases, makeCases, type CaseHost, type Difference } from "./compare.ts";
import { EXACT_FORMS, type Form } from "./forms.ts";

const CASES = Number(process.env["CALQUE_X87_CASES"] ?? 2000);
const SEED = Number(process.env["CALQUE_X87_SEED"] ?? 1);
const CONTROL = 0, STATUS = 4, TAGS = 8, REGISTERS = 28;
const TOP = 0x3800;
/** Nearest at 64 bits mostly; chop as C's conversions have it, the other directions, the other precisions. */
const CONTROLS = [0xf7f, 0x37f, 0x37f, 0x37f, 0x27f, 0x07f, 0x77f, 0xb7f];

const native = buildNativeX87();
afterAll(() => native?.close());

/** Memory as the engines see it, not paged. */
class EngineHost implements CaseHost {
  readonly cpu = new CpuState();
  readonly fpu = new Fpu(this.cpu);
  readonly #memory = new GuestMemory(1 << 16, this.cpu);
  readonly memory = { ...operandMemory(this.#memory), bytes: this.#memory.ram };
  readonly #shortcuts = x87Shortcuts(this.cpu.words, this.#memory);
  x87Offset = 0;
  x87Opcode = 0;
  x87DataOffset = 0;
  x87DataSelector = 0;
  short = 0;

  constructor() {
    resetState(this.cpu);
    this.cpu.cr0 = 0x21; // PE, NE
    for (let page = 0; page < 1 << 16; page += 0x1000) this.memory.write8(page, this.memory.read8(page));
  }

  has(form: Form): boolean { return this.#shortcuts.has(nameOf(form)); }

  perform(form: Form, linear: number): void {
    this.short++;
    const operation = x87Handler(form.mnemonic, form.memorySize)!, variant = sharedFormOf(form)?.variant;
    const generals: RuntimeFunction[] = [];
    generals[variant ?? 0] = (a, b, address, size) => {
      this.short--;
      operation(this, a!, b!, address!, size!);
    };
    this.#shortcuts.get(nameOf(form))!(generals)(form.a, form.b, linear, variant ?? form.operandSize, 0, 0, 0, 0);
  }
}

const sharedFormOf = ({ mnemonic, memorySize }: Form): SharedForm | undefined => sharedForm(mnemonic, Math.max(memorySize, 0));

function nameOf(form: Form): string {
  const name = sharedFormOf(form)?.name ?? form.mnemonic;
  return form.memorySize < 0 ? name : `${name}_${form.memorySize}`;
}

/** Half of the cases as they come; half with exceptions masked, nothing pending, all registers in use but the one that a load needs, numbers of near size. */
function casesFor(form: Form, seed: number): Uint8Array {
  const cases = makeCases(form, CASES, seed), view = new DataView(cases.buffer);
  for (let at = 0; at < cases.length; at += 2 * CASE_BYTES) {
    const top = view.getUint16(at + STATUS, true) & TOP, word = view.getInt32(at + REGISTERS, true);
    view.setUint16(at + CONTROL, CONTROLS[word & 7]!, true);
    view.setUint16(at + STATUS, top, true);
    view.setUint16(at + TAGS, /^fi?ld/.test(form.mnemonic) ? 3 << (2 * (((top >>> 11) - 1) & 7)) : 0, true);
    for (let i = 0; i < 8 && (word & 0x30) !== 0; i++) {
      const register = at + REGISTERS + 10 * i, random = view.getInt32(register, true) ^ Math.imul(word, i + 1);
      view.setUint8(register + 7, view.getUint8(register + 7) | 0x80);
      view.setUint16(register + 8, (random & 0x8000) | (0x3fc0 + (random >>> 16 & 0x7f)), true);
    }
  }
  return cases;
}

const host = new EngineHost(), forms = EXACT_FORMS.filter((form) => host.has(form));
const byMnemonic = Object.entries(Object.groupBy(forms, (form) => form.mnemonic)) as [string, Form[]][];

describe.skipIf(native === undefined)("the common case against the host processor, to the bit", () => {
  it.each(byMnemonic)("%s", (_, same) => {
    host.short = 0;
    for (const form of same) {
      const found: Difference[] = compareCases(native!, form, casesFor(form, SEED + form.code.reduce((hash, byte) => hash * 257 + byte, 0)), host);
      expect(found.slice(0, 1), JSON.stringify(form.code)).toEqual([]);
    }
    expect(host.short).toBeGreaterThan(same.length * CASES * 0.01);
  });

  it("covers every shortcut", () => {
    const names = new Set(forms.map(nameOf)), all = [...x87Shortcuts(host.cpu.words, new GuestMemory(4096, host.cpu)).keys()];
    expect(all.filter((name) => !names.has(name))).toEqual([]);
  });
});
