/** The busiest regions: a table to search and sort, and each one opened. */
import type { RegionInstruction, RegionReport, RegionTimeReport } from "../regions.ts";
import { element, grouped, hexText, percentText } from "./elements.ts";
import { graphPicture } from "./graph.ts";
import { CLASS_LETTERS, sortableTable, type Column } from "./tables.ts";

export function regionColumns(total: number): Array<Column<RegionReport>> {
  const number = (title: string, value: (region: RegionReport) => number): Column<RegionReport> => ({ title, value, text: (region) => grouped(value(region)) });
  return [
    { title: "address", value: ({ address }) => address, text: ({ address }) => hexText(address) },
    { title: "ring", value: ({ ring }) => ring, text: ({ ring }) => ring },
    number("executed", ({ retired }) => retired),
    { title: "of all", value: ({ retired }) => retired, text: ({ retired }) => percentText(100 * retired / Math.max(1, total)) },
    { title: "ms", value: ({ time }) => time?.milliseconds ?? 0, text: ({ time }) => (time === null ? "–" : time.milliseconds.toFixed(1)) },
    number("entries", ({ entries }) => entries),
    number("instructions", ({ instructions }) => instructions),
    number("blocks", ({ blocks }) => blocks),
    number("JavaScript, bytes", ({ codeBytes }) => codeBytes),
    { title: "dropped", value: ({ dropped }) => dropped ?? "", text: ({ dropped }) => dropped ?? "–" },
  ];
}

/** By address, mnemonic or operand: every word must be found. */
export function matches(region: RegionReport, words: readonly string[]): boolean {
  const text = `${hexText(region.address)} ${region.ring} ${region.listing.map((line) => `${hexText(line.address)} ${line.text}`).join("\n")}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** An instruction; its share of the region's time stands first where there is one. */
export function listingLine({ block, address, text, class: kind, stepped, executions, samples }: RegionInstruction, time: RegionTimeReport | null): HTMLElement {
  const share = time === null || samples === null || samples === 0 ? "" : percentText(100 * samples / time.samples, 1);
  const took = time === null || share === "" ? "" : `, ${(time.milliseconds * samples! / time.samples).toFixed(1)} ms in ${grouped(samples!)} samples`;
  return element("div", { class: `line ${kind}`, "data-block": block, title: `${kind}${stepped ? ", executed by the interpreter in the region's place" : ""}${took}` }, [
    ...(time === null ? [] : [element("span", { class: "share", text: share })]), element("span", { class: "count", text: grouped(executions) }), element("span", { class: "letter", text: CLASS_LETTERS[kind] }),
    element("span", { class: "address", text: hexText(address) }), element("span", { class: "text", text }),
  ]);
}

export function pane(title: string, ...content: Node[]): HTMLElement {
  return element("section", { class: "pane" }, [element("h4", { text: title }), element("div", { class: "scroll" }, content)]);
}

/** Where the time of a region went beside its instructions. */
export function timeNote({ samples, milliseconds, frame, called }: RegionTimeReport): string {
  const part = (count: number): string => percentText(100 * count / Math.max(1, samples), 1);
  const rest = called.map(({ name, samples: count, callers }) => `; ${name}, ${callers === 0 ? "below others" : `called by ${callers} instructions`}, ${part(count)}`).join("");
  return `${milliseconds.toFixed(1)} ms in ${grouped(samples)} samples; entry, way out, budget and counters ${part(frame)}${rest}`;
}

/** All of a region. */
export function regionDetails(region: RegionReport): HTMLElement {
  const listing = element("div", { class: "listing" });
  let last = -1;
  for (const line of region.listing) {
    if (line.block !== last && region.graph.length > 0) listing.append(element("div", { class: "blockhead", "data-block": line.block, text: `block ${line.block}` }));
    last = line.block;
    listing.append(listingLine(line, region.time));
  }
  const choose = (block: number): void => {
    for (const line of listing.querySelectorAll("[data-block]")) line.classList.toggle("chosen", line.getAttribute("data-block") === String(block));
    const first = listing.querySelector<HTMLElement>(".chosen"), view = listing.parentElement;
    if (first !== null && view !== null) view.scrollTop = first.offsetTop - view.offsetTop - 8;
  };
  const note = region.time === null ? [] : [element("p", { class: "note", text: timeNote(region.time) })];
  const panes = [pane(`Guest code: ${region.time === null ? "" : "time, "}executions, class, instruction`, ...note, listing)];
  if (region.graph.length > 0) panes.push(pane("Control flow: instructions × executions", graphPicture(region, choose)));
  panes.push(pane("JavaScript, without the counters of the measurement", element("pre", { text: region.javascript })));
  if (region.optimised.length > 0) panes.push(pane("IR after the passes", element("pre", { text: region.optimised.join("\n") })));
  return element("div", { class: "panes" }, panes);
}

export function regionBrowser(regions: readonly RegionReport[], total: number): HTMLElement {
  const search = element("input", { type: "search", placeholder: "search addresses and instructions", "aria-label": "search regions" });
  const found = element("p", { class: "note" }), place = element("div"), details = element("div", { id: "region-details" });
  const open = (region: RegionReport, row: HTMLTableRowElement): void => {
    for (const other of row.parentElement?.children ?? []) other.classList.toggle("chosen", other === row);
    details.replaceChildren(element("h3", { text: `Region ${hexText(region.address)}` }), regionDetails(region));
    details.scrollIntoView({ block: "nearest" });
  };
  const fill = (): void => {
    const words = search.value.toLowerCase().split(/\s+/).filter((word) => word !== ""), shown = regions.filter((region) => matches(region, words));
    found.textContent = `${shown.length} of the ${regions.length} busiest regions`;
    place.replaceChildren(sortableTable(regionColumns(total), shown, open));
  };
  search.addEventListener("input", fill);
  fill();
  const list = element("div", { class: "region-list" }, [place]);
  return element("div", {}, [search, found, list, details]);
}
