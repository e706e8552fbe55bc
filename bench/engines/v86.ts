import { v86 as peer } from "../../src/cli/peers/v86.ts";
import type { Engine } from "./engine.ts";

/** v86 from its npm package, in Node. */
export const v86: Engine = { name: "v86", ...peer };
