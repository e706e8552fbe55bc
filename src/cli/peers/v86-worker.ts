/**
 * A process of its own that boots a kernel under v86 and copies the guest's serial output to standard output, and standard input
 * to the guest. Its argument is the job as JSON. It runs until it is killed or standard input ends.
 */
import { readFileSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** As much of v86 as is used; the package comes with the development of calque only. */
interface V86Machine {
  add_listener(event: "serial0-output-byte", listener: (byte: number) => void): void;
  serial0_send(text: string): void;
}

const PACKAGE = "v86";
const { V86 } = await import(PACKAGE) as { V86: new (options: object) => V86Machine };

interface Job {
  kernel: string; kind: "bzimage" | "multiboot"; initrd?: string; commandLine: string; memoryMiB: number; bios: string; vgaBios: string;
}

function image(path: string): { buffer: ArrayBuffer } {
  const data = readFileSync(path);
  return { buffer: data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) };
}

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const emulator = new V86({
  wasm_path: fileURLToPath(import.meta.resolve("v86")).replace(/libv86\.mjs$/, "v86.wasm"),
  memory_size: job.memoryMiB * 1024 * 1024,
  vga_memory_size: 8 * 1024 * 1024,
  bios: image(job.bios),
  vga_bios: image(job.vgaBios),
  [job.kind]: image(job.kernel),
  ...job.initrd === undefined ? {} : { initrd: image(job.initrd) },
  cmdline: job.commandLine,
  disable_keyboard: true,
  disable_mouse: true,
  disable_speaker: true,
  autostart: true,
});

let line: number[] = [];
emulator.add_listener("serial0-output-byte", (byte: number) => {
  line.push(byte);
  if (byte === 10 || byte === 32) {
    writeSync(1, Uint8Array.from(line));
    line = [];
  }
});

process.stdin.setEncoding("latin1").on("data", (text: string) => { emulator.serial0_send(text); }).on("end", () => { process.exit(); });
