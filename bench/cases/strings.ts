/** REP string instructions, ns for each of them. */
import { kernelGroup, type Kernel } from "./kernels.ts";

const LARGE = 64 * 1024;
const LETTERS: Readonly<Record<number, string>> = { 1: "b", 2: "w", 4: "d" };

function kernel(source: string, width: number, size: number, operations: number): Kernel {
  return { name: `${source}${LETTERS[width]} ${size === 0 ? "16-64" : `${size / 1024}K`}`, source, define: { WIDTH: width, SIZE: size }, operations };
}

export const strings = kernelGroup("strings", "REP string instructions", "ns", [
  kernel("movs", 1, 0, 3_000_000), kernel("movs", 2, 0, 3_000_000), kernel("movs", 4, 0, 3_000_000), kernel("movs", 1, LARGE, 3000), kernel("movs", 4, LARGE, 6000),
  kernel("movs-down", 1, 0, 1_000_000), kernel("movs-down", 4, LARGE, 2000),
  kernel("stos", 1, 0, 3_000_000), kernel("stos", 4, 0, 3_000_000), kernel("stos", 2, LARGE, 3000), kernel("stos", 4, LARGE, 6000),
  kernel("scas", 1, 0, 2_000_000), kernel("scas", 1, LARGE, 2000), kernel("scas", 4, LARGE, 4000),
  kernel("cmps", 1, 0, 2_000_000), kernel("cmps", 1, LARGE, 2000), kernel("cmps", 4, LARGE, 4000),
], true);
