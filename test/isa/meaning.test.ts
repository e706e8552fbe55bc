/** Every form that the decoder can produce has a meaning that is well formed, and that the runtime knows all functions of. */
import { describe, expect, test } from "vitest";
import { Fpu } from "../../runtime/fpu/fpu.ts";
import { runtimeFunctions } from "../../runtime/functions.ts";
import { linearMemory } from "../../runtime/linear-memory.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import { CpuState } from "../../runtime/state.ts";
import { runtimeFunctions as namedFunctions } from "../../translator/emit/handler.ts";
import { instantiate } from "../../translator/ir/instantiate.ts";
import type { Meaning } from "../../translator/ir/opcodes.ts";
import { verifyMeaning } from "../../translator/ir/verify.ts";
import { ROWS } from "../../translator/isa/index.ts";
import { isImplemented, meaningOf } from "../../translator/semantics/index.ts";
import { forms, MODES, type Specimen } from "./forms.ts";

const specimens: Record<string, Specimen[]> = {};
const inMode = (name: keyof typeof MODES): Specimen[] => (specimens[name] ??= forms(MODES[name]));

/** What is wrong with a specimen, or nothing. */
function flaw({ form, fields }: Specimen): string[] {
  try {
    const meaning = meaningOf(form);
    verifyMeaning(meaning, false);
    verifyMeaning(instantiate(meaning, fields), true);
    return [];
  } catch (error) {
    return [`${form.key}: ${(error as Error).message}`];
  }
}

describe("IR", () => {
  test.each(["flat", "bounded", "real"] as const)("of every form is well formed: %s", (name) => {
    const all = inMode(name);
    console.log(`${name}: ${all.length} forms`);
    expect(all.length).toBeGreaterThan(5000);
    expect(all.flatMap(flaw).slice(0, 3)).toEqual([]);
  });
});

describe("rows", () => {
  const implemented = ROWS.filter((row) => isImplemented(row.semantics));

  test("the share that has semantics", () => {
    const missing = ROWS.filter((row) => !implemented.includes(row)).map((row) => row.semantics);
    console.log(`${implemented.length} of ${ROWS.length} rows have semantics${missing.length === 0 ? "" : `; not ${[...new Set(missing)].join(", ")}`}`);
    expect(implemented.length / ROWS.length).toBeGreaterThan(0.95);
  });

  /** UD is meant to be undefined, by name. */
  const isEmpty = ({ nodes }: Meaning): boolean => nodes.length === 1 && nodes[0]!.name === "undefinedOpcode";

  test("one that is listed as implemented has a meaning", () => {
    const meaningful = new Set(inMode("flat").filter(({ form }) => !isEmpty(meaningOf(form))).map(({ form }) => form.semantics));
    expect(implemented.filter(({ semantics }) => !meaningful.has(semantics) && !semantics.startsWith("ud")).map((row) => `${row.mnemonic} ${row.codes.join(" ")}`)).toEqual([]);
  });

  test("the runtime has every function that a meaning names", () => {
    const cpu = new CpuState(), memory = new GuestMemory(1 << 20, cpu);
    const monitor = { cpu, memory: linearMemory(memory), ports: { read: () => 0, write: () => {} }, now: () => 0 };
    const find = runtimeFunctions(monitor, memory, new Fpu(cpu), { interrupted: false, requested: () => false });
    const names = new Set(inMode("flat").concat(inMode("bounded")).flatMap(({ form }) => namedFunctions(meaningOf(form))));
    const missing = [...names].filter((name) => {
      try {
        return typeof find(name) !== "function";
      } catch {
        return true;
      }
    });
    expect(names.size).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });
});
