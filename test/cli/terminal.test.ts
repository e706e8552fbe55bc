import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EscapeFilter } from "../../src/cli/terminal.ts";
import { echo, out8, print } from "../images/code.ts";
import { flatImage, temporaryFolder } from "./calque.ts";

const folder = temporaryFolder();
const LAUNCHER = join(import.meta.dirname, "../../bin/calque.js");
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const hasScript = spawnSync("script", ["--version"]).error === undefined;

describe("the escape key", () => {
  const feed = (...chunks: string[]): { input: string; commands: string[] } => {
    const filter = new EscapeFilter(), input: number[] = [], commands: string[] = [];
    for (const chunk of chunks) {
      const fed = filter.feed(new TextEncoder().encode(chunk));
      input.push(...fed.input);
      commands.push(...fed.commands);
    }
    return { input: String.fromCharCode(...input), commands };
  };

  it("leaves, helps, or stands for itself", () => {
    expect(feed("ls\u0003\u0001\u0001\u0001h\u0001qa")).toEqual({ input: "ls\u0003\u0001a", commands: ["help"] });
    expect(feed("a\u0001", "xb")).toEqual({ input: "a", commands: ["leave"] });
  });
});

/** Runs shell commands on a terminal of their own, typing each text when the one before it has appeared. */
function onTerminal(command: string, dialogue: ReadonlyArray<readonly [seen: string, typed: string | (() => void)]>): Promise<{ code: number | null; screen: string }> {
  return new Promise((resolve) => {
    const child = spawn("script", ["-qfec", command, "/dev/null"], { env: { ...process.env, NO_COLOR: "1" } });
    const waiting = [...dialogue];
    let screen = "", from = 0;
    child.stdout.on("data", (chunk: Uint8Array) => {
      screen += new TextDecoder().decode(chunk);
      for (let next = waiting[0]; next !== undefined && screen.includes(next[0], from); next = waiting[0]) {
        from = screen.indexOf(next[0], from) + next[0].length;
        if (typeof next[1] === "string") child.stdin.write(next[1]);
        else next[1]();
        waiting.shift();
      }
    });
    child.on("close", (code) => resolve({ code, screen }));
  });
}

describe.skipIf(!hasScript)("an interactive session", () => {
  const node = quoted(process.execPath), launcher = quoted(LAUNCHER);
  const run = (options: string, ...code: number[][]): string =>
    `${node} ${launcher} run ${flatImage(folder, `${Math.abs(code.flat().length)}.bin`, code.flat()).map(quoted).join(" ")} ${options}`;

  it("gives Ctrl-C to the guest, leaves by Ctrl-A x, and puts the terminal back", async () => {
    const { code, screen } = await onTerminal(`${run("", print("ready>"), echo("\u0000"))}; echo "[$?]"; stty -a`, [["ready>", "a\u0003b"], ["a\u0003b", "\u0001x"]]);
    expect(code).toBe(0);
    expect(screen).toContain("ready>a\u0003b");
    expect(screen).toContain("[0]");
    expect(screen).toMatch(/^isig icanon/m);
    expect(screen).toMatch(/ icrnl ixon /);
  });

  it("shows the keys", async () => {
    const { screen } = await onTerminal(run("", print("go>"), echo("\u0000")), [["go>", "\u0001h"], ["leave", "\u0001x"]]);
    expect(screen).toContain("Ctrl-A Ctrl-A  send Ctrl-A to the guest\r\n");
  });

  it("puts the terminal back when it is killed", async () => {
    const pidFile = join(folder, "pid");
    const command = `sh -c ${quoted(`echo $$ > ${quoted(pidFile)}; exec ${run("", print("wait>>"), echo("\u0000"))}`)}`;
    const kill = (): void => { process.kill(Number(readFileSync(pidFile, "utf8")), "SIGTERM"); };
    const { screen } = await onTerminal(`${command}; echo "[$?]"; stty -a`, [["wait>>", kill]]);
    expect(screen).toContain("[143]");
    expect(screen).toMatch(/^isig icanon/m);
  });

  it("is recorded with where it was left, and repeats", async () => {
    const record = join(folder, "session"), replayed = join(folder, "again");
    const command = run(`--record ${quoted(record)}`, print("more>"), out8(0x3f8, 62), echo("\u0000"));
    const live = await onTerminal(command, [["more>>", "xyz"], ["xyz", "\u0001x"]]);
    expect(live.screen).toBe("more>>xyz");
    expect(JSON.parse(readFileSync(record, "utf8").trimEnd().split("\n").at(-1)!)).toMatchObject({ end: true });
    const again = spawnSync("/bin/sh", ["-c", `${command.replace(/--record .*/, `--replay ${quoted(record)} --record ${quoted(replayed)}`)}`], { encoding: "utf8" });
    expect([again.status, again.stdout]).toEqual([0, "more>>xyz"]);
    expect(readFileSync(replayed, "utf8")).toBe(readFileSync(record, "utf8"));
  });
});
