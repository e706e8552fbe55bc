/** Instructions as text: what a listing shows, and the same words as iced-x86's Intel formatter wherever the styles agree. */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax, MemorySizeOptions } from "iced-x86";
import { describe, expect, test } from "vitest";
import { decode } from "../../translator/decode/decoder.ts";
import { format, formatBytes } from "../../translator/decode/format.ts";
import type { Instruction } from "../../translator/decode/instruction.ts";
import { SLOT } from "./iced.ts";
import { Random } from "./random.ts";

function text(hex: string, bits: 16 | 32 = 32): string {
  const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
  const instruction = decode(bytes, 0, bytes.length, { bits });
  return "failure" in instruction ? instruction.failure : format(instruction, 0x1000);
}

describe("format", () => {
  test.each([
    ["01 44 b3 10", "add dword ptr [ebx+esi*4+0x10], eax"], ["8b 45 f8", "mov eax, dword ptr [ebp-8]"], ["8b 04 24", "mov eax, dword ptr [esp]"],
    ["8b 35 78 56 34 12", "mov esi, dword ptr [0x12345678]"], ["3e 8b 45 00", "mov eax, dword ptr ds:[ebp]"], ["64 a1 00 00 00 00", "mov eax, dword ptr fs:[0]"],
    ["8b 04 f5 00 10 00 c0", "mov eax, dword ptr [esi*8-0x3ffff000]"], ["67 8a 40 ff", "mov al, byte ptr [bx+si-1]"],
    ["83 e4 f0", "and esp, -0x10"], ["b8 ff ff ff ff", "mov eax, -1"], ["81 c3 00 00 00 80", "add ebx, 0x80000000"], ["c6 07 80", "mov byte ptr [edi], 0x80"],
    ["74 fe", "je 0x1000"], ["0f 8f 00 01 00 00", "jg 0x1106"], ["66 e9 fc ef", "jmp 0"], ["e8 fb ff ff ff", "call 0x1000"], ["e3 00", "jecxz 0x1002"],
    ["ff 25 00 20 00 00", "jmp dword ptr [0x2000]"], ["ff 2d 00 20 00 00", "jmp far fword ptr [0x2000]"], ["66 ff 1e", "call far dword ptr [esi]"],
    ["ea 00 00 01 00 08 00", "jmp far 8:0x10000"], ["cb", "retf"], ["c2 08 00", "ret 8"], ["cf", "iretd"], ["66 cf", "iret"], ["cd 80", "int 0x80"], ["cc", "int3"],
    ["f3 a5", "rep movsd es:[edi], ds:[esi]"], ["f3 26 a4", "rep movsb es:[edi], es:[esi]"], ["f2 ae", "repne scasb es:[edi]"], ["f3 66 a7", "repe cmpsw ds:[esi], es:[edi]"],
    ["67 ac", "lodsb ds:[si]"], ["6d", "insd es:[edi], dx"], ["f3 6e", "rep outsb dx, ds:[esi]"], ["2e d7", "xlat cs:[ebx+al]"], ["67 d7", "xlat ds:[bx+al]"],
    ["f0 0f c7 0e", "lock cmpxchg8b qword ptr [esi]"], ["f0 ff 00", "lock inc dword ptr [eax]"], ["98", "cwde"], ["66 98", "cbw"], ["99", "cdq"], ["60", "pushad"],
    ["d1 e0", "shl eax, 1"], ["d3 f8", "sar eax, cl"], ["c1 c8 0a", "ror eax, 0xa"], ["0f a4 c2 05", "shld edx, eax, 5"], ["0f ac d0 1f", "shrd eax, edx, 0x1f"],
    ["8c d8", "mov eax, ds"], ["8e 5d 08", "mov ds, word ptr [ebp+8]"], ["8e d8", "mov ds, ax"], ["0f 22 d8", "mov cr3, eax"], ["0f 23 f8", "mov dr7, eax"],
    ["c4 06", "les eax, fword ptr [esi]"], ["0f b4 06", "lfs eax, fword ptr [esi]"], ["06", "push es"], ["0f a9", "pop gs"], ["9c", "pushfd"],
    ["e4 60", "in al, 0x60"], ["ed", "in eax, dx"], ["e6 80", "out 0x80, al"], ["66 ef", "out dx, ax"], ["0f 01 3e", "invlpg [esi]"], ["0f 01 1e", "lidt fword ptr [esi]"],
    ["0f 4c c1", "cmovl eax, ecx"], ["0f 95 c4", "setne ah"], ["0f b6 c9", "movzx ecx, cl"], ["0f bf 06", "movsx eax, word ptr [esi]"], ["0f c8", "bswap eax"],
    ["c8 10 00 01", "enter 0x10, 1"], ["8d 04 80", "lea eax, [eax+eax*4]"], ["8d 04 08", "lea eax, [eax+ecx]"], ["8d 04 0d 00 00 00 00", "lea eax, [ecx*1]"], ["62 06", "bound eax, qword ptr [esi]"], ["f3 90", "pause"], ["0f 1f 40 00", "nop dword ptr [eax]"],
    ["d9 06", "fld dword ptr [esi]"], ["dd 06", "fld qword ptr [esi]"], ["db 2e", "fld tbyte ptr [esi]"], ["dc c1", "fadd st(1), st(0)"], ["de e9", "fsubp st(1), st(0)"],
    ["d8 c1", "fadd st(0), st(1)"], ["dd d9", "fstp st(1)"], ["df e0", "fnstsw ax"], ["dd 36", "fnsave [esi]"], ["da e9", "fucompp"], ["df f1", "fcomip st(0), st(1)"],
  ])("%s is %s", (hex, expected) => { expect(text(hex)).toBe(expected); });

  test.each([
    ["89 46 fe", "mov word ptr [bp-2], ax"], ["8b 00", "mov ax, word ptr [bx+si]"], ["a1 fe ff", "mov ax, word ptr [0xfffe]"], ["8b 06 fe ff", "mov ax, word ptr [0xfffe]"],
    ["66 8b 00", "mov eax, dword ptr [bx+si]"], ["67 8b 00", "mov ax, word ptr [eax]"], ["eb fe", "jmp 0x1000"], ["e9 fd ff", "jmp 0x1000"], ["e9 00 f0", "jmp 3"],
    ["f3 a5", "rep movsw es:[di], ds:[si]"], ["cf", "iret"], ["ea f0 ff 00 f0", "jmp far 0xf000:0xfff0"], ["36 8b 07", "mov ax, word ptr ss:[bx]"], ["e3 fe", "jcxz 0x1000"],
  ])("in 16-bit code %s is %s", (hex, expected) => { expect(text(hex, 16)).toBe(expected); });

  test("bytes", () => { expect(formatBytes(Uint8Array.of(0x8b, 0x45, 0x08))).toBe("8b 45 08"); });
});

/** Written in our own way: x87 (iced names ST(0) throughout), string instructions, XLAT, direct far pointers, 16-bit sources and some names. */
function hasOwnStyle({ row }: Instruction): boolean {
  return row.rep !== "none" || /^f|^(wait|xlat|retf|nop|sal|ud[01])$/.test(row.mnemonic) || row.codes[0] === "Ap" || row.codes.includes("Ew");
}

/** We show the segment of LEA, which does not matter, and three operands of IMUL where two are the same register. */
function withoutIdle(ours: string): string {
  return ours.replace(/^(lea \w+, )\ws:/, "$1").replace(/^imul (\w+), \1,/, "imul $1,");
}

/** iced names prefixes that change nothing, and sizes of branches. */
function withoutPrefixes(iced: string): string {
  return iced.replace(/^(?:(?:data16|data32|addr16|addr32|bnd|notrack|hint-taken|hint-not-taken|xacquire|xrelease|rep|repe|repne|[c-gs]s) )+/, "")
    .replace(/^lock (?:xacquire |xrelease )/, "lock ").replace(/^(?:xacquire |xrelease )lock /, "lock ");
}

/** Small negative immediates are signed with us, unsigned with iced. */
function withUnsignedImmediate(ours: string, instruction: Instruction): string {
  const last = instruction.operands.at(-1);
  if (last?.kind !== "imm" || last.value >= 0) return ours;
  const value = last.size === 2 ? last.value & 0xffff : last.value >>> 0;
  return ours.replace(/-?(?:0x[0-9a-f]+|\d)$/, `0x${value.toString(16)}`);
}

function intelFormatter(): Formatter {
  const formatter = new Formatter(FormatterSyntax.Intel);
  formatter.hexPrefix = "0x";
  formatter.hexSuffix = "";
  formatter.uppercaseHex = false;
  formatter.spaceAfterOperandSeparator = true;
  formatter.memorySizeOptions = MemorySizeOptions.Always;
  formatter.branchLeadingZeros = false;
  formatter.showBranchSize = false;
  return formatter;
}

describe("format says what iced-x86 says", () => {
  test.each([16, 32] as const)("%i-bit code", (bits) => {
    const bytes = new Uint8Array(100_000 * SLOT), random = new Random(bits);
    random.fill(bytes);
    const decoder = new Decoder(bits, bytes, DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD | DecoderOptions.NoWbnoinvd), formatter = intelFormatter();
    const different = new Map<string, string>();
    let compared = 0;
    for (let at = 0; at < bytes.length; at += SLOT) {
      const instruction = decode(bytes, at, SLOT, { bits });
      if ("failure" in instruction || hasOwnStyle(instruction)) continue;
      decoder.position = at;
      decoder.ip = BigInt(at);
      const iced = decoder.decode(), theirs = withoutPrefixes(formatter.format(iced)), ours = withoutIdle(withUnsignedImmediate(format(instruction, at), instruction));
      iced.free();
      compared++;
      if (ours !== theirs) different.set(instruction.row.semantics, `${Buffer.from(bytes.subarray(at, at + SLOT)).toString("hex")}: iced ${theirs} | ours ${ours}`);
    }
    expect([...different.values()]).toEqual([]);
    expect(compared).toBeGreaterThan(60_000);
    decoder.free();
    formatter.free();
  });
});
