/** Builds the report's page from the data in it. */
import type { PageReport, Report } from "../report.ts";
import type { Reason } from "../time-split.ts";
import { chartPlace, drawCharts, tile } from "./charts.ts";
import { element, grouped, hexText, percentText, sumOf } from "./elements.ts";
import { regionBrowser } from "./region-view.ts";
import { classColumns, classTableElement, plainTable, sortableTable, type Column } from "./tables.ts";

export function part(title: string, note: string, ...content: Node[]): HTMLElement {
  return element("section", { class: "part" }, [element("h2", { text: title }), ...(note === "" ? [] : [element("p", { class: "note", text: note })]), ...content]);
}

export function reasonTable(heading: string, reasons: readonly Reason[]): HTMLElement {
  const rows = reasons.map(({ reason, count, perThousand, milliseconds }) => [reason, grouped(count), perThousand.toFixed(4), milliseconds.toFixed(1)]);
  return plainTable([heading, "times", "per 1,000 instructions", "about ms"], rows);
}

export function headOf({ run, classes, callouts, regions, coverage }: Report): HTMLElement {
  const share = 100 * sumOf(classes.translated) / Math.max(1, classes.total), calls = callouts.reduce((sum, { count }) => sum + count, 0);
  const half = coverage.instructions.steps.find(({ percent }) => percent === 90)?.count ?? 0;
  return element("header", {}, [
    element("h1", { text: `calque: ${run.guest}` }),
    element("p", { class: "note", text: `${run.guestVersion ?? ""} calque ${run.calque}, ${run.host}, engine ${run.engine}${run.after === null ? "" : `, from ${JSON.stringify(run.after)} on`}; ended: ${run.end}; final state ${run.stateHash}` }),
    element("div", { class: "tiles" }, [
      tile("instructions", run.instructions), tile("translated", percentText(share, 1)), tile("MIPS, while measured", (run.instructions / run.seconds / 1e6).toFixed(0)),
      tile("monitor calls per 1,000", (calls / Math.max(1, run.instructions) * 1000).toFixed(3)), tile("regions", grouped(regions.made)), tile("instructions are 90 %", half),
    ]),
  ]);
}

export function classParts(report: Report): HTMLElement[] {
  return [
    part("Classes", "Distinct: each instruction once. Executed: exact counts; translated and interpreted add up to the instructions retired.", classTableElement(report.classes), chartPlace("class-chart", "Classes over the run")),
    part("Rings", "", element("h3", { text: "Supervisor" }), classTableElement(report.rings.supervisor), element("h3", { text: "User" }), classTableElement(report.rings.user)),
  ];
}

export function timeParts(report: Report): HTMLElement[] {
  const slow = Object.entries(report.slowMemory.causes).map(([cause, count]) => [cause, grouped(count)]);
  return [
    part("Speed", "Counting and sampling cost a quarter to two fifths of the speed.", chartPlace("warm-up-chart", "Speed and share of translated code over the run")),
    part("Time", "Sampled, and the measurement's own cost is in it.", chartPlace("time-chart", "Time in the virtual CPU")),
    part("Calls of the monitor", "", chartPlace("callout-chart", "Calls by reason"), reasonTable("reason", report.callouts)),
    part("Other slow paths", "", reasonTable("helper", report.helpers), reasonTable("event", report.events), plainTable(["slow memory access", "times"], slow)),
  ];
}

export function codeParts(report: Report): HTMLElement[] {
  const { coverage, mnemonics, pages } = report;
  const steps = coverage.instructions.steps.map(({ percent, count }, k) => [`${percent} %`, grouped(count), grouped(coverage.blocks.steps[k]?.count ?? 0)]);
  const name: Column<Report["mnemonics"][number]> = { title: "mnemonic", value: ({ mnemonic }) => mnemonic, text: ({ mnemonic }) => mnemonic };
  const address: Array<Column<PageReport>> = [
    { title: "page", value: ({ page }) => page, text: ({ page }) => hexText(page) }, { title: "ring", value: ({ ring }) => ring, text: ({ ring }) => ring },
    { title: "regions", value: ({ translations }) => translations, text: ({ translations }) => grouped(translations) },
  ];
  return [
    part("Coverage", "How many of the guest's instructions and basic blocks make up how much of its execution.", chartPlace("coverage-chart", "Share of execution by the busiest code"),
      plainTable(["of execution", "instructions", "basic blocks"], [...steps, ["all", grouped(coverage.instructions.distinct), grouped(coverage.blocks.distinct)]])),
    part("Mnemonics", "The most executed; all are in report.json.", sortableTable([name, ...classColumns<Report["mnemonics"][number]>()], mnemonics)),
    part("Pages of guest code", "The most executed; all are in report.json.", sortableTable([...address, ...classColumns<PageReport>()], pages)),
  ];
}

export function regionParts(report: Report): HTMLElement[] {
  const { regions, tlb, selfModifyingCode: smc, exits } = report;
  const list = (counts: Readonly<Record<string, number>>): string => Object.entries(counts).map(([key, count]) => `${key} ${grouped(count)}`).join(", ") || "none";
  const rows: string[][] = [
    ["regions made", grouped(regions.made)], ["there at the end", grouped(regions.live)], ["dropped", list(regions.dropped)], ["heads without a translation", grouped(regions.refused)],
    ["instructions in them", grouped(regions.instructions)], ["blocks in them", grouped(regions.blocks)], ["bytes of JavaScript", grouped(regions.codeBytes)], ["entries", grouped(regions.entries)],
    ["edges inside regions", grouped(regions.linksMade)], ["branches linked", grouped(regions.linksUsed)], ["branches dispatched", grouped(regions.dispatches)],
    ["code pages by regions on them", regions.translationsPerPage.map(({ from, to, count }) => `${from === to ? from : `${from}–${to}`}: ${grouped(count)}`).join(", ") || "none"],
    ["evictions", grouped(regions.evictions)], ["exits to the machine", list(exits)],
    ["TLB fills", grouped(tlb.fills)], ["TLB flushes", list({ all: tlb.flushes.all, "but global": tlb.flushes.nonGlobal, page: tlb.flushes.page })],
    ["code pages watched", grouped(smc.watchedPages)], ["stores on code", grouped(smc.writeHits)], ["stores beside code", grouped(smc.falseHits)], ["decoded instructions dropped", grouped(smc.instructionsDropped)],
  ];
  return [
    part("Regions", "", chartPlace("size-chart", "Sizes of the regions made"), plainTable(["of all regions", ""], rows)),
    part("The busiest regions", "Choose one to see its code, its control flow and its JavaScript. Classes: I ident, N inline, C callout, B branch.", regionBrowser(report.busiestRegions, report.run.instructions)),
  ];
}

export function start(): void {
  const report = JSON.parse(document.getElementById("report")!.textContent ?? "") as Report;
  document.title = `calque: ${report.run.guest}`;
  document.getElementById("page")!.replaceChildren(headOf(report), ...classParts(report), ...timeParts(report), ...codeParts(report), ...regionParts(report));
  drawCharts(report);
}
