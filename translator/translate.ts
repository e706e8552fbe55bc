/** The translator's entry point: all that the runtime and the tools import of it. */
export { decode } from "./decode/decoder.ts";
export { format } from "./decode/format.ts";
export { CS, DS, ES, FS, GS, LDTR, SS, TR } from "./decode/instruction.ts";
export { formOf, x87Opcode } from "./form.ts";
export type { Fields, Form, Mode } from "./form.ts";
export { handlerText } from "./emit/handler.ts";
export type { HandlerText } from "./emit/handler.ts";
export type { Instruction } from "./decode/instruction.ts";
export type { InstructionClass, Row } from "./isa/row.ts";
export { discover } from "./region/discover.ts";
export type { Block, RegionBlocks } from "./region/block.ts";
export type { CodeView, RegionLimits } from "./region/discover.ts";
export { regionText } from "./emit/region.ts";
export type { CountedBlock, CountedInstruction, RegionOptions, RegionText, Site } from "./emit/region.ts";
export { checkCode, CodeRefused } from "./emit/check.ts";
export { explain, explainAll } from "./explain.ts";
export type { CodeBytes, Explanation, ExplainOptions } from "./explain.ts";
