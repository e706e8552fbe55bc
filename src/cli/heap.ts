/** Settings of V8's heap. */
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/**
 * The size of V8's young generation. It would grow to 128 MB, and more room than this saves no time: what a virtual machine allocates, decoded
 * instructions and generated text, lives long or is gone at once. But V8 also makes it small, 1 MB, when little is allocated for a while; what
 * the translator then builds and drops again reaches the old generation, and is collected every few ms.
 */
const YOUNG_BYTES = 16 << 20;

let grows = true;

/** Lets the young generation grow up to its size, and no further. To be called every few ms: V8 has no setting for it once it runs. */
export function keepYoungGeneration(): void {
  const size = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? 0, isSmall = size < YOUNG_BYTES;
  if (isSmall === grows) return;
  grows = isSmall;
  setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
}
