/**
 * Reader of the MOO format: single-step test cases captured from hardware.
 *
 * A file is a sequence of chunks `tag[4] u32 length payload`, little endian, nested in `TEST`. The format is described in the
 * README beside the vectors.
 */

/** The order in which the bits of a register bitmap and the words after it stand. */
export const REGISTERS = ["ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp", "si", "di", "ip", "flags"] as const;
export type RegisterName = (typeof REGISTERS)[number];

export interface MooState {
  /** In FINA only what changed. */
  readonly registers: Readonly<Partial<Record<RegisterName, number>>>;
  readonly ram: ReadonlyArray<readonly [physical: number, value: number]>;
}

export interface MooTest {
  readonly index: number;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly initial: MooState;
  readonly final: MooState;
  /** Where the instruction raised an exception. */
  readonly exception: { readonly vector: number; readonly flagsAt: number } | undefined;
}

interface Chunk {
  readonly tag: string;
  readonly view: DataView;
}

const HEADER_BYTES = 8;

/** Throws RangeError where a chunk does not fit its container. */
function* chunksOf(view: DataView): Generator<Chunk> {
  for (let at = 0; at < view.byteLength;) {
    const tag = String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
    const length = view.getUint32(at + 4, true);
    yield { tag, view: new DataView(view.buffer, view.byteOffset + at + HEADER_BYTES, length) };
    at += HEADER_BYTES + length;
  }
}

function readRegisters(view: DataView): MooState["registers"] {
  const bitmap = view.getUint16(0, true);
  const registers: Partial<Record<RegisterName, number>> = {};
  let at = 2;
  for (const [bit, name] of REGISTERS.entries()) {
    if ((bitmap >> bit & 1) === 0) continue;
    registers[name] = view.getUint16(at, true);
    at += 2;
  }
  return registers;
}

function readRam(view: DataView): MooState["ram"] {
  return Array.from({ length: view.getUint32(0, true) }, (_, k) => [view.getUint32(4 + 5 * k, true), view.getUint8(8 + 5 * k)] as const);
}

function readState(view: DataView): MooState {
  let registers: MooState["registers"] = {}, ram: MooState["ram"] = [];
  for (const chunk of chunksOf(view)) {
    if (chunk.tag === "REGS") registers = readRegisters(chunk.view);
    else if (chunk.tag === "RAM ") ram = readRam(chunk.view);
  }
  return { registers, ram };
}

function readTest(view: DataView): MooTest {
  const body = new DataView(view.buffer, view.byteOffset + 4, view.byteLength - 4);
  const parts = new Map([...chunksOf(body)].map((chunk) => [chunk.tag, chunk.view]));
  const need = (tag: string): DataView => {
    const part = parts.get(tag);
    if (part === undefined) throw new Error(`a test without ${tag}`);
    return part;
  };
  // As the other texts and lists of the format, the bytes carry a length of their own.
  const counted = (part: DataView): Uint8Array => new Uint8Array(part.buffer, part.byteOffset + 4, part.getUint32(0, true));
  const exception = parts.get("EXCP");
  return {
    index: view.getUint32(0, true),
    name: new TextDecoder("latin1").decode(counted(need("NAME"))),
    bytes: counted(need("BYTS")),
    initial: readState(need("INIT")),
    final: readState(need("FINA")),
    exception: exception && { vector: exception.getUint8(0), flagsAt: exception.getUint32(1, true) },
  };
}

/** All tests of one unpacked file. Throws where it is not in the format. */
export function readMoo(file: Uint8Array): MooTest[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  return [...chunksOf(view)].filter((chunk) => chunk.tag === "TEST").map((chunk) => readTest(chunk.view));
}
