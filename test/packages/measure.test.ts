/** `calque measure` as a user runs it: the page in a real browser, and a long run in bounded memory. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Measurement } from "../../runtime/measure/measurement.ts";
import { makeReport, type Report } from "../../src/measure/report.ts";
import { Timeline } from "../../src/measure/timeline.ts";
import { createMachine } from "../../src/pc.ts";
import { calque, temporaryFolder } from "../cli/calque.ts";
import { DEMO } from "../measure/measured.ts";
import { violations, type Schema } from "../measure/schema.ts";

const folder = temporaryFolder(), PROGRAM = "/usr/bin/chromium";
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const schema = JSON.parse(readFileSync(join(import.meta.dirname, "../../docs/report.schema.json"), "utf8")) as Schema;

async function measure(name: string, ...args: string[]): Promise<{ report: Report; page: string; stderr: string }> {
  const out = join(folder, name), ended = await calque(["measure", ...args, "--serial", "none", "--out", out]);
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stdout).toBe("");
  return { report: JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Report, page: join(out, "report.html"), stderr: ended.stderr };
}

describe.skipIf(!existsSync(PROGRAM))("the page", () => {
  const profile = mkdtempSync(join(tmpdir(), "calque-chromium-")), complaints: string[] = [];
  let browser: BrowserContext, report: Report, path: string, stderr: string;

  beforeAll(async () => {
    ({ report, page: path, stderr } = await measure("demo", "demo", "--max-instructions", "40000000"));
    browser = await chromium.launchPersistentContext(profile, { executablePath: PROGRAM, headless: true, args: ARGUMENTS });
  });
  afterAll(async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  });

  async function open(colorScheme: "light" | "dark", width: number): Promise<Page> {
    const page = await browser.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) complaints.push(`asks for ${request.url()}`); });
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`file://${path}`);
    return page;
  }

  it("prints a table that fits 100 columns and says the same", () => {
    const { total } = report.classes;
    expect(stderr).toContain(total.toLocaleString("en"));
    expect(stderr.split("\n").filter((line) => line.length > 100 && !line.includes("report.html"))).toEqual([]);
    expect(violations(report, schema)).toEqual([]);
  });

  for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 390]] as const) {
    it(`shows charts, tables and a region without a complaint (${scheme}, ${width} px)`, async () => {
      const page = await open(scheme, width);
      expect(await page.title()).toBe("calque: demo");
      expect(await page.locator("canvas").count()).toBe(6);
      // A chart that was drawn has more than one colour.
      const drawn = await page.evaluate(() => [...document.querySelectorAll("canvas")].filter((canvas) => {
        const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size > 10;
      }).length);
      expect(drawn).toBe(6);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(background).toBe(scheme === "dark" ? "rgb(21, 24, 28)" : "rgb(251, 251, 250)");

      const total = await page.locator("section", { hasText: "Classes over the run" }).first().locator("tbody tr").last().locator("td").nth(2).textContent();
      expect(total).toBe(report.classes.total.toLocaleString("en"));

      await page.locator(".region-list button.open").first().click();
      const [busiest] = report.busiestRegions;
      expect(await page.locator("#region-details .line").count()).toBe(busiest!.listing.length);
      expect(await page.locator("#region-details .graph .block").count()).toBe(busiest!.graph.length);
      const shares = await page.locator("#region-details .line .share").allTextContents();
      const sampled = busiest!.listing.filter(({ samples }) => samples! > 0).map(({ samples }) => `${(100 * samples! / busiest!.time!.samples).toFixed(1)} %`);
      expect(shares.filter((share) => share !== "")).toEqual(sampled);
      expect(sampled.length).toBeGreaterThan(1);
      expect(await page.locator("#region-details pre").first().textContent()).toBe(busiest!.javascript);
      await page.close();
      expect(complaints).toEqual([]);
    });
  }

  it("searches and sorts regions", async () => {
    const page = await open("light", 1280), rows = page.locator(".region-list tbody tr");
    const all = await rows.count();
    await page.locator("input[type=search]").fill("ror edx");
    const found = report.busiestRegions.filter(({ listing }) => listing.some(({ text }) => text.includes("ror edx"))).length;
    expect(await rows.count()).toBe(found);
    expect(found).toBeLessThan(all);
    await page.locator("input[type=search]").fill("");
    await page.locator(".region-list th button", { hasText: "entries" }).click();
    const most = Math.max(...report.busiestRegions.map(({ entries }) => entries));
    expect(await rows.first().locator("td").nth(5).textContent()).toBe(most.toLocaleString("en"));
    await page.close();
    expect(complaints).toEqual([]);
  });
});

it("a thousand million instructions take no more memory than the first part of them", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const heap = (): number => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const clock = (): number => performance.now(), measurement = new Measurement(clock), machine = createMachine({ memory: 32 << 20, measurement });
  machine.boot({ kernel: { name: "demo.elf", bytes: DEMO } });
  const timeline = new Timeline(machine, measurement, clock);
  const runTo = (end: number): void => { while (machine.instructions < end) machine.run({ maxInstructions: Math.min(timeline.next(), end - machine.instructions) }); };
  runTo(400_000_000);
  const early = heap(), records = measurement.executed.size;
  runTo(1_000_000_000);
  expect(measurement.executed.size).toBeLessThan(records * 2);
  expect(heap() - early).toBeLessThan(16 << 20);
  const report = makeReport(machine, measurement, timeline, { calque: "test", guest: "demo", guestVersion: null, host: "test", end: "budget", after: null, seconds: timeline.seconds });
  expect(report.classes.total).toBe(1_000_000_000);
  expect(report.timeline.intervals.length).toBeLessThan(202);
});

it("Debian's boot: sums, and a page of bounded size", async () => {
  const { report, page } = await measure("debian", "debian", "--max-instructions", "2000000000");
  const { classes, run, rings, timeline } = report, sum = (values: object): number => Object.values(values).reduce((total: number, value) => total + Number(value), 0);
  expect(run.instructions).toBe(2_000_000_000);
  expect(classes.total).toBe(run.instructions);
  expect(sum(classes.translated) + sum(classes.interpreted)).toBe(run.instructions);
  expect(rings.supervisor.total + rings.user.total).toBe(run.instructions);
  expect(timeline.intervals.reduce((total, { translated, interpreted }) => total + sum(translated) + sum(interpreted), 0)).toBe(run.instructions);
  expect(violations(report, schema)).toEqual([]);
  expect(statSync(page).size).toBeLessThan(6e6);
});
