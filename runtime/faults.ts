/**
 * Guest mistakes are events, not errors: an instruction that may not complete throws the one
 * `GuestFault` of this module, and the virtual CPU's loop delivers it to the guest. Nothing is allocated
 * and no stack trace is taken: faults are ordinary in a guest that pages on demand.
 */

/** Exception vectors (SDM volume 3, table 6-1). */
export const VECTOR = {
  DE: 0, DB: 1, NMI: 2, BP: 3, OF: 4, BR: 5, UD: 6, NM: 7, DF: 8, TS: 10, NP: 11, SS: 12, GP: 13, PF: 14, MF: 16, AC: 17, MC: 18,
} as const;

/** Their mnemonics by number. */
export const VECTOR_NAMES: Readonly<Record<number, string>> = Object.fromEntries(Object.entries(VECTOR).map(([name, vector]) => [vector, name]));

/** In place of an error code, for vectors that push none. */
export const NO_ERROR_CODE = -1;

export class GuestFault {
  vector = 0;
  /** Pushed with the exception, or NO_ERROR_CODE. */
  errorCode = NO_ERROR_CODE;
}

/** The one fault object: what is being raised, until it is delivered. */
export const currentFault = new GuestFault();

/** What is thrown next. */
export function noteFault(vector: number, errorCode: number): void {
  currentFault.vector = vector;
  currentFault.errorCode = errorCode;
}

/** Throws the guest exception `vector`. CR2 is the caller's to set before a page fault. */
export function raise(vector: number, errorCode: number = NO_ERROR_CODE): never {
  currentFault.vector = vector;
  currentFault.errorCode = errorCode;
  throw currentFault; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
}

/**
 * Thrown by a slow memory path when the access needs the exact instruction count (MMIO) or would drop
 * the code that is running: nothing has happened yet; leave the generated code and let the interpreter execute
 * this one instruction singly.
 */
export class Retry {}
export const RETRY = new Retry();

/**
 * Thrown, at an exact count, by an x87 instruction that waits for an interrupt (CR0.NE = 0, IGNNE# not active): it has done nothing, the
 * processor is halted on it.
 */
export class Freeze {}
export const FREEZE = new Freeze();
