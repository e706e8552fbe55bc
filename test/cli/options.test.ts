import { describe, expect, it } from "vitest";
import { commandHelp, generalHelp } from "../../src/cli/help.ts";
import { COMMANDS, DEFAULT_RTC, OPTIONS, optionsOf, parseCommandLine, type Settings } from "../../src/cli/options.ts";
import { CalqueError } from "../../src/error.ts";

function settings(...args: string[]): Settings {
  const request = parseCommandLine(args);
  if (request.kind !== "command") throw new Error(request.kind);
  return request.settings;
}

describe("the command line", () => {
  it("has the documented defaults", () => {
    expect(settings("run")).toMatchObject({
      operands: [], memory: 256 << 20, engine: "translate", serial: { kind: "stdio" }, script: [], timeout: undefined, maxInstructions: undefined,
      every: 1_000_000, pace: undefined, readInput: false, debugExit: undefined, rtc: undefined, verifyCode: false,
    });
    expect(DEFAULT_RTC).toBe(Date.parse("2026-01-01T00:00:00Z"));
  });

  it("reads every kind of value", () => {
    expect(settings("run", "x.elf", "--memory=48M", "--engine", "interpret", "--debug-exit", "0xf4", "--timeout", "1.5", "--max-instructions", "8e9",
      "--serial", "file:out", "--load-at", "0x7c00", "--bits", "16", "--rtc", "2030-05-06", "--input", "-", "--append", "")).toMatchObject({
      operands: ["x.elf"], memory: 48 << 20, engine: "interpret", debugExit: 0xf4, timeout: 1.5, maxInstructions: 8e9,
      serial: { kind: "file", path: "out" }, loadAt: 0x7c00, bits: 16, rtc: Date.UTC(2030, 4, 6), readInput: true, append: "",
    });
    expect(settings("run", "--memory", "1G").memory).toBe(2 ** 30);
    expect(settings("run", "--rtc", "2030-05-06T07:08:09Z").rtc).toBe(Date.UTC(2030, 4, 6, 7, 8, 9));
    expect(settings("run", "--rtc", "2030-05-06T07:08:09").rtc).toBe(Date.UTC(2030, 4, 6, 7, 8, 9));
  });

  it("keeps the order of expected and sent text, which may begin with dashes", () => {
    expect(settings("run", "--send", "a", "--expect", "--- done", "demo", "--send", "-x\\n").script).toEqual([
      { kind: "send", bytes: Uint8Array.of(97) }, { kind: "expect", text: new TextEncoder().encode("--- done") }, { kind: "send", bytes: Uint8Array.of(45, 120, 10) },
    ]);
  });

  it.each([
    [[], /no command/], [["walk"], /unknown command "walk"/], [["run", "--speed", "9"], /--speed: unknown option/], [["run", "-q"], /-q: unknown option/],
    [["run", "--memory", "12Q"], /--memory: /], [["run", "--memory", "2G"], /--memory: /], [["run", "--memory", "64K"], /--memory: /],
    [["run", "--engine", "jit"], /--engine: "jit" is none of/], [["run", "--bits", "64"], /--bits/], [["run", "--debug-exit", "0x10000"], /--debug-exit/],
    [["run", "--timeout", "0"], /--timeout/], [["run", "--max-instructions", "many"], /--max-instructions/], [["run", "--rtc", "yesterday"], /--rtc/],
    [["run", "--serial", "file:"], /--serial/], [["run", "--kernel"], /--kernel: needs a value/], [["run", "--kernel", "--initrd", "x"], /--kernel: needs a value/],
    [["run", "--verify-code=yes"], /takes no value/], [["run", "--memory", "1G", "--memory", "2M"], /given twice/], [["run", "--fetch"], /--fetch: no option of "calque run"/],
    [["run", "--expect="], /--expect/], [["run", "--send", "\\q"], /--send/], [["run", "--replay", "f", "--send", "x"], /--replay/], [["run", "--input", "file"], /--input/],
  ])("refuses %j in one line", (args, message) => {
    expect(() => parseCommandLine(args)).toThrow(CalqueError);
    expect(() => parseCommandLine(args)).toThrow(message);
  });

  it("helps", () => {
    expect(parseCommandLine(["--help"])).toEqual({ kind: "help", command: undefined });
    expect(parseCommandLine(["run", "x", "--help"])).toEqual({ kind: "help", command: "run" });
    expect(parseCommandLine(["help", "show"])).toEqual({ kind: "help", command: "show" });
    expect(parseCommandLine(["--version"])).toEqual({ kind: "version" });
    for (const command of COMMANDS) {
      expect(generalHelp()).toContain(`  ${command} `);
      for (const [name] of optionsOf(command)) expect(commandHelp(command)).toContain(`  --${name}`);
    }
    expect(Object.values(OPTIONS).every((option) => option.help.length < 100)).toBe(true);
  });
});
