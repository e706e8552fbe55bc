/**
 * The shell commands of the group "shell" in two checkouts of calque in turn, again and again in two guests that stay: what one machine does slower in one minute
 * than in the next it does slower to both. The first execution, which translates, is told apart from the median of the others.
 *
 *     npx node bench/in-turn.ts --other FOLDER [--rounds 8] [--match fork,awk] [--flags=--node-flag]
 *
 * `--flags` go to the Node of this checkout alone; without `--other` it is compared with itself.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { guestFolder, shell } from "./cases/debian.ts";
import { median } from "./statistics.ts";
import { formatTable } from "./table.ts";

const PROMPT = "~ # ", HERE = join(import.meta.dirname, "..");

/** A guest at its prompt. */
class Session {
  readonly #process: ChildProcess;
  #seen = "";
  /** What waits for the prompt is told of what came, and of the end. */
  #looks: () => void = () => {};
  #hasEnded = false;

  constructor(folder: string, flags: readonly string[]) {
    this.#process = spawn(process.execPath, [...flags, "bin/calque.js", "run", "debian", "--input", "-", "--pace", "real"], { cwd: folder, env: { ...process.env, CALQUE_GUESTS: guestFolder }, stdio: ["pipe", "pipe", "inherit"] });
    this.#process.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#seen += text;
      this.#looks();
    });
    this.#process.on("exit", () => {
      this.#hasEnded = true;
      this.#looks();
    });
  }

  /** Throws where the guest ends before. */
  async prompt(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#looks = () => {
        if (this.#seen.includes(PROMPT)) resolve();
        else if (this.#hasEnded) reject(new Error(`calque has ended before its prompt: ${this.#seen.slice(-200)}`));
      };
      this.#looks();
    });
    this.#seen = "";
  }

  /** Seconds that a command takes. */
  async seconds(command: string): Promise<number> {
    const start = performance.now();
    this.#process.stdin!.write(`${command}\n`);
    await this.prompt();
    return (performance.now() - start) / 1000;
  }

  end(): void { this.#process.kill(); }
}

const { values } = parseArgs({ options: { other: { type: "string" }, rounds: { type: "string", default: "8" }, match: { type: "string" }, flags: { type: "string" } } });
const wanted = values.match?.split(","), dialogue = shell.build("session").dialogue!;
const steps = dialogue.filter(({ name }) => wanted === undefined || wanted.some((part) => name.includes(part)));
const sessions = [new Session(values.other ?? HERE, []), new Session(HERE, values.flags?.split(",") ?? [])] as const;
try {
  await Promise.all(sessions.map(async (session) => session.prompt()));
  const times = new Map(steps.map(({ name }) => [name, [[], []] as readonly [number[], number[]]]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, command } of steps) {
      for (const k of round % 2 === 0 ? [0, 1] as const : [1, 0] as const) times.get(name)![k].push(await sessions[k].seconds(command));
    }
  }
  const rows = [...times].map(([name, [other, own]]) => {
    const ratios = own.map((seconds, k) => seconds / other[k]!), [first, ...rest] = ratios;
    return [name, other[0]!.toFixed(2), own[0]!.toFixed(2), first!.toFixed(2), ...(rest.length === 0 ? ["", "", ""] : [median(other.slice(1)).toFixed(2), median(own.slice(1)).toFixed(2), median(rest).toFixed(2)])];
  });
  console.log(formatTable(["command", "first: other s", "this s", "ratio", "then: other s", "this s", "ratio"], rows));
} finally {
  for (const session of sessions) session.end();
}
