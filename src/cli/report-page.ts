/**
 * The report as one page that needs nothing else: style, data, Chart.js and the page's own script in it.
 *
 * The script is what the modules of src/measure/page/ export: functions by their text, other values as JSON. So those modules hold
 * function declarations and plain values, and take nothing from elsewhere but types.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as charts from "../measure/page/charts.ts";
import * as elements from "../measure/page/elements.ts";
import * as graph from "../measure/page/graph.ts";
import * as regionView from "../measure/page/region-view.ts";
import * as startModule from "../measure/page/start.ts";
import { STYLE } from "../measure/page/style.ts";
import * as tables from "../measure/page/tables.ts";
import type { RegionReport } from "../measure/regions.ts";
import type { Report } from "../measure/report.ts";

const MODULES: readonly object[] = [elements, tables, charts, graph, regionView, startModule];
/** Rows of long tables; characters of regions in full. */
const MOST_ROWS = 40, MOST_REGION_TEXT = 4_000_000;

function script(): string {
  const declared = MODULES.flatMap((module) => Object.entries(module)).map(([name, value]) => {
    const known: unknown = value;
    return typeof known === "function" ? String(known) : `const ${name} = ${JSON.stringify(known)};`;
  });
  return `"use strict";\n${[...declared, "start();"].join("\n")}`;
}

function chartLibrary(): string {
  return readFileSync(join(dirname(fileURLToPath(import.meta.resolve("chart.js"))), "chart.umd.min.js"), "utf8").replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
}

/** What the page shows: no more of long lists than somebody looks at, and as many regions as the page can hold. */
function shown(report: Report): Report {
  let room = MOST_REGION_TEXT;
  const fits = (region: RegionReport): boolean => (room -= JSON.stringify(region).length) >= 0;
  const regions = report.busiestRegions.map((region) => ({ ...region, ir: [] })).filter(fits);
  return { ...report, mnemonics: report.mnemonics.slice(0, MOST_ROWS), pages: report.pages.slice(0, MOST_ROWS), busiestRegions: regions };
}

/** Text that may stand in a script element. */
const embedded = (text: string): string => text.replaceAll(/<(?=\/script|script|!--)/gi, "\\u003c");

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export function reportPage(report: Report): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>calque: ${escaped(report.run.guest)}</title>
<style>${STYLE}</style>
</head>
<body>
<main id="page"><p>This report needs JavaScript.</p></main>
<script type="application/json" id="report">${embedded(JSON.stringify(shown(report)))}</script>
<script>${embedded(chartLibrary())}</script>
<script>${embedded(script())}</script>
</body>
</html>
`;
}
