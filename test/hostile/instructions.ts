/** Random instructions of every kind, most of them such that a guest survives them. */
import type { Random } from "../oracle/integer/random.ts";
import { dword, word } from "./assembler.ts";
import { CODE, CODE_BYTES, DATA, DATA_BYTES, DIRECTORY, SELECTORS, TABLE, USER_STACK } from "./playground.ts";

const ESI = 6, EDI = 7, EBX = 3;

/** An address to access: mostly data, often across the end of a page. */
export function randomAddress(random: Random): number {
  const kind = random.below(100);
  if (kind < 60) return DATA + random.below(DATA_BYTES - 64);
  if (kind < 78) return DATA + random.below(DATA_BYTES >> 12) * 4096 + 4096 - random.below(12);
  if (kind < 84) return CODE + random.below(CODE_BYTES);
  if (kind < 88) return USER_STACK - random.below(256);
  if (kind < 91) return 0xb8000 + random.below(0x800);
  if (kind < 93) return TABLE + (random.below(256) << 2);
  if (kind < 94) return DIRECTORY + (random.below(8) << 2);
  if (kind < 96) return 0xa0000 + random.below(0x60000);
  if (kind < 98) return 0x100000 - random.below(8) + random.below(0x2000);
  return random.value();
}

/** ModRM with what follows it: a register or a memory operand, `field` in the middle. */
function modrm(random: Random, field: number, memoryOnly = false): number[] {
  const reg = field << 3;
  if (!memoryOnly && random.once(3)) return [0xc0 | reg | random.below(8)];
  switch (random.below(8)) {
    case 0: case 1: case 2: return [reg | 5, ...dword(randomAddress(random))];
    case 3: return [0x40 | reg | random.pick([ESI, EDI, EBX]), random.below(256)];
    case 4: return [0x80 | reg | random.pick([ESI, EDI, EBX]), ...dword(random.below(8192) - 4096)];
    case 5: return [0x44 | reg, random.below(256) & ~7 | random.pick([ESI, EDI, EBX]), random.below(256)]; // SIB
    case 6: return [0x44 | reg, 0x24, random.below(64)]; // [esp + disp8]
    default: return random.once(4) ? [0x84 | reg, random.below(256), ...dword(randomAddress(random))] : [reg | random.pick([ESI, EDI, EBX])];
  }
}

const anyModrm = (random: Random, memoryOnly = false): number[] => modrm(random, random.below(8), memoryOnly);
const immediate = (random: Random, size: number): number[] => size === 1 ? [random.value() & 255] : size === 2 ? word(random.value()) : dword(random.value());

type Maker = (random: Random) => number[];

const arithmetic: Maker = (random) => {
  const operation = random.below(8) << 3;
  switch (random.below(4)) {
    case 0: return [operation | random.below(4), ...anyModrm(random)];
    case 1: return [operation | 4, random.below(256)];
    case 2: return [operation | 5, ...immediate(random, 4)];
    default: return random.pick<Maker>([
      (r) => [0x80, ...modrm(r, r.below(8)), r.below(256)],
      (r) => [0x81, ...modrm(r, r.below(8)), ...immediate(r, 4)],
      (r) => [0x83, ...modrm(r, r.below(8)), r.below(256)],
    ])(random);
  }
};

const moves: Maker = (random) => random.pick<Maker>([
  (r) => [0x88 + r.below(4), ...anyModrm(r)],
  (r) => [0x88 + r.below(4), ...anyModrm(r)],
  (r) => [0x84 + r.below(4), ...anyModrm(r)],
  (r) => [0x8d, ...anyModrm(r, true)],
  (r) => [0xa0 + r.below(4), ...dword(randomAddress(r))],
  (r) => [0xb0 + r.below(8), r.below(256)],
  (r) => [0xb8 + r.pick([0, 1, 2, 5]), ...immediate(r, 4)],
  (r) => [0xbe + r.below(2), ...dword(randomAddress(r))],
  (r) => [0xc6, ...modrm(r, 0), r.below(256)],
  (r) => [0xc7, ...modrm(r, 0), ...immediate(r, 4)],
  (r) => [0x90 + r.pick([0, 1, 2, 5])],
  (r) => [0x0f, r.pick([0xb6, 0xb7, 0xbe, 0xbf]), ...anyModrm(r)],
  (r) => [0x0f, 0x40 + r.below(16), ...anyModrm(r)],
  (r) => [0x0f, 0x90 + r.below(16), ...anyModrm(r)],
])(random);

const shifts: Maker = (random) => random.pick<Maker>([
  (r) => [0xc0 + r.below(2), ...modrm(r, r.below(8)), r.below(40)],
  (r) => [0xd0 + r.below(4), ...modrm(r, r.below(8))],
  (r) => [0x0f, r.pick([0xa4, 0xac]), ...anyModrm(r), r.below(40)],
  (r) => [0x0f, r.pick([0xa5, 0xad]), ...anyModrm(r)],
  (r) => [0x0f, r.pick([0xa3, 0xab, 0xb3, 0xbb]), ...anyModrm(r)],
  (r) => [0x0f, 0xba, ...modrm(r, 4 + r.below(4)), r.below(256)],
  (r) => [0x0f, 0xbc + r.below(2), ...anyModrm(r)],
  (r) => [0x0f, 0xc8 + r.pick([0, 1, 2, 5])],
])(random);

const unary: Maker = (random) => random.pick<Maker>([
  (r) => [0x40 + r.pick([0, 1, 2, 3, 5, 6, 7]) + 8 * r.below(2)],
  (r) => { const n = r.below(8); return [0xf6, ...modrm(r, n), ...(n < 2 ? immediate(r, 1) : [])]; },
  (r) => { const n = r.below(8); return [0xf7, ...modrm(r, n), ...(n < 2 ? immediate(r, 4) : [])]; },
  (r) => [0xfe + r.below(2), ...modrm(r, r.below(2))],
  (r) => [0x69, ...anyModrm(r), ...immediate(r, 4)],
  (r) => [0x6b, ...anyModrm(r), r.below(256)],
  (r) => [0x0f, 0xaf, ...anyModrm(r)],
  (r) => [0x0f, 0xb0 + r.below(2), ...anyModrm(r)],
  (r) => [0x0f, 0xc0 + r.below(2), ...anyModrm(r)],
  (r) => [0x0f, 0xc7, ...modrm(r, 1, true)],
  (r) => [r.pick([0x27, 0x2f, 0x37, 0x3f, 0x98, 0x99, 0x9e, 0x9f, 0xd6, 0xd7, 0xf5, 0xf8, 0xf9, 0xfc, 0xfc, 0xfc, 0xfd])],
  (r) => [0xd4 + r.below(2), r.pick([10, 10, 0, 7, 16, 255])],
])(random);

const stack: Maker = (random) => random.pick<Maker>([
  (r) => [0x50 + r.below(8)],
  (r) => [0x58 + r.pick([0, 1, 2, 3, 5, 6, 7])],
  (r) => [0x68, ...immediate(r, 4)],
  (r) => [0x6a, r.below(256)],
  (r) => [0x8f, ...modrm(r, 0)],
  (r) => [0xff, ...modrm(r, 6)],
  () => [0x9c], () => [0x60], () => [0x61],
  (r) => [0xc8, ...word(r.below(64)), r.once(3) ? r.below(32) : 0],
  () => [0xc9],
  () => [0x9c, 0x9d], // pushf; popf
])(random);

const strings: Maker = (random) => {
  const operation = random.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf]);
  const setUp = random.once(3) ? [0xbe, ...dword(randomAddress(random)), 0xbf, ...dword(randomAddress(random))] : [];
  if (random.once(2)) return [...setUp, operation];
  const count = random.once(6) ? random.below(20_000) : random.below(64);
  return [...setUp, 0xb9, ...dword(count), ...(random.once(12) ? [0x66] : []), random.pick([0xf2, 0xf3]), operation];
};

const x87: Maker = (random) => {
  const opcode = 0xd8 + random.below(8);
  return random.once(2) ? [opcode, 0xc0 + random.below(64)] : [opcode, ...anyModrm(random, true)];
};

const PORTS = [
  0x20, 0x21, 0xa0, 0xa1, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x80, 0x92, 0x3b4, 0x3c0, 0x3c4, 0x3ce, 0x3d4, 0x3d5, 0x3da, 0x3f8, 0x3f9, 0x3fa,
  0x3fb, 0x3fc, 0x3fd, 0x4d0, 0x604, 0xcf8, 0xcf9, 0xcfc, 0xffff,
];

const ports: Maker = (random) => {
  const opcode = 0xec + random.below(4), port = random.once(5) ? random.below(0x10000) : random.pick(PORTS);
  if (random.once(8)) return [0xb9, ...dword(random.below(40)), 0xba, ...dword(port), 0xf3, 0x6c + random.below(4)];
  return [0xba, ...dword(port), opcode];
};

const selectors: Maker = (random) => {
  const selector = random.once(6) ? random.below(0x10000) : random.pick(SELECTORS), segment = random.pick([0, 3, 4, 4, 5, 5]);
  return random.pick<Maker>([
    () => [0x66, 0xb8, ...word(selector), 0x8e, 0xc0 | segment << 3],
    () => [0x68, ...dword(selector), 0x07],
    () => [0x68, ...dword(selector), 0x0f, 0xa1],
    (r) => [0x8c, ...modrm(r, r.below(6))],
    (r) => [0x66, 0xb8, ...word(selector), 0x0f, r.pick([2, 3]), 0xc8],
    (r) => [0x66, 0xb8, ...word(selector), 0x0f, 0, 0xc0 | r.pick([4, 5]) << 3],
    (r) => [0x63, ...anyModrm(r)],
    () => [0x1e, 0x1f],
  ])(random);
};

/** Control registers, tables, the monitor's business: kept to what a guest outlives. */
const system: Maker = (random) => random.pick<Maker>([
  () => [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8], // mov eax, cr3; mov cr3, eax
  () => [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8],
  (r) => [0x0f, 0x20, 0xc0, 0x35, ...dword(r.pick([1 << 16, 1 << 3, 1 << 18, 1 << 2])), 0x0f, 0x22, 0xc0], // toggle WP, TS, AM, EM
  (r) => [0x0f, 0x20, 0xe0, 0x83, 0xf0, r.pick([4, 8, 16]), 0x0f, 0x22, 0xe0],
  () => [0x0f, 0x20, 0xe0, 0x35, 0x80, 0, 0, 0, 0x0f, 0x22, 0xe0],
  (r) => [0x0f, 1, 0x3d, ...dword(randomAddress(r))], // invlpg
  (r) => [0x0f, 0x20 + r.below(2), 0xc0 | r.below(64)],
  (r) => [0x0f, 1, ...modrm(r, r.pick([0, 1, 4]))],
  (r) => [0x0f, 0, ...modrm(r, r.pick([0, 1]))],
  () => [0x0f, 0x31], () => [0x0f, 0xa2], () => [0x0f, 6], () => [0x0f, 9], () => [0xfb], () => [0xfb], () => [0xfb, 0x90, 0xfa],
  (r) => [0xcd, r.pick([0x80, 0x81, 3, 4, 0x20, 13, 14, 8])],
  () => [0xcc], () => [0xce], () => [0xf1],
  (r) => [0x62, ...anyModrm(r)],
  (r) => [0x0f, r.pick([0x30, 0x32, 0x33, 0x0b])],
])(random);

/** Rarely survived: page tables, debug registers, the trap flag, HLT, far transfers through anything. */
const perilous: Maker = (random) => random.pick<Maker>([
  (r) => [0xc7, 0x05, ...dword(TABLE + (r.below(256) << 2)), ...dword(r.below(256) << 12 | r.below(0x200))],
  (r) => [0x80, 0x35, ...dword(TABLE + (r.below(256) << 2)), r.pick([1, 2, 4, 2, 2])], // xor byte [pte], bit
  (r) => [0x80, 0x35, ...dword(TABLE + ((DATA >>> 12) + r.below(DATA_BYTES >> 12) << 2)), r.pick([1, 2, 4, 0x20, 0x40])],
  (r) => [0xb8, ...dword(randomAddress(r)), 0x0f, 0x23, 0xc0 | r.below(4) << 3], // mov dr0..3, eax
  (r) => [0xb8, ...dword(r.pick([0, 0, 1, 0x10001, 0x30003, 0xd000c, 0x2000, 0x155])), 0x0f, 0x23, 0xf8], // mov dr7, eax
  () => [0x9c, 0x80, 0x4c, 0x24, 1, 1, 0x9d], // set TF
  () => [0x9c, 0x80, 0x64, 0x24, 1, 0xfe, 0x9d], // clear TF
  () => [0xf4],
  () => [0xfb, 0xf4],
  (r) => [0xea, ...dword(CODE + r.below(CODE_BYTES)), ...word(r.pick(SELECTORS))],
  (r) => [0x9a, ...dword(CODE + r.below(CODE_BYTES)), ...word(r.pick(SELECTORS))],
  (r) => [0xff, ...modrm(r, r.pick([3, 5]), true)],
  () => [0xcf], () => [0xcb],
  (r) => [0xc4 + r.below(2), ...anyModrm(r, true)],
  (r) => [0x0f, r.pick([0xb4, 0xb5]), ...anyModrm(r, true)],
  (r) => [0x0f, 1, ...modrm(r, 6)], // lmsw
  (r) => [0x66, 0xb8, ...word(r.pick(SELECTORS)), 0x0f, 0, r.pick([0xd0, 0xd8])], // lldt, ltr
  (r) => [0x66, 0xb8, ...word(r.pick(SELECTORS)), 0x8e, 0xd0], // mov ss, ax
  (r) => [0xe8 + r.pick([0, 1]), ...dword(r.value())],
  (r) => [0xff, ...modrm(r, r.pick([2, 4]))],
])(random);

const noise: Maker = (random) => Array.from({ length: 1 + random.below(8) }, () => random.below(256));

/** How often each kind comes, of their sum. */
const KINDS: ReadonlyArray<readonly [weight: number, make: Maker]> = [
  [24, arithmetic], [26, moves], [12, shifts], [14, unary], [9, stack], [5, strings], [6, x87], [1, ports], [2, selectors], [3, system], [1, perilous], [1, noise],
];
const TOTAL = KINDS.reduce((sum, [weight]) => sum + weight, 0);
const PREFIXES = [0x66, 0x66, 0x66, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** The bytes of one random instruction, or of a few that belong together. `wild` times as many perilous ones as usual. */
export function randomInstruction(random: Random, wild = 1): number[] {
  const prefix = random.once(9) ? [random.pick(PREFIXES)] : [];
  if (wild > 1 && random.below(TOTAL) < wild) return [...prefix, ...random.pick([system, perilous, selectors, ports])(random)];
  let choice = random.below(TOTAL);
  for (const [weight, make] of KINDS) {
    choice -= weight;
    if (choice < 0) return [...prefix, ...make(random)];
  }
  throw new Error("unreachable");
}
