/** Every group, in the order in which they run. A new kernel is a C file of bench/kernels and a line in its group's list. */
import { code } from "./code.ts";
import { boot, shell } from "./debian.ts";
import type { Group } from "./guest-case.ts";
import { integer } from "./integer.ts";
import { monitor } from "./monitor.ts";
import { strings } from "./strings.ts";
import { x87 } from "./x87.ts";

export const GROUPS: readonly Group[] = [integer, x87, strings, monitor, code, boot, shell];
/** What runs where nothing is asked for: the shell's session begins with the boot. */
export const DEFAULT_GROUPS: readonly Group[] = GROUPS.filter((group) => group !== boot);
