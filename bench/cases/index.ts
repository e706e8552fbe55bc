/** Every whole-guest case, by name. A new one is a file and a line here. */
import type { BootCase } from "./boot-case.ts";
import { debianBoot } from "./debian.ts";

export const CASES: Readonly<Record<string, () => BootCase>> = {
  debian: debianBoot,
};
