/**
 * Alignment checks (SDM volume 3, 6.15, #AC): at CPL 3 with CR0.AM and EFLAGS.AC set, a misaligned data access faults.
 *
 * Code that runs under checks has its own code spaces (`Mode.aligned`). Their generated code is the same text, bound to this view: its
 * read and write tables are barred throughout, so that every access comes here. Code without checks pays nothing.
 */
import { raise, VECTOR } from "./faults.ts";
import type { Ring } from "./memory.ts";
import * as state from "./state.ts";
import type { CpuState } from "./state.ts";

const { AC, CR0_AM } = state;

type Width = 1 | 2 | 4;
/** Bytes of the operand of SGDT and SIDT, a pseudo-descriptor; it is aligned to 4. */
const PSEUDO_DESCRIPTOR = 6;

/** Whether misaligned accesses raise #AC now. */
export function alignmentChecked(cpu: CpuState): boolean {
  return (cpu.eflags & AC) !== 0 && (cpu.cr0 & CR0_AM) !== 0 && cpu.cpl === 3;
}

/** The user's view of memory under alignment checks. #AC comes before a page fault, as processors have it. */
export class AlignedRing implements Ring {
  readonly read: Ring["read"];
  readonly write: Ring["write"];
  readonly exec: Ring["exec"];
  readonly #user: Ring;

  /** `barred` is a table of entries that the fast path may not use; nothing ever fills it. */
  constructor(user: Ring, barred: Ring["read"]) {
    this.read = this.write = barred;
    this.exec = user.exec;
    this.#user = user;
  }

  /** Raises #AC where `linear` is no multiple of `alignment`, a power of two. */
  requireAligned(linear: number, alignment: number): void {
    if ((linear & (alignment - 1)) !== 0) raise(VECTOR.AC, 0);
  }

  readEntry(linear: number): number { return this.#user.readEntry(linear); }
  writeEntry(linear: number): number { return this.#user.writeEntry(linear); }
  execEntry(linear: number): number { return this.#user.execEntry(linear); }

  load(linear: number, size: Width): number {
    this.requireAligned(linear, size);
    return this.#user.load(linear, size);
  }

  store(linear: number, size: Width, value: number): void {
    this.requireAligned(linear, size);
    this.#user.store(linear, size, value);
  }

  checkWrite(linear: number, size: number): void {
    this.requireAligned(linear, size === PSEUDO_DESCRIPTOR ? 4 : size);
    this.#user.checkWrite(linear, size);
  }

  loadToModify(linear: number, size: Width): number {
    this.requireAligned(linear, size);
    return this.#user.loadToModify(linear, size);
  }
}
