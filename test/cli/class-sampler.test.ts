import { expect, it } from "vitest";
import { ClassSampler } from "../../src/cli/class-sampler.ts";
import { createMachine } from "../../src/pc.ts";
import { CLI_HLT } from "../images/code.ts";

it("estimates the shares of a loop whose classes are known", () => {
  // 4 of 8 instructions ident, 2 inline, 1 callout, 1 branch: mov ecx, n; L: nop ×3; cli; sti; in al, 80h; dec ecx; jnz L
  const loop = [0x90, 0x90, 0x90, 0xfa, 0xfb, 0xe4, 0x80, 0x49, 0x75, 256 - 10];
  const machine = createMachine({ memory: 2 << 20 });
  machine.boot({ kernel: { name: "loop", bytes: Uint8Array.from([0xb9, 0x50, 0xc3, 0, 0, ...loop, ...CLI_HLT]) }, loadAt: 0x100000 });
  const sampler = new ClassSampler(machine);
  while (machine.run({ maxInstructions: sampler.next() }).reason === "budget");
  const shares = Object.fromEntries([...sampler.shares().matchAll(/(\w+) ([\d.]+) %/g)].map(([, name, share]) => [name, Number(share)])) as Record<string, number>;
  for (const [name, share] of [["ident", 50], ["inline", 25], ["callout", 12.5], ["branch", 12.5]] as const) {
    expect(Math.abs(shares[name]! - share), `${name} ${shares[name]}`).toBeLessThan(5);
  }
});
