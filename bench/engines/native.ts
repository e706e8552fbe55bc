import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GuestCase } from "../cases/guest-case.ts";
import type { Command, Engine } from "./engine.ts";

const ANSWER = 42;

/** The smallest 32-bit program: an ELF header, one program header and `exit(ANSWER)`. */
function smallestProgram(): Uint8Array {
  const base = 0x0804_8000, header = 52, programHeader = 32, entry = header + programHeader;
  const code = [0x31, 0xdb, 0xb3, ANSWER, 0x31, 0xc0, 0x40, 0xcd, 0x80]; // xor ebx, ebx; mov bl, ANSWER; xor eax, eax; inc eax; int 80h
  const file = new Uint8Array(entry + code.length), view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]); // 32 bits, little-endian, version 1
  [2, 3].forEach((value, k) => { view.setUint16(16 + 2 * k, value, true); }); // executable, i386
  [1, base + entry, header].forEach((value, k) => { view.setUint32(20 + 4 * k, value, true); });
  [header, programHeader, 1].forEach((value, k) => { view.setUint16(40 + 2 * k, value, true); });
  [1, 0, base, base, file.length, file.length, 5, 0x1000].forEach((value, k) => { view.setUint32(header + 4 * k, value, true); });
  file.set(code, entry);
  return file;
}

function runs32BitPrograms(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "calque-native-")), program = join(folder, "program");
  try {
    writeFileSync(program, smallestProgram(), { mode: 0o755 });
    return spawnSync(program, { stdio: "ignore" }).status === ANSWER;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same work as a 32-bit program on the processor itself: what a perfect engine would take. */
export const native: Engine = {
  name: "native",
  title: "native, 32-bit",
  startsAtOnce: true,
  missing: () => runs32BitPrograms() ? undefined : "this kernel starts no 32-bit programs (IA-32 emulation is off); run it on a host that does",
  version: () => "",
  runs: (guest: GuestCase) => guest.native !== undefined,
  command(guest: GuestCase): Command {
    if (guest.native === undefined) throw new Error(`${guest.name} is no program of the host`);
    return { file: guest.native, args: [] };
  },
};
