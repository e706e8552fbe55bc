/** Elements and numbers of the report's page. Everything in this folder but style.ts runs in the page; see src/cli/report-page.ts. */

/** Attributes; "text" is the content, "class" the class. */
export type Attributes = Readonly<Record<string, string | number>>;

export const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

export function element<Name extends keyof HTMLElementTagNameMap>(name: Name, attributes: Attributes = {}, children: ReadonlyArray<Node | string> = []): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = String(value);
    else made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

export function svgElement<Name extends keyof SVGElementTagNameMap>(name: Name, attributes: Attributes = {}, children: readonly Node[] = []): SVGElementTagNameMap[Name] {
  const made = document.createElementNS(SVG_NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = String(value);
    else made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

export function grouped(value: number): string { return Math.round(value).toLocaleString("en"); }

/** 1,234,567 as "1.23 M". */
export function short(value: number): string {
  const units = ["", " k", " M", " G", " T"];
  let k = 0, scaled = value;
  for (; scaled >= 1000 && k < units.length - 1; k++) scaled /= 1000;
  return `${k === 0 ? String(Math.round(scaled)) : scaled.toPrecision(3)}${units[k]!}`;
}

export function percentText(value: number, decimals = 2): string { return `${value.toFixed(decimals)} %`; }

export function hexText(address: number): string { return (address >>> 0).toString(16).padStart(8, "0"); }

export function sumOf(values: Readonly<Record<string, number>>): number { return Object.values(values).reduce((sum, value) => sum + value, 0); }
