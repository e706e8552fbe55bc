/** A whole guest, run from process start to the text that ends the measurement. */
export interface BootCase {
  /** Short name for `--case`. */
  readonly name: string;
  readonly title: string;
  /** Path of a bzImage or a multiboot ELF image. */
  readonly kernel: string;
  readonly kind: "bzimage" | "multiboot";
  /** Path of the initial RAM disk, where there is one. */
  readonly initrd?: string;
  readonly commandLine: string;
  readonly memoryMiB: number;
  /** The measurement begins where the guest's serial output contains this; at process start where it is absent. */
  readonly begin?: string;
  /** The measurement ends when the guest's serial output contains this. */
  readonly expect: string;
  /** A run that has not got there after this many seconds is given up. */
  readonly timeoutSeconds: number;
  /** What was measured, to stand beside every figure: versions and checksums. */
  readonly provenance: string;
  /** The same work as a program of the host, for comparison. */
  readonly native?: string;
}
