/**
 * Segment loads, far transfers and interrupts against another machine: QEMU's, and through KVM the processor underneath.
 *
 * qemu-guest.c executes each case in ring 0, 1 or 3 and reports the exception, or the state at the INT 80h after it. The same
 * case runs here on the monitor's functions over the same tables, and everything the handler saw must be equal.
 */
import { describe, expect, it } from "vitest";
import { GROUPS } from "./qemu-cases.ts";
import { accelerators, differences } from "./qemu-run.ts";

const available = accelerators();
if (available.length === 0) console.warn("skipped: the monitor against QEMU needs gcc and qemu-system-i386");

describe.each(["tcg", "kvm"])("against qemu -accel %s", (accelerator) => {
  it.runIf(available.includes(accelerator)).each(Object.keys(GROUPS))("%s", { timeout: 30_000 }, (name) => {
    expect(differences(accelerator, GROUPS[name]!()).slice(0, 40)).toEqual([]);
  });
});
