/** Every engine, in the order in which a round runs them. */
import { interpret, translate } from "./calque.ts";
import type { Engine } from "./engine.ts";
import { native } from "./native.ts";
import { qemu } from "./qemu.ts";
import { v86 } from "./v86.ts";

export const ENGINES: readonly Engine[] = [translate, interpret, v86, qemu, native];
