/** A region's control flow as a picture: blocks in layers below their predecessors, forward edges down, back edges around the right side. */
import type { RegionReport } from "../regions.ts";
import { hexText, short, svgElement } from "./elements.ts";

export const BOX = { width: 132, height: 40, gapX: 26, gapY: 40 };

/** Each block's layer: the longest way from the head along edges that do not lead back. */
export function layersOf(graph: RegionReport["graph"]): Map<number, number> {
  const byId = new Map(graph.map((block) => [block.id, block])), finished: number[] = [], open = new Set<number>(), seen = new Set<number>(), back = new Set<string>();
  const visit = (id: number): void => {
    seen.add(id);
    open.add(id);
    for (const next of byId.get(id)?.successors ?? []) {
      if (open.has(next)) back.add(`${id}>${next}`);
      else if (next >= 0 && !seen.has(next)) visit(next);
    }
    open.delete(id);
    finished.push(id);
  };
  visit(graph[0]!.id);
  const layers = new Map<number, number>([[graph[0]!.id, 0]]);
  for (const id of finished.toReversed()) {
    const layer = layers.get(id) ?? 0;
    for (const next of byId.get(id)?.successors ?? []) if (next >= 0 && !back.has(`${id}>${next}`)) layers.set(next, Math.max(layers.get(next) ?? 0, layer + 1));
  }
  return layers;
}

/** Executions of each block: of its first instruction. */
export function blockExecutions({ listing }: RegionReport): Map<number, number> {
  const executions = new Map<number, number>();
  for (const { block, executions: times } of listing) if (!executions.has(block)) executions.set(block, times);
  return executions;
}

export interface Placed { readonly x: number; readonly y: number }

/** Layers as rows; in a row, blocks stand below the mean of their predecessors, as far as there is room. */
export function placesOf(graph: RegionReport["graph"]): Map<number, Placed> {
  const layers = layersOf(graph), places = new Map<number, Placed>(), rows: number[][] = [];
  for (const { id } of graph) (rows[layers.get(id) ?? 0] ??= []).push(id);
  const predecessors = new Map<number, number[]>();
  for (const { id, successors } of graph) for (const next of successors) predecessors.set(next, [...(predecessors.get(next) ?? []), id]);
  const wanted = (id: number): number => {
    const xs = (predecessors.get(id) ?? []).flatMap((from) => places.get(from)?.x ?? []);
    return xs.length === 0 ? 0 : xs.reduce((sum, x) => sum + x, 0) / xs.length;
  };
  rows.forEach((row, layer) => {
    let free = 0;
    for (const [id, x] of row.map((each) => [each, wanted(each)] as const).sort((a, b) => a[1] - b[1])) {
      const at = Math.max(free, x);
      places.set(id, { x: at, y: layer * (BOX.height + BOX.gapY) + 12 });
      free = at + BOX.width + BOX.gapX;
    }
  });
  return places;
}

export function edgePath(from: Placed, to: Placed, right: number): string {
  const x1 = from.x + BOX.width / 2, y1 = from.y + BOX.height, x2 = to.x + BOX.width / 2, y2 = to.y;
  if (to.y > from.y) return `M${x1},${y1} C${x1},${y1 + BOX.gapY / 2} ${x2},${y2 - BOX.gapY / 2} ${x2},${y2}`;
  const side = Math.max(from.x, to.x) + BOX.width + right;
  const leave = from.y + BOX.height * 0.75, enter = to.y + BOX.height * 0.25;
  return `M${from.x + BOX.width},${leave} C${side},${leave} ${side},${enter} ${to.x + BOX.width},${enter}`;
}

/** `choose` is called with the block that was clicked. */
export function graphPicture(region: RegionReport, choose: (block: number) => void): SVGElement {
  const { graph } = region, places = placesOf(graph), executions = blockExecutions(region), most = Math.max(1, ...executions.values());
  const width = Math.max(...[...places.values()].map(({ x }) => x)) + BOX.width + 60, height = Math.max(...[...places.values()].map(({ y }) => y)) + BOX.height + 24;
  const edges = graph.flatMap(({ id, successors }) => successors.map((to) => {
    const from = places.get(id)!, target = places.get(to);
    if (target === undefined) { // a way out
      const x = from.x + BOX.width - 12, y = from.y + BOX.height;
      return svgElement("path", { class: "edge out", d: `M${x},${y} v12`, "marker-end": "url(#arrow)" });
    }
    return svgElement("path", { class: target.y <= from.y ? "edge back" : "edge", d: edgePath(from, target, 36), "marker-end": "url(#arrow)" });
  }));
  const boxes = graph.map(({ id, address, instructions, end }) => {
    const { x, y } = places.get(id)!, times = executions.get(id) ?? 0;
    const heat = svgElement("rect", { class: "heat", width: BOX.width, height: BOX.height, rx: 4, "fill-opacity": (0.05 + 0.6 * Math.log1p(times) / Math.log1p(most)).toFixed(3) });
    const box = svgElement("g", { class: "block", transform: `translate(${x},${y})`, tabindex: 0 }, [
      svgElement("title", { text: `${instructions.length} instructions, executed ${times.toLocaleString("en")} times; ${end}` }),
      heat,
      svgElement("text", { x: 8, y: 16, text: instructions.length === 0 ? `${id}: dispatch` : `${id}: ${hexText(address)}` }),
      svgElement("text", { x: 8, y: 32, class: "minor", text: instructions.length === 0 ? "" : `${instructions.length} × ${short(times)}` }),
    ]);
    box.addEventListener("click", () => choose(id));
    return box;
  });
  const arrow = svgElement("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, [svgElement("path", { d: "M0,0 L8,4 L0,8 z" })]);
  return svgElement("svg", { class: "graph", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "control flow" }, [svgElement("defs", {}, [arrow]), ...edges, ...boxes]);
}
