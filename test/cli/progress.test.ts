/** The progress line, as a terminal gets it. */
import { describe, expect, it } from "vitest";
import { Progress } from "../../src/cli/progress.ts";
import { SerialOutput } from "../../src/cli/serial.ts";
import type { Machine } from "../../src/machine.ts";
import { createMachine } from "../../src/pc.ts";

/** What stands on the last line of a terminal that was sent `text`. */
function lastLine(text: string): string {
  let line = "", column = 0;
  for (const part of text.replaceAll("\u001b[K", "\u007f")) {
    if (part === "\u007f") line = line.slice(0, column);
    else if (part === "\r") column = 0;
    else {
      line = line.slice(0, column).padEnd(column) + part + line.slice(column + 1);
      column++;
    }
  }
  return line;
}

function loop(): Machine {
  const machine = createMachine({ memory: 2 << 20, engine: "interpret" });
  machine.boot({ kernel: { name: "flat", bytes: Uint8Array.of(0xeb, 0xfe) }, loadAt: 0x100000 });
  return machine;
}

function setUp(isTTY: boolean, columns = 100): { progress: Progress; screen: () => string; wait: (ms: number) => void; written: () => string } {
  let text = "", now = 0;
  const progress = new Progress("run", { isTTY, columns, write: (part: string) => { text += part; } }, () => now);
  return { progress, screen: () => lastLine(text), written: () => text, wait: (ms) => { now += ms; } };
}

describe("the progress line", () => {
  it("tells instructions, speed, share and guest time, in place", () => {
    const { progress, screen, written, wait } = setUp(true), machine = loop();
    machine.run({ maxInstructions: 3_000_000 });
    wait(500);
    progress.update(machine);
    expect(screen()).toBe("run: 3 M instructions, 6 MIPS, 0.0 % translated, guest time 0.00 s");
    machine.run({ maxInstructions: 40_000_000 });
    wait(1000);
    progress.update(machine);
    expect(screen()).toBe("run: 43 M instructions, 40 MIPS, 0.0 % translated, guest time 0.04 s");
    expect(written()).not.toContain("\n");
    progress.erase();
    expect(screen()).toBe("");
  });

  it("is drawn a few times a second only", () => {
    const { progress, screen, wait } = setUp(true), machine = loop();
    wait(10);
    progress.update(machine);
    expect(screen()).toBe("");
  });

  it("fits a narrow terminal", () => {
    const { progress, screen, wait } = setUp(true, 20);
    wait(500);
    progress.update(loop());
    expect(screen()).toBe("run: 0 M instructio");
  });

  it("is not there where stderr is no terminal", () => {
    const { progress, written, wait } = setUp(false), machine = loop();
    wait(500);
    progress.update(machine);
    progress.erase();
    expect(written()).toBe("");
  });

  it("keeps out of the guest's lines where both share the terminal", () => {
    const { progress, screen, wait } = setUp(true), machine = loop(), output = new SerialOutput({ kind: "none" });
    Object.defineProperty(output, "toTerminal", { value: true });
    const print = (text: string): void => {
      for (const byte of new TextEncoder().encode(text)) output.byte(byte);
      wait(500);
      progress.flush(output, machine);
    };
    print("a line\n");
    expect(screen()).toMatch(/^run: /);
    print("half a line");
    expect(screen()).toBe("");
    print("");
    expect(screen(), "the guest is in the middle of a line").toBe("");
    print(", its end\n");
    expect(screen()).toMatch(/^run: /);
  });
});
