/** Guest code as a listing: address, bytes, instruction. */
import { decode, format } from "../translator/translate.ts";

export interface ListingLine {
  readonly address: number;
  readonly bytes: Uint8Array;
  /** The instruction in Intel syntax, or what is wrong with the bytes. */
  readonly text: string;
}

const LONGEST = 15, BYTES_SHOWN = 8, ZERO_RUN = 8;

function lineAt(bytes: Uint8Array, offset: number, address: number, bits: 16 | 32): ListingLine | undefined {
  const available = Math.min(LONGEST, bytes.length - offset);
  const instruction = decode(bytes, offset, available, { bits });
  if (!("failure" in instruction)) return { address, bytes: bytes.subarray(offset, offset + instruction.length), text: format(instruction, address) };
  switch (instruction.failure) {
    case "truncated": return undefined;
    case "too-long": return { address, bytes: bytes.subarray(offset, offset + LONGEST), text: "(longer than 15 bytes)" };
    case "invalid": {
      const length = Math.max(1, Math.min(instruction.length, available));
      return { address, bytes: bytes.subarray(offset, offset + length), text: "(undefined)" };
    }
    default: return instruction satisfies never;
  }
}

/** Decodes from the first byte on, up to `most` lines; ends where the bytes end. */
export function disassemble(bytes: Uint8Array, address: number, bits: 16 | 32, most = Infinity): ListingLine[] {
  const lines: ListingLine[] = [];
  for (let offset = 0; offset < bytes.length && lines.length < most;) {
    const line = lineAt(bytes, offset, (address + offset) | 0, bits);
    if (line === undefined) break;
    lines.push(line);
    offset += line.bytes.length;
  }
  return lines;
}

/** The offset behind the last run of zeros that is too long to be part of an instruction. */
function afterZeros(bytes: Uint8Array): number {
  for (let at = bytes.length - ZERO_RUN; at >= 0; at--) {
    if (bytes.subarray(at, at + ZERO_RUN).every((byte) => byte === 0)) return at + ZERO_RUN;
  }
  return 0;
}

/** Up to `most` lines that end exactly where `bytes` end: IA-32 cannot be read backwards, so the longest row that fits is taken. */
export function disassembleBefore(bytes: Uint8Array, end: number, bits: 16 | 32, most: number): ListingLine[] {
  for (let start = afterZeros(bytes); start < bytes.length; start++) {
    const lines = disassemble(bytes.subarray(start), (end - bytes.length + start) | 0, bits);
    const length = lines.reduce((sum, line) => sum + line.bytes.length, 0);
    if (length === bytes.length - start && lines.every((line) => !line.text.startsWith("("))) return lines.slice(-most);
  }
  return [];
}

/** One printed line; `marked` points at it. */
export function formatLine(line: ListingLine, marked = false): string {
  const bytes = Array.from(line.bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const address = (line.address >>> 0).toString(16).padStart(8, "0");
  return `${marked ? ">" : " "} ${address}  ${bytes.padEnd(BYTES_SHOWN * 3)} ${line.text}\n`;
}
