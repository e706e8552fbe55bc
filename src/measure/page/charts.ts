/** The pictures of the report, drawn by Chart.js, which stands before this script in the page. */
import type { Report } from "../report.ts";
import type { Bin } from "../regions.ts";
import { element, grouped, short, sumOf } from "./elements.ts";
import { CLASS_TITLES, TRANSLATED_CLASSES } from "./tables.ts";

/** As much of Chart.js as is used. */
declare const Chart: {
  new (canvas: HTMLCanvasElement, configuration: object): { destroy(): void };
  defaults: { color: string; borderColor: string; font: { family: string }; animation: boolean; maintainAspectRatio: boolean };
};

/** A colour of the style sheet. */
export function color(name: string): string { return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(); }

export function axis(text: string, more: object = {}): object { return { title: { display: true, text }, beginAtZero: true, ...more }; }

/** x: instructions in millions. */
export function instructionAxis(): object { return axis("million instructions", { type: "linear" }); }

/** A logarithmic axis that names powers of ten. */
export function logarithmicAxis(text: string): object {
  return axis(text, { type: "logarithmic", beginAtZero: false, min: 1, ticks: { maxRotation: 0, callback: (value: number) => (Math.log10(value) % 1 === 0 ? grouped(value) : "") } });
}

/** Class shares over the run, stacked to 100 %. */
export function classChart({ timeline }: Report): object {
  const share = (part: (k: number) => number): Array<{ x: number; y: number }> =>
    timeline.intervals.map((interval, k) => ({ x: interval.instructions / 1e6, y: 100 * part(k) / Math.max(1, sumOf(interval.translated) + sumOf(interval.interpreted)) }));
  const names = [...TRANSLATED_CLASSES, "interpreted" as const];
  const datasets = names.map((name) => ({
    label: CLASS_TITLES[name], fill: true, pointRadius: 0, borderWidth: 0, backgroundColor: color(name), borderColor: color(name),
    data: share((k) => (name === "interpreted" ? sumOf(timeline.intervals[k]!.interpreted) : timeline.intervals[k]!.translated[name])),
  }));
  return {
    type: "line", data: { datasets },
    options: { interaction: { mode: "index", intersect: false }, scales: { x: instructionAxis(), y: axis("% of executed instructions", { stacked: true, max: 100 }) } },
  };
}

/** Speed and share of translated code over the run. */
export function warmUpChart({ timeline }: Report): object {
  let before = 0;
  const speed = timeline.intervals.map(({ instructions, seconds }) => {
    const retired = instructions - before;
    before = instructions;
    return { x: instructions / 1e6, y: retired / Math.max(seconds, 1e-9) / 1e6 };
  });
  const share = timeline.intervals.map(({ instructions, translated, interpreted }) => ({ x: instructions / 1e6, y: 100 * sumOf(translated) / Math.max(1, sumOf(translated) + sumOf(interpreted)) }));
  const line = { pointRadius: 0, borderWidth: 2, tension: 0 };
  return {
    type: "line",
    data: { datasets: [
      { label: "MIPS, measured", data: speed, borderColor: color("ident"), backgroundColor: color("ident"), yAxisID: "y", ...line },
      { label: "% translated", data: share, borderColor: color("dispatched"), backgroundColor: color("dispatched"), yAxisID: "share", ...line },
    ] },
    options: {
      interaction: { mode: "index", intersect: false },
      scales: { x: instructionAxis(), y: axis("million instructions a second"), share: axis("% translated", { position: "right", max: 100, grid: { drawOnChartArea: false } }) },
    },
  };
}

/** Lengths with names, longest first. */
export function barChart(title: string, bars: ReadonlyArray<{ readonly name: string; readonly value: number }>, scale: "linear" | "logarithmic"): object {
  return {
    type: "bar",
    data: { labels: bars.map(({ name }) => name), datasets: [{ label: title, data: bars.map(({ value }) => value), backgroundColor: color("ident"), maxBarThickness: 22 }] },
    options: { indexAxis: "y", plugins: { legend: { display: false } }, scales: { x: scale === "linear" ? axis(title) : logarithmicAxis(title), y: { ticks: { autoSkip: false } } } },
  };
}

export function histogram(title: string, series: ReadonlyArray<{ readonly name: string; readonly bins: readonly Bin[]; readonly color: string }>): object {
  const longest = series.reduce((most, { bins }) => (bins.length > most.length ? bins : most), [] as readonly Bin[]);
  return {
    type: "bar",
    data: {
      labels: longest.map(({ from, to }) => (from === to ? String(from) : `${from}–${to}`)),
      datasets: series.map(({ name, bins, color: named }) => ({ label: name, data: bins.map(({ count }) => count), backgroundColor: color(named) })),
    },
    options: { scales: { x: axis(title), y: axis("regions") } },
  };
}

export function coverageChart({ coverage }: Report): object {
  const line = (label: string, name: string, curve: Report["coverage"]["blocks"]["curve"]): object => ({
    label, data: curve.map(({ count, percent }) => ({ x: count, y: percent })), borderColor: color(name), backgroundColor: color(name), pointRadius: 0, borderWidth: 2,
  });
  return {
    type: "line",
    data: { datasets: [line("instructions", "ident", coverage.instructions.curve), line("basic blocks", "dispatched", coverage.blocks.curve)] },
    options: {
      interaction: { mode: "nearest", axis: "x", intersect: false },
      scales: { x: logarithmicAxis("busiest of the guest's code"), y: axis("% of execution", { max: 100 }) },
    },
  };
}

export function allCharts(report: Report): ReadonlyArray<readonly [id: string, configuration: () => object]> {
  const times = report.time.activities.filter(({ milliseconds }) => milliseconds > 0).toSorted((a, b) => b.milliseconds - a.milliseconds);
  const { sizes } = report.regions;
  return [
    ["class-chart", () => classChart(report)],
    ["warm-up-chart", () => warmUpChart(report)],
    ["time-chart", () => barChart("% of the time in the virtual CPU", times.map(({ activity, percent }) => ({ name: activity, value: percent })), "linear")],
    ["callout-chart", () => barChart("calls (logarithmic)", report.callouts.slice(0, 16).map(({ reason, count }) => ({ name: reason, value: count })), "logarithmic")],
    ["coverage-chart", () => coverageChart(report)],
    ["size-chart", () => histogram("size of regions", [{ name: "by instructions", bins: sizes.instructions, color: "ident" }, { name: "by blocks", bins: sizes.blocks, color: "dispatched" }])],
  ];
}

/** Draws all, and again when the colour scheme changes. */
export function drawCharts(report: Report): void {
  let drawn: Array<{ destroy(): void }> = [];
  const draw = (): void => {
    for (const chart of drawn) chart.destroy();
    Object.assign(Chart.defaults, { color: color("text"), borderColor: color("line"), animation: false, maintainAspectRatio: false });
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    drawn = allCharts(report).map(([id, configuration]) => new Chart(document.getElementById(id) as HTMLCanvasElement, configuration()));
  };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

/** The place of a chart, with what it shows in words. */
export function chartPlace(id: string, title: string): HTMLElement {
  return element("figure", {}, [element("figcaption", { text: title }), element("div", { class: "chart" }, [element("canvas", { id, role: "img", "aria-label": title })])]);
}

/** "12.3 M" under a word. */
export function tile(title: string, value: number | string): HTMLElement {
  return element("div", { class: "tile" }, [element("strong", { text: typeof value === "number" ? short(value) : value }), element("span", { text: title })]);
}
