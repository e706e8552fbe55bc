/**
 * The same guest under both engines, in this Node and in a headless Chromium: pointer compression makes integers beyond 31 bits costlier
 * there, so what is fast in Node need not be in a page.
 *
 *     node bench/chromium.ts [--rounds N] [--image FILE under test/guests] [--max-instructions N]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium, type Page } from "playwright-core";
import { runGuest, type GuestJob, type GuestRun } from "./browser/run-guest.ts";
import { serveModules } from "./browser/module-server.ts";
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
    rounds: { type: "string", default: "3" }, image: { type: "string", default: "test/guests/demo/demo.elf" },
    "max-instructions": { type: "string", default: "300000000" }, chromium: { type: "string", default: "/usr/bin/chromium" },
  },
});
const rounds = Number(values.rounds), maxInstructions = Number(values["max-instructions"]);

type Run = (engine: GuestJob["engine"]) => Promise<GuestRun>;

async function inPage(use: (run: Run, version: string) => Promise<void>): Promise<void> {
  const server = await serveModules();
  const profile = mkdtempSync(join(tmpdir(), "calque-chromium-"));
  try {
    const browser = await chromium.launchPersistentContext(profile, { executablePath: values.chromium, headless: true, args: ARGUMENTS });
    try {
      const page = await browser.newPage();
      page.on("pageerror", (error) => { process.stderr.write(`page: ${error.message}\n`); });
      await use((engine) => evaluate(page, server.origin, engine), browser.browser()?.version() ?? "unknown");
    } finally {
      await browser.close();
    }
  } finally {
    server.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

/** A fresh page each time, so that no run finds functions that another one warmed up. */
async function evaluate(page: Page, origin: string, engine: GuestJob["engine"]): Promise<GuestRun> {
  await page.goto(`${origin}/bench/browser/index.html`);
  await page.waitForFunction(() => globalThis.runGuestImage !== undefined);
  return page.evaluate(
    ([url, kind, memory, limit]) => globalThis.runGuestImage!(url, kind, memory, limit),
    [`${origin}/${values.image}`, engine, MEMORY, maxInstructions] as const,
  );
}

const rows: string[][] = [];

async function measure(where: string, run: Run): Promise<void> {
  for (const engine of ENGINES) {
    const runs: GuestRun[] = [];
    for (let round = 0; round < rounds; round++) runs.push(await run(engine));
    const seconds = median(runs.map((each) => each.seconds)), last = runs.at(-1)!;
    rows.push([`${where} ${engine}`, seconds.toFixed(3), last.instructions.toLocaleString("en"), (last.instructions / seconds / 1e6).toFixed(1), last.end]);
  }
}

const image = readFileSync(join(ROOT, values.image));
await measure(`Node ${process.version}`, (engine) => Promise.resolve(runGuest({ image, engine, memory: MEMORY, maxInstructions })));
await inPage((run, version) => measure(`Chromium ${version}`, run));
process.stdout.write(`${values.image}, ${rounds} rounds\n\n${formatTable(["where", "median s", "instructions", "MIPS", "end"], rows)}\n`);
