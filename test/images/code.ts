/** Hand-assembled 32-bit code, as pieces that are put behind each other. */

const dword = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];

/** mov edx, port; mov al, value; out dx, al */
export const out8 = (port: number, value: number): number[] => [0xba, ...dword(port), 0xb0, value, 0xee];
/** mov edx, port; mov ax, value; out dx, ax */
export const out16 = (port: number, value: number): number[] => [0xba, ...dword(port), 0x66, 0xb8, value & 255, value >>> 8, 0x66, 0xef];
/** Sends text on COM1. */
export const print = (text: string): number[] => [...new TextEncoder().encode(text)].flatMap((byte) => out8(0x3f8, byte));

export const CLI_HLT = [0xfa, 0xf4], UD2 = [0x0f, 0x0b];
/** jmp $ */
export const FOREVER = [0xeb, 0xfe];
/** mov ecx, n; loop $ */
export const spin = (n: number): number[] => [0xb9, ...dword(n), 0xe2, 0xfe];

/** Echoes what COM1 receives, forever; the byte `last` goes to port F4h instead. */
export function echo(last: string): number[] {
  const poll = [0xba, ...dword(0x3fd), 0xec, 0xa8, 1, 0x74, 0xf6]; // mov edx, 3FDh; in al, dx; test al, 1; jz poll
  const read = [0xba, ...dword(0x3f8), 0xec]; // mov edx, 3F8h; in al, dx
  const end = [0xba, ...dword(0xf4), 0xee]; // mov edx, F4h; out dx, al
  const compare = [0x3c, last.charCodeAt(0), 0x75, end.length]; // cmp al, last; jne over
  const before = [...poll, ...read, ...compare, ...end];
  const back = before.length + 3;
  return [...before, 0xee, 0xeb, (256 - back) & 255]; // out dx, al; jmp poll
}
