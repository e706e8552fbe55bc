/** How V8 is to take WebAssembly modules that are made again and again, and come from nobody but the translator. */
import { setFlagsFromString } from "node:v8";

for (const flag of [
  "--experimental-wasm-branch-hinting", // branch hints (translator/wasm/body.ts) are followed, which newer versions do by themselves
  "--no-wasm-inlining", // no function calls another one of its module: counting calls would be for nothing
  "--wasm-lazy-validation", // with the compilation at the first call, and not twice
  "--no-wasm-native-module-cache", // no module comes a second time
]) setFlagsFromString(flag);
