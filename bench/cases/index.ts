/** Every case by name. A new whole guest is a file and a line here; a new kernel is a C file of bench/kernels. */
import type { BootCase } from "./boot-case.ts";
import { debianBoot } from "./debian.ts";
import { KERNELS, kernelCase } from "./kernels.ts";

export const CASES: Readonly<Record<string, () => BootCase>> = {
  debian: debianBoot,
  ...Object.fromEntries(KERNELS.map((name) => [name, () => kernelCase(name)])),
};

/** What runs where nothing is asked for. */
export const DEFAULT_CASES = ["debian"];
/** Short for all compute kernels. */
export const KERNEL_CASES = KERNELS;
