/** A whole guest, run from process start to the text that ends the measurement. */
export interface BootCase {
  /** Short name for `--case`. */
  readonly name: string;
  readonly title: string;
  /** Path of a bzImage. */
  readonly kernel: string;
  /** Path of the initial RAM disk. */
  readonly initrd: string;
  readonly commandLine: string;
  readonly memoryMiB: number;
  /** The measurement ends when the guest's serial output contains this. */
  readonly expect: string;
  /** A run that has not got there after this many seconds is given up. */
  readonly timeoutSeconds: number;
  /** What was measured, to stand beside every figure: versions and checksums. */
  readonly provenance: string;
}
