/** Tables: of classes, and of anything with columns that can be sorted. */
import type { ClassCounts, ClassTable } from "../classes.ts";
import { element, grouped, percentText, sumOf } from "./elements.ts";

/** One column of a table of `Item`s. */
export interface Column<Item> {
  readonly title: string;
  /** To sort by. */
  readonly value: (item: Item) => number | string;
  readonly text: (item: Item) => string;
}

export const CLASS_TITLES = {
  ident: "ident", inline: "inline", callout: "callout", linked: "branch, linked", dispatched: "branch, dispatched", interpreted: "interpreted",
};
export const CLASS_LETTERS = { ident: "I", inline: "N", callout: "C", branch: "B" };
export const TRANSLATED_CLASSES: ReadonlyArray<"ident" | "inline" | "callout" | "linked" | "dispatched"> = ["ident", "inline", "callout", "linked", "dispatched"];
export const INTERPRETED_CLASSES: ReadonlyArray<"ident" | "inline" | "callout" | "branch"> = ["ident", "inline", "callout", "branch"];

/** A table whose rows a click on a heading sorts. `open` is called with the row that was chosen. */
export function sortableTable<Item>(columns: ReadonlyArray<Column<Item>>, items: readonly Item[], open?: (item: Item, row: HTMLTableRowElement) => void): HTMLElement {
  const body = element("tbody"), heads: HTMLTableCellElement[] = [];
  const fill = (sorted: readonly Item[]): void => body.replaceChildren(...sorted.map((item) => tableRow(columns, item, open)));
  columns.forEach((column, k) => {
    const button = element("button", { text: column.title, type: "button" }), head = element("th", { scope: "col" }, [button]);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") !== "descending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      fill(sortedBy(items, columns[k]!, descending));
    });
    heads.push(head);
  });
  fill(items);
  return element("div", { class: "scroll" }, [element("table", {}, [element("thead", {}, [element("tr", {}, heads)]), body])]);
}

export function sortedBy<Item>(items: readonly Item[], { value }: Column<Item>, descending: boolean): Item[] {
  const sign = descending ? -1 : 1;
  return [...items].sort((a, b) => {
    const x = value(a), y = value(b);
    return (x < y ? -1 : x > y ? 1 : 0) * sign;
  });
}

export function tableRow<Item>(columns: ReadonlyArray<Column<Item>>, item: Item, open: ((item: Item, row: HTMLTableRowElement) => void) | undefined): HTMLTableRowElement {
  const row = element("tr", {}, columns.map(({ text }, k) => {
    const shown = text(item);
    if (k > 0 || open === undefined) return element("td", { text: shown });
    const button = element("button", { class: "open", type: "button", text: shown });
    button.addEventListener("click", () => open(item, row));
    return element("td", {}, [button]);
  }));
  return row;
}

/** Rows of plain cells under a heading. */
export function plainTable(heading: readonly string[], rows: ReadonlyArray<readonly string[]>): HTMLElement {
  const head = element("tr", {}, heading.map((text) => element("th", { scope: "col", text })));
  const body = rows.map((cells) => element("tr", {}, cells.map((text, k) => element(k === 0 ? "th" : "td", k === 0 ? { scope: "row", text } : { text }))));
  return element("div", { class: "scroll" }, [element("table", {}, [element("thead", {}, [head]), element("tbody", {}, body)])]);
}

export function classTableElement(table: ClassTable): HTMLElement {
  const { shares } = table;
  const translated = TRANSLATED_CLASSES.map((name) => [
    CLASS_TITLES[name], grouped(table.static[name]), percentText(shares.static[name]), grouped(table.translated[name]), percentText(shares.translated[name]),
  ]);
  const interpreted = INTERPRETED_CLASSES.map((name) => [
    `interpreted, ${name}`, grouped(table.staticInterpreted[name]), "", grouped(table.interpreted[name]), percentText(shares.interpreted[name]),
  ]);
  const distinct = sumOf(table.static) + sumOf(table.staticInterpreted);
  return plainTable(["class", "distinct", "of translated", "executed", "of all"], [
    ...translated, ...interpreted, ["total", grouped(distinct), "", grouped(table.total), percentText(sumOf(shares.translated) + sumOf(shares.interpreted))],
  ]);
}

/** The columns that every breakdown by class has. */
export function classColumns<Item extends ClassCounts>(): Array<Column<Item>> {
  const share = (part: (item: Item) => number) => ({ value: (item: Item) => part(item) / Math.max(1, item.total), text: (item: Item) => percentText(100 * part(item) / Math.max(1, item.total), 1) });
  return [
    { title: "executed", value: (item) => item.total, text: (item) => grouped(item.total) },
    { title: "distinct", value: (item) => sumOf(item.static) + sumOf(item.staticInterpreted), text: (item) => grouped(sumOf(item.static) + sumOf(item.staticInterpreted)) },
    ...TRANSLATED_CLASSES.map((name) => ({ title: name, ...share((item: Item) => item.translated[name]) })),
    { title: "interpreted", ...share((item: Item) => sumOf(item.interpreted)) },
  ];
}
