import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

if (Number(process.versions.node.split(".")[0]) < 24) {
  throw new Error(`the tests need Node 24, this is ${process.version}: run "npm install" without --ignore-scripts, then "npm test"`);
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Those need packages of the machine's Debian; vitest.packages.config.ts runs them.
    exclude: ["test/packages/**"],
    testTimeout: 60_000,
    maxWorkers: availableParallelism(), // the default leaves one core out, of two that is half
  },
});
