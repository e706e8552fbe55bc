/** Hot loops of real-mode code whose segment does not begin at 0: nothing is translated there, and nothing is lost by asking. */
import { expect, it } from "vitest";
import { differences, runTo, twins } from "../hostile/twins.ts";

const BUDGET = 400, DX = 2;

it("a hot loop in a segment with a base goes on where it is", () => {
  // mov dx, 0; again: in al, 21h; call 8; pop ax; inc dx; jmp again
  const code = [0xba, 0, 0, 0xe4, 0x21, 0xe8, 0, 0, 0x58, 0x42, 0xeb, 0xf7];
  const pair = twins();
  for (const machine of [pair.translated, pair.interpreted]) {
    machine.boot({ kernel: { name: "loop", bytes: Uint8Array.from(code) }, loadAt: 0x7c00, bits: 16 });
    const { cpu } = machine;
    cpu.eip = 0x1c00;
    cpu.base1 = 0x6000;
    cpu.esp = 0x8000;
  }
  expect(runTo(pair.translated, BUDGET)).toEqual(runTo(pair.interpreted, BUDGET));
  expect(differences(pair)).toEqual([]);
  expect(pair.translated.cpu.words[DX]).toBeGreaterThan(BUDGET / 6);
});
