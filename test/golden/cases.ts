/** Guest code for the goldens, in groups of one file each. The listings there show what the bytes are. */

export interface GoldenCase {
  readonly name: string;
  /** In hexadecimal. */
  readonly bytes: string;
  /** Linear address of the first byte, 1000h where it is absent. */
  readonly at?: number;
}

export interface GoldenGroup {
  /** The golden's name. */
  readonly name: string;
  readonly title: string;
  readonly cases: readonly GoldenCase[];
}

export const GROUPS: readonly GoldenGroup[] = [
  {
    name: "operands", title: "Kinds of operand: where registers, memory and immediates stand in the generated code.",
    cases: [
      { name: "byte registers, low and high", bytes: "00 d8 88 cc 30 f5" },
      { name: "16-bit registers keep the upper half", bytes: "66 89 d8 66 81 c1 34 12" },
      { name: "32-bit registers and immediates", bytes: "b8 78 56 34 12 83 c0 ff 81 e3 00 00 00 80" },
      { name: "an absolute address", bytes: "a1 78 56 34 12 a2 00 40 00 00" },
      { name: "base", bytes: "8b 03" },
      { name: "base and displacement", bytes: "8b 43 f8" },
      { name: "base, index, scale and displacement", bytes: "8b 44 b3 10" },
      { name: "index without base", bytes: "8b 04 f5 10 00 00 00" },
      { name: "the stack pointer as base", bytes: "8b 44 24 04" },
      { name: "16-bit addressing", bytes: "67 8b 40 10" },
      { name: "LEA touches no memory", bytes: "8d 44 5b 07" },
      { name: "zero- and sign-extension", bytes: "0f b6 c3 0f bf 0a" },
      { name: "exchange", bytes: "87 d1 86 fb" },
      { name: "XOR of a register with itself", bytes: "31 c0" },
      { name: "shift by a constant, by CL, by nothing", bytes: "c1 e0 04 d3 fb c1 e0 20" },
      { name: "rotate", bytes: "c1 c0 03 66 d3 cb" },
      { name: "wide products and quotients", bytes: "f7 e3 6b ca 0a f7 f6" },
      { name: "bits and bytes", bytes: "0f bc c3 0f ba e9 05 0f ca 0f 9c c0" },
      { name: "stack", bytes: "6a 05 53 59 ff 74 24 08 8f 44 24 08" },
      { name: "segment registers", bytes: "8c d8 06" },
    ],
  },
  {
    name: "flags", title: "How flags are used: a compare and its branch become one comparison; a flag that nobody can see is never computed.",
    cases: [
      {
        name: "CMP and every condition",
        bytes: "39 d8 70 3c 39 d8 71 38 39 d8 72 34 39 d8 73 30 39 d8 74 2c 39 d8 75 28 39 d8 76 24 39 d8 77 20 39 d8 78 1c " +
          "39 d8 79 18 39 d8 7a 14 39 d8 7b 10 39 d8 7c 0c 39 d8 7d 08 39 d8 7e 04 39 d8 7f 00 90",
      },
      {
        name: "TEST and every condition",
        bytes: "85 d8 70 3c 85 d8 71 38 85 d8 72 34 85 d8 73 30 85 d8 74 2c 85 d8 75 28 85 d8 76 24 85 d8 77 20 85 d8 78 1c " +
          "85 d8 79 18 85 d8 7a 14 85 d8 7b 10 85 d8 7c 0c 85 d8 7d 08 85 d8 7e 04 85 d8 7f 00 90",
      },
      { name: "ADD and the conditions on a sum", bytes: "01 d8 72 0c 01 d8 75 08 01 d8 79 04 01 d8 7e 00 90" },
      { name: "DEC and its branches", bytes: "49 75 09 49 78 06 49 72 03 49 7c 00 90" },
      { name: "byte compare", bytes: "38 d8 72 05 80 3e 0a 74 00 90" },
      { name: "one compare, three ways", bytes: "39 d8 7c 03 74 02 41 42 90" },
      { name: "INC keeps the carry alive", bytes: "01 d8 41 72 01 90 90" },
      { name: "an ADC chain", bytes: "01 f0 11 fb 83 d1 00 19 d2" },
      { name: "dead flags", bytes: "83 c0 01 83 eb 02 31 c9 39 d8 74 01 90 90" },
      { name: "a load keeps them alive", bytes: "83 c0 01 8b 0e 83 c0 02" },
      { name: "flags across blocks, one way in", bytes: "83 f8 05 eb 01 90 74 01 90 90" },
      { name: "flags across blocks, two ways in", bytes: "85 d2 74 05 83 f8 05 eb 02 01 d8 7c 01 90 90" },
      { name: "a shift whose count may be 0", bytes: "39 d8 d3 e2 74 01 90 90" },
      { name: "a rotate changes two of them", bytes: "01 d8 c1 c0 05 8b 0e 74 01 90 d3 c8 72 01 90 90" },
      { name: "as values", bytes: "39 d8 0f 92 c1 0f 4c d6 19 ff" },
      { name: "as bits", bytes: "01 d8 9f 9e f5 72 01 90 90" },
    ],
  },
  {
    name: "memory", title: "Memory: one test decides mapping and alignment together; what fails it goes the slow way, which may fault.",
    cases: [
      { name: "loads", bytes: "8a 03 66 8b 4b 01 8b 53 03" },
      { name: "stores", bytes: "88 03 66 89 4b 01 89 53 03 c7 03 07 00 00 00" },
      { name: "read-modify-write", bytes: "80 03 01 66 ff 43 01 31 53 03 f7 13" },
      { name: "exchange and compare", bytes: "87 03 f0 0f b1 0e f0 0f c1 17" },
      { name: "eight bytes", bytes: "0f c7 0e" },
      { name: "a segment with a base", bytes: "64 a1 10 00 00 00 65 89 0b" },
      { name: "a store into the code segment is checked", bytes: "2e 89 03" },
      { name: "one element of a string", bytes: "ac ab 66 a5 ae a7" },
    ],
  },
  {
    name: "ends", title: "Block ends: inside a region a branch is JavaScript control flow; everything else leaves by its address.",
    cases: [
      { name: "the code goes on where it was never executed", bytes: "90" },
      { name: "jump", bytes: "eb 01 90 40" },
      { name: "branch out of the region", bytes: "85 c0 0f 84 00 10 00 00 41" },
      { name: "both ways meet again", bytes: "85 c0 74 03 41 eb 01 49 89 ca" },
      { name: "call, copied in, and its return predicted", bytes: "e8 03 00 00 00 41 eb 05 8b 44 24 04 c3 90" },
      { name: "a function called twice is copied twice", bytes: "e8 07 00 00 00 e8 02 00 00 00 eb 02 40 c3 90" },
      { name: "recursion leaves", bytes: "48 74 05 e8 f8 ff ff ff c3" },
      { name: "indirect jump and call", bytes: "83 f8 03 77 07 ff 24 85 00 20 00 00 ff d3" },
      { name: "return to an unknown caller", bytes: "c2 08 00" },
      { name: "counted in ECX", bytes: "e3 02 e2 fe 90" },
      { name: "transferred: the monitor sets EIP", bytes: "40 cf" },
      { name: "far", bytes: "ea 78 56 34 12 08 00" },
      { name: "a callout in the middle", bytes: "40 fa 41" },
      { name: "repeated string instruction", bytes: "fc f3 a5 41" },
      { name: "port", bytes: "ec e6 80" },
      { name: "x87", bytes: "d9 03 d8 c1" },
      { name: "undefined by the table", bytes: "0f 0b" },
    ],
  },
  {
    name: "loops", title: "Loops: structured control flow, the budget tested on every back edge.",
    cases: [
      { name: "one loop", bytes: "03 06 83 c6 04 49 75 f8 c3" },
      { name: "nested", bytes: "ba 03 00 00 00 4a 75 fd 49 75 f5 c3" },
      { name: "two exits", bytes: "80 3e 00 74 07 46 49 75 f7 31 c0 c3 89 f0 c3" },
      { name: "a condition inside", bytes: "a8 01 74 04 01 c3 eb 02 29 c3 48 75 f3 c3" },
      { name: "two back edges", bytes: "48 74 fd 4b 75 fa c3" },
      { name: "a call inside", bytes: "e8 04 00 00 00 49 75 f8 c3 01 c8 c3" },
      { name: "irreducible: the second entry leaves", bytes: "85 c0 74 01 41 4a 75 fc c3" },
      { name: "across a page", bytes: "40 43 41 42 90 90 90 90 4e 75 f5 c3", at: 0x1ff8 },
      { name: "an instruction on two pages ends the region", bytes: "40 90 bb 05 00 00 00", at: 0x1ffd },
    ],
  },
  {
    name: "classes", title: "Each class once, by its letter: I ident, N inline, C callout, B branch.",
    cases: [
      { name: "ident", bytes: "01 d8" },
      { name: "inline", bytes: "fb" },
      { name: "callout", bytes: "0f 22 d8" },
      { name: "branch", bytes: "eb 00 90" },
    ],
  },
];
