/** Settings of V8's heap. */
import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8's young generation as large as it is once a guest is loaded (some 16 MB). It would grow to 128 MB, and more room saves no
 * time: what a virtual machine allocates, decoded instructions and generated text, lives long or is gone at once.
 */
export function keepYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
