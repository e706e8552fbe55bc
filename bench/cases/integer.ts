/** Integer code as gcc writes it: how good is the translated code? */
import { kernelGroup } from "./kernels.ts";

const NAMES = [
  "bignum", "bytecode", "bytes", "chase", "crc32", "matrix", "quicksort", "records", "recursion", "sha256", "shifts", "sieve", "strings", "wide",
];

export const integer = kernelGroup("integer", "Integer kernels", "s", NAMES.map((name) => ({ name })), true);
