/** Floating point on the x87. Native's bits are the reference. */
import { kernelGroup } from "./kernels.ts";

export const x87 = kernelGroup("x87", "x87 kernels", "s", [
  { name: "nbody", define: { COUNT: 15_000 } },
  { name: "mandelbrot", define: { COUNT: 128 } },
  { name: "floats", define: { COUNT: 6 } },
  { name: "functions", define: { COUNT: 60_000 } },
  { name: "divide", define: { COUNT: 200_000 } },
  { name: "convert", define: { COUNT: 1_000_000 } },
], true);
