/** x87: each instruction is one runtime function; the operands are register numbers or a linear address. */
import { sharedForm } from "../../runtime/abi.ts";
import { EAX, type SemanticFunction } from "./context.ts";

/** Bytes of the images with operand size 2 and 4 (SDM volume 1, 8.1.10; volume 2, FXSAVE), for their segment checks. */
const IMAGES: Readonly<Record<string, { readonly 2: number; readonly 4: number }>> = {
  fnstenv: { 2: 14, 4: 28 }, fldenv: { 2: 14, 4: 28 }, fnsave: { 2: 94, 4: 108 }, frstor: { 2: 94, 4: 108 },
  fxsave: { 2: 512, 4: 512 }, fxrstor: { 2: 512, 4: 512 },
};

const WRITES = new Set(["fst", "fstp", "fist", "fistp", "fbstp", "fnstcw", "fnstsw", "fnstenv", "fnsave", "fxsave"]);

/**
 * Any x87 instruction. The runtime finds the function by mnemonic and memory size ("x87_fild_4", "x87_fxch" without memory); where several share
 * one ("x87_fsum_4"), it is told which in place of the operand size, which they do not ask for.
 */
export const x87: SemanticFunction = (s) => {
  const { ir, form } = s;
  if (form.mnemonic === "fnstsw" && !s.isMemory(0)) {
    ir.guard("requireX87");
    s.setReg(EAX, 2, ir.slot("fpuStatus"));
    return;
  }
  const memory = form.operands.findIndex((shape) => shape.kind === "mem");
  const shape = form.operands[memory];
  const inMemory = shape?.kind === "mem";
  const size = IMAGES[form.mnemonic]?.[form.operandSize] ?? (inMemory ? shape.size : 0);
  const linear = inMemory ? s.linear(memory, size, WRITES.has(form.mnemonic)) : s.const(0);
  const stack = form.operands.flatMap((operand, k) => (operand.kind === "number" ? [s.read(k)] : []));
  const implied = stack.length === 0 && form.mnemonic.endsWith("p") ? s.const(1) : s.const(0);
  const dataOffset = inMemory ? s.address(memory) : s.const(0), dataSelector = inMemory ? ir.slot(`selector${shape.segment}`) : s.const(0);
  const shared = sharedForm(form.mnemonic, inMemory ? shape.size : 0), name = shared?.name ?? form.mnemonic;
  void ir.call(
    inMemory ? `x87_${name}_${shape.size}` : `x87_${name}`,
    stack[0] ?? implied, stack[1] ?? s.const(0), linear, s.const(shared?.variant ?? form.operandSize), ir.node("thisEip"), ir.field("m"), dataOffset, dataSelector,
  );
};
