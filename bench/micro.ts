/**
 * What one instruction costs on its way: decoding, building a handler, translating a region, and what V8 takes to compile that.
 *
 *     node bench/micro.ts
 */
import Benchmark from "benchmark";
import { decode, discover, formOf, handlerText, regionText, type CodeView, type Fields, type Form, type Instruction, type Mode } from "../translator/translate.ts";
import { formatTable } from "./table.ts";

const MODE: Mode = { bits: 32, flat: true, user: false };
const BASE = 0x1000;
/** A checksum loop as gcc writes it: loads, arithmetic, a compare, a backward branch. */
const CODE = Uint8Array.from([
  0x31, 0xc0, // xor eax, eax
  0x8b, 0x14, 0x8e, // mov edx, [esi + ecx*4]
  0x89, 0xd3, // mov ebx, edx
  0xc1, 0xeb, 0x07, // shr ebx, 7
  0x31, 0xda, // xor edx, ebx
  0x01, 0xd0, // add eax, edx
  0x89, 0x04, 0x8f, // mov [edi + ecx*4], eax
  0x83, 0xc1, 0x01, // add ecx, 1
  0x39, 0xe9, // cmp ecx, ebp
  0x75, 0xea, // jne -22: the load
  0xc3, // ret
  ...new Uint8Array(16),
]);

function decodeAt(offset: number): Instruction {
  const decoded = decode(CODE, offset, CODE.length - offset, MODE);
  if ("failure" in decoded) throw new Error(`no instruction at ${offset}`);
  return decoded;
}

function emptyFields(): Fields {
  return { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 };
}

/** Offsets of all instructions up to the RET. */
const offsets: number[] = [];
for (let at = 0; ; at += decodeAt(at).length) {
  offsets.push(at);
  if (decodeAt(at).row.mnemonic === "ret") break;
}

const forms: Form[] = offsets.map((offset) => formOf(decodeAt(offset), MODE, emptyFields()));

const view: CodeView = {
  executed(address) {
    const offset = address - BASE;
    if (!offsets.includes(offset)) return undefined;
    const instruction = decodeAt(offset), fields = emptyFields();
    return { instruction, form: formOf(instruction, MODE, fields), fields };
  },
};

function translate(): string {
  const blocks = discover(BASE, view, { instructions: 200, depth: 3 });
  if (blocks === undefined) throw new Error("nothing to translate");
  return regionText(blocks).print();
}

const region = translate();
let fresh = 0;

const suite = new Benchmark.Suite()
  .add("decode", () => { for (const offset of offsets) decodeAt(offset); })
  .add("decode and form", () => { for (const offset of offsets) formOf(decodeAt(offset), MODE, emptyFields()); })
  .add("handler text", () => { for (const form of forms) handlerText(form, false, false); })
  .add("region text", () => { translate(); })
  // A comment keeps V8 from finding the source in its cache; functions inside are parsed when they are first called.
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- what is measured
  .add("compile region", () => { new Function(`/* ${fresh++} */ return ${region};`); });

const rows: string[][] = [];
suite.on("cycle", (event: Benchmark.Event) => {
  const { name, hz, stats } = event.target;
  rows.push([String(name), (1e6 / hz! / offsets.length).toFixed(2), `± ${stats!.rme.toFixed(1)} %`, String(stats!.sample.length)]);
});
suite.on("complete", () => {
  process.stdout.write(`${offsets.length} instructions, region of ${region.length} characters\n\n${formatTable(["step", "µs per instruction", "error", "samples"], rows)}\n`);
});
suite.run();
