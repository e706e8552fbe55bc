import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const HEAP = join(import.meta.dirname, "../../src/cli/heap.ts");
/** Allocates what lives for a while; prints the largest size of the young generation, and the last one. */
const PROGRAM = `
  import { getHeapSpaceStatistics } from "node:v8";
  const { keepYoungGeneration } = await import(process.argv[1]);
  const kept = [];
  let most = 0, size = 0;
  for (let k = 0; k < 200; k++) {
    for (let n = 0; n < 20_000; n++) kept[(k * 20_000 + n) % 60_000] = { n, list: [n], empty: {} };
    keepYoungGeneration();
    size = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size;
    most = Math.max(most, size);
  }
  console.log(JSON.stringify([most / 2 ** 20, size / 2 ** 20]));
`;

test("V8's young generation grows to 16 MB, or 32 in one step, and no further", () => {
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", PROGRAM, HEAP], { encoding: "utf8" });
  expect(stderr).toBe("");
  const [most, last] = JSON.parse(stdout) as [number, number];
  expect(most).toBeLessThanOrEqual(32);
  expect(last).toBeGreaterThanOrEqual(8);
});
