/** Random x87 code that loops over memory of numbers: mostly as compilers write it, balanced and masked, now and then not. */
import { Random } from "../oracle/integer/random.ts";
import { dword } from "./assembler.ts";
import { CODE, DATA, DATA_BYTES, setUp } from "./playground.ts";
import type { Machine } from "../../src/machine.ts";

const BLOCKS = 8, COUNTERS = DATA + DATA_BYTES, CONTROLS = DATA + DATA_BYTES + 0x100, STATUS = CONTROLS + 0x40;
const CONTROL_WORDS = [0x37f, 0x37f, 0x37f, 0x37f, 0xf7f, 0x27f, 0x07f, 0x77f, 0xb7f, 0x37e, 0x35f, 0x372];

/** Each page has doubles, singles, integers of 32 and 64 bits and extended numbers in places of their own; operands are mostly aligned. */
const ZONES = { m64: 0, m32: 0x400, i32: 0x600, i64: 0x800, m80: 0xa00 }, SIZES = { m64: 8, m32: 4, i32: 4, i64: 8, m80: 16 };
type Format = keyof typeof ZONES;

/** The operand esi + a distance. */
function operand(random: Random, reg: number, format: Format): number[] {
  const zone = ZONES[format], size = SIZES[format], aligned = zone + random.below(24) * size;
  const at = random.once(400) ? aligned + random.below(size) : random.once(400) ? 0xff8 + random.below(16) : aligned;
  return [0x86 | reg << 3, ...dword(at)];
}

/** Writes code while it keeps the depth of the stack between 1 and 7. */
class Writer {
  depth = 0;
  readonly #random: Random;
  /** Once in so many instructions the stack is not looked at. */
  readonly #wild: number;

  constructor(random: Random, wild: number) {
    this.#random = random;
    this.#wild = wild;
  }

  instruction(): number[] {
    const random = this.#random, free = random.once(this.#wild);
    if (this.depth < 2 || (this.depth < 7 && random.once(3)) || free && random.once(3)) return this.#push();
    const i = random.below(Math.max(this.depth, 1)), reg = random.pick([0, 0, 0, 1, 1, 1, 4, 4, 5, 5, 6]);
    if (random.once(6)) return random.pick([[0xdf, 0xe0, 0x01, 0xc3], [0xdf, 0xe0, 0x01, 0xc3], [0xd9, 0x35, ...dword(STATUS)]]); // fnstsw ax; add ebx, eax; fnstenv
    switch (random.below(free ? 17 : 15)) {
      case 0: return [0xd8, ...operand(random, reg, "m32")];
      case 1: case 2: return [0xdc, ...operand(random, reg, "m64")];
      case 3: return [random.pick([0xda, 0xda, 0xde]), ...operand(random, random.pick([0, 1, 4, 5, 2]), "i32")];
      case 4: return [0xd8, 0xc0 + reg * 8 + i];
      case 5: return [0xdc, 0xc0 + reg * 8 + i];
      case 6: if (this.depth > 2) this.depth--; return [0xde, 0xc0 + reg * 8 + (this.depth > 1 ? 1 : 0)];
      case 7: return random.pick([[0xd9, 0xe0], [0xd9, 0xe1], [0xd9, 0xe1, 0xd9, 0xfa], [0xd9, 0xe4], [0xd9, 0xc8 + i], [0xd9, 0xc8 + i], [0xd9, random.pick([0xfc, 0xfe, 0xff, 0xf0, 0xfd])]]);
      case 8: return this.#compare(i);
      case 9: return random.once(8) && this.depth > 1 ? this.#pop([0xd9, random.pick([0xe1, 0xfa]), 0xd9, random.pick([0xf1, 0xf3, 0xf9])]) : this.#integer();

      case 10: return random.once(2) ? this.#pop([0xd9, ...operand(random, 3, "m32")]) : [0xd9, ...operand(random, 2, "m32")];
      case 11: return random.once(2) ? this.#pop([0xdd, ...operand(random, 3, "m64")]) : [0xdd, ...operand(random, 2, "m64")];
      case 12: return this.#pop(random.pick([[0xdf, ...operand(random, 7, "i64")], [0xdf, ...operand(random, 3, "i32")], [0xdb, ...operand(random, 3, "i32")], [0xdb, ...operand(random, 7, "m80")], [0xdb, ...operand(random, 7, "m80")]]));
      case 13: return random.once(2) ? [0xdd, 0xd0 + i] : this.#pop([0xdd, 0xd8 + i]);
      case 14: return random.once(3) ? this.#rounding() : [0x81, 0xc3, ...dword(random.word())]; // fldcw; add ebx
      case 15: return [0xd9, random.pick([0xfc, 0xfe, 0xff, 0xf0, 0xfd, 0xf8, 0xf6, 0xf7, 0xe5])];
      default: return random.pick([[0xdb, 0xe2], [0xdb, 0xe3], [0xd9, 0x35, ...dword(STATUS)], [0x9b], [0xdd, 0xc0 + i]]);
    }
  }

  #pop(bytes: number[]): number[] {
    this.depth--;
    return bytes;
  }

  #push(): number[] {
    const random = this.#random;
    this.depth++;
    switch (random.below(8)) {
      case 0: return [0xd9, random.pick([0xe8, 0xee])];
      case 1: return [0xd9, 0xc0 + random.below(Math.max(this.depth - 1, 1))];
      case 2: return [0xd9, ...operand(random, 0, "m32")];
      case 3: return random.pick([[0xdf, ...operand(random, 5, "i64")], [0xdf, ...operand(random, 0, "i32")], [0xdb, ...operand(random, 0, "i32")]]);
      case 4: return [0xdb, ...operand(random, 5, "m80")];
      default: return [0xdd, ...operand(random, 0, "m64")];
    }
  }

  #compare(i: number): number[] {
    const random = this.#random;
    switch (random.below(4)) {
      case 0: return [0xdb, random.pick([0xe8, 0xf0]) + i, 0x0f, 0x97, 0xc3]; // f(u)comi; seta bl
      case 1: return [0xd8, 0xd0 + i, 0xdf, 0xe0]; // fcom; fnstsw ax
      case 2: return [0xdc, ...operand(random, 2, "m64"), 0xdf, 0xe0, 0x00, 0xe3];
      default: return [0xdd, 0xe0 + i, 0xdd, 0x3d, ...dword(STATUS)]; // fucom; fnstsw m16
    }
  }

  /** FLDCW and what rounds; mostly FNINIT's control word follows again. */
  #rounding(): number[] {
    const random = this.#random, load = (k: number): number[] => [0xd9, 0x2d, ...dword(CONTROLS + 2 * k)];
    if (random.once(10)) return load(random.below(CONTROL_WORDS.length));
    return [...load(CONTROL_WORDS.indexOf(0xf7f)), ...random.pick([[0xdb, ...operand(random, 2, "i32")], [0xd9, 0xfc], [0xdc, ...operand(random, 0, "m64")], [0xd9, 0x3d, ...dword(STATUS + 8)]]), ...load(0)];
  }

  /** An instruction between. */
  #integer(): number[] {
    const random = this.#random;
    return random.pick([[0x83, 0xc3, 7], [0x31, 0xc3], [0x8b, 0x1d, ...dword(COUNTERS)], [0x89, 0x1d, ...dword(STATUS + 4)], [0x83, 0xc6, random.pick([0, 16])], [0x90]]);
  }
}

function layOut(random: Random, wild: number): { code: Uint8Array; starts: number[] } {
  const code: number[] = [], starts: number[] = [];
  for (let k = 0; k < BLOCKS; k++) {
    const counter = COUNTERS + 4 * k, writer = new Writer(random, wild);
    starts.push(CODE + code.length);
    code.push(0xdb, 0xe3, 0xd9, 0x2d, ...dword(CONTROLS + 2 * (random.once(3) ? random.below(CONTROL_WORDS.length) : 0))); // fninit; fldcw
    code.push(0xc7, 0x05, ...dword(counter), ...dword(8 + random.below(60)));
    const head = CODE + code.length;
    code.push(0xbe, ...dword(DATA + random.below(6) * 0x1000 + random.below(4) * 16)); // mov esi
    for (let n = 4 + random.below(30); n > 0; n--) code.push(...writer.instruction());
    if (!random.once(wild)) for (; writer.depth > 0; writer.depth--) code.push(0xdd, 0xd8); // fstp st(0)
    code.push(0xff, 0x0d, ...dword(counter));
    code.push(0x0f, 0x85, ...dword(head - (CODE + code.length + 6)));
  }
  code.push(0xe9, ...dword(starts[0]! - (CODE + code.length) - 5));
  return { code: Uint8Array.from(code), starts };
}

/** Numbers as programs have them, a few of them odd. */
function numbers(random: Random): Uint8Array {
  const bytes = new Uint8Array(DATA_BYTES), view = new DataView(bytes.buffer), odd = random.pick([30, 300, 3000, 3000]);
  const value = (): number => random.once(60) ? random.pick([0, -0, 1, 2 ** -20]) : random.once(4) ? random.below(2000) - 1000 || 1 : random.word() * 2 ** -(20 + random.below(30)) / 7;
  const write: Readonly<Record<Format, (at: number) => void>> = {
    m64: (at) => { view.setFloat64(at, value(), true); },
    m32: (at) => { view.setFloat32(at, value(), true); },
    i32: (at) => { view.setInt32(at, random.word() >> (12 + random.below(19)) || 1, true); },
    i64: (at) => { view.setBigInt64(at, BigInt(random.word()) << BigInt(random.below(20)) | 1n, true); },
    m80: (at) => { view.setInt32(at, random.word(), true); view.setInt32(at + 4, random.word() | 0x80000000, true); view.setUint16(at + 8, (random.word() & 0x8000) | (0x3ff0 + random.below(24)), true); },
  };
  for (let page = 0; page < DATA_BYTES; page += 0x1000) {
    for (const format of Object.keys(ZONES) as Format[]) {
      for (let k = 0; k < 32; k++) {
        const at = page + ZONES[format] + k * SIZES[format];
        write[format](at);
        if (random.once(odd)) view.setInt32(at + SIZES[format] % 8, random.pick([0x7ff00000, 0x7f800001, -1, 1, 0x7fefffff, 0x80000000 | 0, 0x00100000]), true);
      }
    }
  }
  return bytes;
}

const IDT = 0x2000, RECOVER = 0x3000, WITNESS = 0x7000, ENVIRONMENT = 0x7100, SEEN = 0x7200, WITNESSED = [14, 16];

/** Page faults and #MF come here first: what FNSTENV stores then goes into a sum in memory. */
function witness(machine: Machine): void {
  const code = [0xd9, 0x35, ...dword(ENVIRONMENT)];
  for (let word = 0; word < 7; word++) code.push(0xa1, ...dword(ENVIRONMENT + 4 * word), 0xd1, 0x05, ...dword(SEEN), 0x01, 0x05, ...dword(SEEN)); // mov eax; rol [seen]; add [seen], eax
  code.push(0xe9, ...dword(RECOVER - (WITNESS + code.length + 5)));
  machine.memory.writePhysical(WITNESS, Uint8Array.from(code));
  for (const vector of WITNESSED) machine.memory.writePhysical(IDT + 8 * vector, Uint8Array.of(WITNESS & 255, WITNESS >> 8));
}

/** Puts the guest of a seed into a machine after power-on. */
export function loadX87Guest(machine: Machine, seed: number): void {
  const random = new Random(seed), wild = random.pick([20, 100, 1000]), { code, starts } = layOut(random, wild);
  machine.memory.writePhysical(CONTROLS, new Uint8Array(Uint16Array.from(CONTROL_WORDS).buffer));
  setUp(machine, random, code, starts, { paging: !random.once(3), timer: random.once(3) ? 20 : 0 });
  machine.memory.writePhysical(DATA, numbers(random));
  witness(machine);
}
