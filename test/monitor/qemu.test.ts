/**
 * Segment loads, far transfers and interrupts against QEMU.
 *
 * qemu-guest.c executes each case in ring 0, 1 or 3 and reports the exception, or the state at the INT 80h after it. The same
 * case runs here on the monitor's functions over the same tables, and everything the handler saw must be equal.
 */
import { describe, expect, it } from "vitest";
import { GROUPS } from "./qemu-cases.ts";
import { canRun, differences } from "./qemu-run.ts";

const available = canRun();
if (!available) console.warn("skipped: the monitor against QEMU needs gcc and qemu-system-i386");

describe.runIf(available)("against QEMU", () => {
  it.each(Object.keys(GROUPS))("%s", { timeout: 180_000 }, (name) => {
    expect(differences(GROUPS[name]!()).slice(0, 40)).toEqual([]);
  });
});
