/** Settings of V8's heap. */
import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8's young generation as small as it is when the process starts. It would grow to 128 MB where much is allocated at times; what a
 * virtual machine allocates (decoded instructions, generated text) lives long or is gone at once, so that more room saves no time.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
