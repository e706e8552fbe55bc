/** Interrupts that come between any two instructions of code that switches them on and off, polls ports and loads segments. */
import { expect, test } from "vitest";
import { dword, type Assembler } from "./assembler.ts";
import { DATA, EAX, EBX, ESI, STACK, chance, escapeHere, programPics, survives } from "./shelter.ts";

/** The timer at so many of its ticks of 838 ns. */
function timer(a: Assembler, divisor: number): Assembler {
  return a.out(0x43, 0x34).out(0x40, divisor & 255).out(0x40, divisor >> 8);
}

/** inc dword [DATA + 4 · k]: how far a turn came before it was interrupted. */
const note = (a: Assembler, k: number): Assembler => a.bytes(0xff, 0x05, ...dword(DATA + 4 * k));

const CLI = 0xfa, STI = 0xfb, PUSHF = 0x9c, POPF = 0x9d, INC_EBX = 0x43;

const PIECES: Readonly<Record<string, (a: Assembler) => void>> = {
  "CLI and STI": (a) => { a.bytes(CLI, INC_EBX); note(a, 0).bytes(STI, INC_EBX); note(a, 1); },
  "STI before a load that faults by turns": (a) => {
    a.bytes(CLI);
    chance(a).with32([0x25], 0x7fffff).bytes(STI, 0x8b, 0x00); // mov eax, [eax]: beyond memory it reads ones
    note(a, 2);
  },
  "STI before STI, CLI, PUSHF and a branch": (a) => { a.bytes(CLI, STI, STI, INC_EBX, CLI, STI, CLI, STI, PUSHF, POPF, STI, 0x75, 0, INC_EBX); note(a, 3); },
  "STI before OUT, REP and a segment load": (a) => {
    a.bytes(CLI, STI).out(0x80, 1).bytes(CLI, 0xb9, ...dword(3)).set(7, DATA + 64).bytes(STI, 0xf3, 0xaa, 0x8c, 0xd8, CLI, STI, 0x8e, 0xc0);
    note(a, 4);
  },
  "STI before HLT, with an interrupt that waits and without": (a) => { a.bytes(CLI, 0xb9, ...dword(400)).label("wait").bytes(INC_EBX, 0xe2, 0xfd, STI, 0xf4, CLI, STI, 0xf4); note(a, 8); },
  "STI between ports": (a) => { a.bytes(CLI).out(0x80, 1).bytes(STI, 0xe4, 0x21, INC_EBX, 0xe4, 0x40, CLI, 0xe6, 0x80); note(a, 9); },
  "POPF": (a) => { a.bytes(PUSHF, CLI, INC_EBX, POPF, INC_EBX, PUSHF, 0x81, 0x0c, 0x24, ...dword(0x200), CLI, POPF, INC_EBX); note(a, 5); },
  "POPF of TF, AC and ID": (a) => { chance(a).with32([0x25], 0x240ed5).bytes(0x50, POPF, INC_EBX, PUSHF, 0x58, 0xfc); note(a, 6); },
  "ports": (a) => { a.bytes(0xe4, 0x21, 0xe4, 0x40, STI, INC_EBX, 0xe6, 0x80, CLI); note(a, 7); },
};

test.each(Object.keys(PIECES))("%s", (name) => {
  for (const divisor of [2, 5]) {
    const pair = survives((a) => {
      programPics(a);
      timer(a, divisor).set(EBX, 0).set(ESI, DATA);
      escapeHere(a).bytes(STI).label("again");
      PIECES[name]!(a);
      a.set(EAX, 0).jump("again");
    }, { budget: 120_000, every: 4999 });
    const { interrupts, translated } = pair.translated.vcpu.stats as { readonly interrupts: number; readonly translated: number };
    expect(interrupts).toBeGreaterThan(10);
    expect(translated).toBeGreaterThan(1000);
  }
});

test("a timer that is set to sooner than what was awaited, behind which regions follow one another", () => {
  const pair = survives((a) => {
    programPics(a);
    a.out(0x43, 0x34).out(0x40, 0).out(0x40, 0).set(EBX, 0);
    escapeHere(a).bytes(STI).label("again").bytes(INC_EBX, 0x89, 0xd9, 0x81, 0xe1, ...dword(0x3ff), 0xf7, 0xd9, 0x19, 0xc9, 0x89, 0xca); // edx = ebx & 3ffh ? -1 : 0
    a.out(0x43, 0x30).out(0x40, 130).bytes(0x88, 0xd0, 0xe6, 0x40); // one shot: far away, or soon
    a.bytes(0xf7, 0xd1, 0x81, 0xe1, ...dword(400_000), 0x41).label("wait").bytes(0x49).near([0x0f, 0x85], "wait"); // a short wait, or a long one
    note(a, 0).jump("again");
  }, { budget: 2_000_000, every: 1_000_000 });
  expect((pair.translated.vcpu.stats as { readonly interrupts: number }).interrupts).toBeGreaterThan(3);
});

const ICEBP = 0xf1, IRETD = 0xcf, PUSH_CS = 0x0e, RESUME = 0x10002;

/** An IRETD to `label`, with RF in every 32nd turn. */
function resume(a: Assembler, label: string): void {
  a.bytes(0xf6, 0xc3, 0x1f).with32([0xb8], 2).short([0x75], "plain").with32([0xb8], RESUME).label("plain"); // test bl, 1fh; mov eax, flags
  a.bytes(0x50, PUSH_CS).address([0x68], label).bytes(IRETD);
}

test.each<readonly [string, (a: Assembler) => void]>([
  ["a trap pushes RF where it is set", (a) => { resume(a, "here"); a.label("here").bytes(ICEBP); }],
  ["an IRET that RF was for sets it again", (a) => {
    a.with32([0x68], RESUME).bytes(PUSH_CS).address([0x68], "there");
    resume(a, "here");
    a.label("here").bytes(IRETD).label("there").bytes(ICEBP);
  }],
])("%s", (_name, piece) => {
  const pair = survives((a) => {
    a.set(EBX, 0);
    escapeHere(a).bytes(INC_EBX, 0xb1, 5).label("loop").bytes(0xfe, 0xc9).short([0x75], "loop"); // inc ebx; mov cl, 5; dec cl
    a.bytes(0xa1, ...dword(STACK - 4), 0x01, 0x05, ...dword(DATA)); // the flags that were pushed last
    piece(a);
  }, { budget: 100_000, every: 4999 });
  expect((pair.translated.vcpu.stats as { readonly translated: number }).translated).toBeGreaterThan(1000);
});
