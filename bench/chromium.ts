/**
 * The same compute kernels under both engines, in this Node and in a headless Chromium: pointer compression makes integers beyond 31 bits
 * costlier there, so what is fast in Node need not be in a page.
 *
 *     node bench/chromium.ts [--rounds N] [--kernel NAME]... [--max-instructions N] [--chromium PROGRAM]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { chromium, type Page } from "playwright-core";
import { runGuest, type GuestJob, type GuestRun } from "./browser/run-guest.ts";
import { serveModules } from "./browser/module-server.ts";
import { integer } from "./cases/integer.ts";
import { median } from "./statistics.ts";
import { formatTable } from "./table.ts";

const ROOT = join(import.meta.dirname, "..");
const ENGINES = ["translate", "interpret"] as const;
const MEMORY = 64 << 20;
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" }, kernel: { type: "string", multiple: true, default: ["sha256"] },
    "max-instructions": { type: "string", default: "500000000" }, chromium: { type: "string", default: "/usr/bin/chromium" },
  },
});
const rounds = Number(values.rounds), maxInstructions = Number(values["max-instructions"]);

/** Runs an image of this repository, named by its path from the root. */
type Run = (image: string, engine: GuestJob["engine"]) => Promise<GuestRun>;

async function inPage(use: (run: Run, version: string) => Promise<void>): Promise<void> {
  const server = await serveModules();
  const profile = mkdtempSync(join(tmpdir(), "calque-chromium-"));
  try {
    const browser = await chromium.launchPersistentContext(profile, { executablePath: values.chromium, headless: true, args: ARGUMENTS });
    try {
      const page = await browser.newPage();
      page.on("pageerror", (error) => { process.stderr.write(`page: ${error.message}\n`); });
      await use((image, engine) => evaluate(page, server.origin, image, engine), browser.browser()?.version() ?? "unknown");
    } finally {
      await browser.close();
    }
  } finally {
    server.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

/** A fresh page each time, so that no run finds functions that another one warmed up. */
async function evaluate(page: Page, origin: string, image: string, engine: GuestJob["engine"]): Promise<GuestRun> {
  await page.goto(`${origin}/bench/browser/index.html`);
  await page.waitForFunction(() => globalThis.runGuestImage !== undefined);
  return page.evaluate(
    ([url, kind, memory, limit]) => globalThis.runGuestImage!(url, kind, memory, limit),
    [`${origin}/${image}`, engine, MEMORY, maxInstructions] as const,
  );
}

const rows: string[][] = [];

async function measure(where: string, run: Run): Promise<void> {
  for (const name of values.kernel) {
    const image = relative(ROOT, integer.build(name).kernel);
    for (const engine of ENGINES) {
      const runs: GuestRun[] = [];
      for (let round = 0; round < rounds; round++) runs.push(await run(image, engine));
      const seconds = median(runs.map((each) => each.seconds)), last = runs.at(-1)!;
      rows.push([name, where, engine, seconds.toFixed(2), last.instructions.toLocaleString("en"), (last.instructions / seconds / 1e6).toFixed(0), last.end]);
    }
  }
}

await measure(`Node ${process.version}`, (image, engine) => {
  return Promise.resolve(runGuest({ image: readFileSync(join(ROOT, image)), engine, memory: MEMORY, maxInstructions }));
});
await inPage((run, version) => measure(`Chromium ${version}`, run));
process.stdout.write(`${rounds} rounds\n\n${formatTable(["kernel", "where", "engine", "median s", "instructions", "MIPS", "end"], rows)}\n`);
