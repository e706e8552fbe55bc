/** A whole guest that every engine can run, and what is measured of it. */
export interface GuestCase {
  /** Short name for `--match`; the name of its row. */
  readonly name: string;
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
  /** A run that has not got there after this many seconds is given up; each step of a dialogue has as many. */
  readonly timeoutSeconds: number;
  /** The same work as a program of the host, for comparison. */
  readonly native?: string;
  /** How many operations the kernel does, where one of them is what is of interest. */
  readonly operations?: number;
  /** Peers wait for real time here, which calque skips: shown, but in no mean. */
  readonly paced?: boolean;
  /** Commands typed after `expect`, each a row of its own. */
  readonly dialogue?: readonly Step[];
}

/** A command for the guest's shell. */
export interface Step {
  readonly name: string;
  readonly command: string;
}

/** Cases that share a table. */
export interface Group {
  readonly name: string;
  readonly title: string;
  /** What the cells of the table say: seconds for the whole, or ns for each operation. */
  readonly unit: "s" | "ns";
  /** What was measured, to stand beside every figure: versions and checksums. */
  provenance(): string;
  /** The names of its cases. */
  readonly names: readonly string[];
  /** Throws where the case's files are absent and cannot be made. */
  build(name: string): GuestCase;
}
