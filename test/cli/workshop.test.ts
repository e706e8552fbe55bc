/** Regions made by a second thread. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type { RegionOrder, RegionParts, Workshop } from "../../runtime/region-order.ts";
import { createMachine } from "../../src/api.ts";
import { openWorkshop } from "../../src/cli/workshop.ts";

/** Counts what passes. */
class Counted implements Workshop {
  readonly #inner: Workshop;
  ordered = 0;
  compiled = 0;

  constructor(inner: Workshop) { this.#inner = inner; }

  get takesOrders(): boolean { return this.#inner.takesOrders; }
  get hasParts(): boolean { return this.#inner.hasParts; }
  order(number: number, order: RegionOrder): void {
    this.ordered++;
    this.#inner.order(number, order);
  }
  take(): ReadonlyArray<readonly [number, RegionParts | undefined]> {
    const parts = this.#inner.take();
    this.compiled += parts.filter(([, made]) => made !== undefined).length;
    return parts;
  }
}

it("comes to the same end, with regions of the thread", { timeout: 120_000 }, async () => {
  const kernel = { name: "demo.elf", bytes: readFileSync(join(import.meta.dirname, "../guests/demo/demo.elf")) };
  const opened = openWorkshop();
  if (opened === undefined) return; // one processor
  const workshop = new Counted(opened), output: number[][] = [];
  while (!workshop.takesOrders) await sleep(10);
  const machines = [createMachine({ memory: 64 << 20, workshop }), createMachine({ memory: 64 << 20, engine: "interpret" })];
  const ends = machines.map((machine) => {
    const sent: number[] = [];
    output.push(sent);
    machine.onSerial = (byte) => { sent.push(byte); };
    machine.boot({ kernel, commandLine: "quick" });
    const end = machine.run();
    return { end, instructions: machine.instructions, hash: machine.stateHash(true) };
  });
  for (; workshop.hasParts || workshop.compiled < workshop.ordered; await sleep(10)) workshop.take();
  opened.close();
  expect(ends[0]).toEqual(ends[1]);
  expect(output[0]).toEqual(output[1]);
  expect(workshop.compiled).toBeGreaterThan(0);
  expect(workshop.compiled).toBe(workshop.ordered);
});

it("makes regions itself where the thread ends", { timeout: 120_000 }, async () => {
  const workshop = openWorkshop();
  if (workshop === undefined) return;
  while (!workshop.takesOrders) await sleep(10);
  const spin = Uint8Array.from([0xb9, 0x40, 0x42, 0x0f, 0x00, 0x49, 0x75, 0xfd, 0xfa, 0xf4]), machine = createMachine({ memory: 2 << 20, workshop });
  machine.boot({ kernel: { name: "spin", bytes: spin }, loadAt: 0x100000 });
  workshop.close();
  while (workshop.takesOrders) await sleep(10);
  expect(machine.run()).toEqual({ reason: "halted" });
  expect(machine.vcpu.regionStats).toMatchObject({ made: 1 });
});
