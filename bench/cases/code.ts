/** Code that is written while it runs. */
import { kernelGroup } from "./kernels.ts";

export const code = kernelGroup("code", "Self-modifying and fresh code", "s", [
  { name: "patch-1", source: "patch", operations: 500_000, define: { EVERY: 1 } },
  { name: "patch-16", source: "patch", operations: 3_000_000, define: { EVERY: 16 } },
  { name: "data-beside", operations: 15_000 },
  { name: "fresh", define: { FUNCTIONS: 13_000 } },
  { name: "bomb-short", source: "bomb", define: { FUNCTIONS: 100_000, TURNS: 100 } },
  { name: "bomb-hot", source: "bomb", define: { FUNCTIONS: 100_000, TURNS: 5000 }, timeoutSeconds: 400 },
], true);
