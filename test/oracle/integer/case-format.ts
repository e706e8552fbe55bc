/**
 * A case of the integer oracle and its result, in memory and as the fixed-size little-endian records that
 * native.c reads and writes.
 */

/** Where everything lies in the guest and in the native process alike; native.c has the same numbers. */
export const CODE_PAGE = 0x0010_0000, CODE_AT = CODE_PAGE + 0x800;
/** Memory around DATA_PAGE that is mapped: from `DATA_PAGE - DATA_MARGIN` to `DATA_PAGE + PAGE + DATA_MARGIN`. */
export const DATA_PAGE = 0x0020_0000, DATA_MARGIN = 0x0002_0000;
export const LOW_PAGE = 0x0000_8000, LOW_PAGES = 2;
/** Addresses at which the native program itself lies; a case must not touch them. */
export const PROGRAM = { from: 0x4ff0_0000, to: 0x6000_0000 } as const;
export const PAGE = 4096, WINDOW = 256;

/** Bytes of code in a case, at most. */
export const LONGEST = 96;

const CASE_BYTES = 32 + 12 + LONGEST + WINDOW, RESULT_BYTES = 32 + 20 + 24 + WINDOW;
/** How many bytes come before the first result: a word that says whether LOW_PAGE could be mapped. */
const GREETING_BYTES = 4;

/** The vector of a result whose instruction completed. */
export const COMPLETED = 3;

export interface Case {
  /** EAX ECX EDX EBX ESP EBP ESI EDI, int32. */
  readonly registers: Int32Array;
  readonly eflags: number;
  /** Linear address of the 256 bytes of memory that are set before and compared after. The rest of their pages is 0. */
  readonly windowAt: number;
  /** One instruction or a few in a row. */
  readonly bytes: Uint8Array;
  readonly instructions: number;
  readonly window: Uint8Array;
}

export interface Result {
  readonly registers: Int32Array;
  readonly eflags: number;
  readonly eip: number;
  /** Exception vector, or COMPLETED. */
  readonly vector: number;
  /** Error code of vectors that have one; 0 otherwise. */
  readonly error: number;
  /** The address of a page fault; 0 otherwise. */
  readonly cr2: number;
  /** ES CS SS DS FS GS. */
  readonly selectors: readonly number[];
  readonly window: Uint8Array;
}

export function encodeCases(cases: readonly Case[]): Uint8Array {
  const bytes = new Uint8Array(cases.length * CASE_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [number, test] of cases.entries()) {
    const at = number * CASE_BYTES;
    test.registers.forEach((value, index) => { view.setInt32(at + 4 * index, value, true); });
    view.setUint32(at + 32, test.eflags, true);
    view.setUint32(at + 36, test.windowAt, true);
    view.setUint32(at + 40, test.bytes.length, true);
    bytes.set(test.bytes, at + 44);
    bytes.set(test.window, at + 44 + LONGEST);
  }
  return bytes;
}

/** Throws where the output does not hold `count` results. */
export function decodeResults(output: Uint8Array, count: number): { results: Result[]; lowPage: boolean } {
  if (output.length !== GREETING_BYTES + count * RESULT_BYTES) {
    throw new Error(`the native oracle answered ${output.length} bytes to ${count} cases`);
  }
  const view = new DataView(output.buffer, output.byteOffset, output.length);
  const results = Array.from({ length: count }, (_, number) => decodeResult(view, output, GREETING_BYTES + number * RESULT_BYTES));
  return { results, lowPage: view.getUint32(0, true) !== 0 };
}

function decodeResult(view: DataView, output: Uint8Array, at: number): Result {
  return {
    registers: Int32Array.from({ length: 8 }, (_, index) => view.getInt32(at + 4 * index, true)),
    eflags: view.getUint32(at + 32, true),
    eip: view.getUint32(at + 36, true),
    vector: view.getUint32(at + 40, true),
    error: view.getUint32(at + 44, true),
    cr2: view.getUint32(at + 48, true),
    selectors: Array.from({ length: 6 }, (_, index) => view.getUint32(at + 52 + 4 * index, true)),
    window: output.subarray(at + 76, at + 76 + WINDOW),
  };
}

/** Bytes as pairs of hexadecimal digits. */
export function hexBytes(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
