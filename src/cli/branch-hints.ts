/** Has V8 follow the branch hints of WebAssembly modules (translator/wasm/body.ts), which newer versions do by themselves. */
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--experimental-wasm-branch-hinting");
setFlagsFromString("--no-wasm-inlining");
