/** `calque measure` as a user runs it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Report } from "../../src/measure/report.ts";
import { runPeer } from "../../src/cli/peers/run-peer.ts";
import { CLI_HLT, print, spin } from "../images/code.ts";
import { calque, flatImage, temporaryFolder } from "./calque.ts";

const folder = temporaryFolder();
/** 6 + 1 + 20,000 + 6 + 2 instructions. */
const image = flatImage(folder, "code", [...print("ab"), ...spin(20_000), ...print("cd"), ...CLI_HLT]);
const reportIn = (out: string): Report => JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Report;

describe("calque measure", () => {
  it("prints the table and writes the report", async () => {
    const out = join(folder, "deep", "report"), ended = await calque(["measure", ...image, "--out", out]);
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toBe("abcd");
    expect(ended.stderr).toMatch(/total +\d+ +20,015 +100\.00 %/);
    expect(reportIn(out).run).toMatchObject({ instructions: 20_015, end: "halted", engine: "translate", after: null });
    expect(readFileSync(join(out, "report.html"), "utf8")).toMatch(/^<!DOCTYPE html>[\s\S]*<\/html>\n$/);
  });

  it("begins where --after says", async () => {
    const out = join(folder, "after"), ended = await calque(["measure", ...image, "--out", out, "--after", "b", "--expect", "cd"]);
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toBe("cd");
    const { run, classes } = reportIn(out);
    expect(run).toMatchObject({ instructions: 20_015 - 6 - 2, end: "expected", after: "b" });
    expect(classes.total).toBe(run.instructions);
    const counted = await calque(["measure", ...image, "--out", out, "--after", "1_000", "--engine", "interpret"]);
    expect(counted.code, counted.stderr).toBe(0);
    expect(reportIn(out).run).toMatchObject({ instructions: 20_015 - 1000, engine: "interpret" });
  });

  it("says what is wrong before it runs", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const blocked = await calque(["measure", ...image, "--out", join(file, "report")]);
    expect([blocked.code, blocked.stdout]).toEqual([2, ""]);
    expect(blocked.stderr).toMatch(/^calque: .*file\/report: .+\n$/);
    const out = join(folder, "none"), never = await calque(["measure", ...image, "--out", out, "--after", "never"]);
    expect(never.code).toBe(2);
    expect(never.stderr).toContain("the guest ended (halted) after 20015 instructions, before that");
    expect(existsSync(join(out, "report.json"))).toBe(false);
  });
});

describe("calque compare", () => {
  it("takes medians of rounds, single blocks and a start behind a text", async () => {
    const ended = await calque(["compare", ...image, "--runs", "2", "--no-regions", "--after", "b", "--expect", "cd"]);
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toBe("cd");
    expect(ended.stderr).toMatch(/median of 2, s/);
    for (const name of ["translate", "interpret", "no regions"]) expect(ended.stderr).toMatch(new RegExp(`^  ${name} +20,007 `, "m"));
    expect(ended.stderr).toMatch(/final state: equal \([0-9a-f]{16}\)\n  serial output: equal \(2 bytes\)/);
  });

  it("says why other machines cannot run the image", async () => {
    const flat = await calque(["compare", ...image, "--peers", "--expect", "cd"]);
    expect([flat.code, flat.stderr]).toEqual([2, "calque: --peers: other machines are given multiboot kernels and bzImages only\n"]);
    const endless = await calque(["compare", "demo", "--peers"]);
    expect([endless.code, endless.stderr]).toEqual([2, "calque: --peers: needs an --expect that ends the run, and no --after\n"]);
  });
});

describe("a peer", () => {
  const steps = [{ kind: "expect", text: Buffer.from("who?") }, { kind: "send", bytes: Buffer.from("me\n") }, { kind: "expect", text: Buffer.from("hello me") }] as const;

  it("is talked to and timed", async () => {
    const run = await runPeer({ file: "/bin/sh", args: ["-c", "echo who?; read name; echo hello $name; sleep 60"] }, steps, 30);
    expect("seconds" in run && run.seconds > 0 && run.seconds < 30).toBe(true);
  });

  it("that ends, hangs or is not there is told of", async () => {
    expect(await runPeer({ file: "/bin/sh", args: ["-c", "exit 3"] }, steps, 30)).toEqual({ failure: "ended with code 3 before the expected text" });
    expect(await runPeer({ file: "/bin/sh", args: ["-c", "exec sleep 60"] }, steps, 0.2)).toEqual({ failure: "not there after 0.2 s" });
    expect(await runPeer({ file: "/nonexistent/program", args: [] }, steps, 30)).toMatchObject({ failure: expect.stringContaining("ENOENT") as string });
  });
});
