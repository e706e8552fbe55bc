/** Other machines that run the same image, each as a process whose standard input and output are the guest's serial port. */
export interface PeerGuest {
  /** Path of a bzImage or a multiboot kernel. */
  readonly kernel: string;
  readonly kind: "bzimage" | "multiboot";
  /** Path of the initial RAM disk. */
  readonly initrd?: string;
  readonly commandLine: string;
  readonly memoryMiB: number;
}

export interface PeerCommand {
  readonly file: string;
  readonly args: readonly string[];
}

export interface Peer {
  readonly title: string;
  /** Why it cannot run here and what would cure that, or undefined where it can. */
  missing(): string | undefined;
  version(): string;
  command(guest: PeerGuest): PeerCommand;
}
