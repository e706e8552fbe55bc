import { qemu as peer } from "../../src/cli/peers/qemu.ts";
import type { Engine } from "./engine.ts";

/** QEMU with its translator (TCG). */
export const qemu: Engine = { name: "qemu", ...peer };
