/** The tables: a row for each kernel or command, a column for each engine, and how calque stands to its peers. */
import type { Group, GuestCase } from "./cases/guest-case.ts";
import type { Engine } from "./engines/engine.ts";
import type { Reading } from "./measure.ts";
import { geometricMean, median } from "./statistics.ts";
import { formatTable } from "./table.ts";

/** What one engine reached in one row, round by round. */
export interface Cell {
  readonly engine: Engine;
  readonly readings: Reading[];
}

export interface Row {
  readonly name: string;
  readonly guest: GuestCase;
  readonly cells: readonly Cell[];
  /** What went wrong, engine by engine. */
  readonly failures: readonly string[];
}

const SUBJECT = "translate", REFERENCES = ["native", "qemu", "v86"];
/** Peers by their short names, in the order of the ratio columns. */
const PEERS = ["v86", "qemu"];

function secondsOf(row: Row, engine: string): number {
  return median(row.cells.find((cell) => cell.engine.name === engine)?.readings.map((reading) => reading.seconds) ?? []);
}

const ratioOf = (row: Row, peer: string): number => secondsOf(row, SUBJECT) / secondsOf(row, peer);

function checksumsOf(cell: Cell): string[] {
  return [...new Set(cell.readings.map((reading) => reading.checksum ?? "none"))];
}

/** The checksum that holds: native's, or that of the first peer there is. */
export function referenceChecksum(row: Row): string | undefined {
  const measured = row.cells.filter((cell) => cell.readings.length > 0);
  const reference = REFERENCES.map((name) => measured.find((cell) => cell.engine.name === name)).find((cell) => cell !== undefined) ?? measured[0];
  return reference === undefined ? undefined : checksumsOf(reference)[0];
}

/** Engines whose checksum is another. */
export function differing(row: Row): string[] {
  const reference = referenceChecksum(row);
  return row.cells.filter((cell) => checksumsOf(cell).some((checksum) => checksum !== reference)).map((cell) => cell.engine.name);
}

const figure = (value: number, digits: number): string => Number.isNaN(value) ? "-" : value.toFixed(digits);

function timeCell(row: Row, engine: string, unit: Group["unit"]): string {
  const seconds = secondsOf(row, engine);
  return unit === "s" ? figure(seconds, 2) : figure(seconds / (row.guest.operations ?? 1) * 1e9, 0);
}

function memoryCell(row: Row, engine: string): string {
  return figure(median(row.cells.find((cell) => cell.engine.name === engine)?.readings.map((reading) => reading.peakMiB) ?? []), 0);
}

function remark(row: Row): string {
  const others = differing(row), remarks = others.length === 0 ? [] : [`other checksum: ${others.join(" ")}`];
  if (ratioOf(row, "v86") > 1 && row.guest.paced !== true) remarks.unshift("slower than v86");
  if (row.guest.paced === true) remarks.push("peers wait for real time");
  return remarks.join(", ");
}

function meanRow(rows: readonly Row[], peers: readonly string[], blanks: number): string[] {
  const counted = rows.filter((row) => row.guest.paced !== true);
  const means = peers.map((peer) => figure(geometricMean(counted.map((row) => ratioOf(row, peer)).filter((ratio) => !Number.isNaN(ratio))), 2));
  return ["geometric mean", ...Array.from({ length: blanks }, () => ""), ...means];
}

export function groupTable(group: Group, rows: readonly Row[], engines: readonly Engine[]): string {
  const took = engines.filter((engine) => rows.some((row) => row.cells.some((cell) => cell.engine === engine && cell.readings.length > 0)));
  const names = took.map((engine) => engine.name), peers = PEERS.filter((peer) => names.includes(peer) && names.includes(SUBJECT));
  const processes = names.filter((name) => name !== "native");
  const header = [
    group.unit === "s" ? "seconds" : "ns an operation", ...names, ...peers.map((peer) => `calque/${peer}`), ...processes.map((name) => `${name} MiB`),
    "checksum", "",
  ];
  const lines = rows.map((row) => [
    row.name, ...names.map((name) => timeCell(row, name, group.unit)), ...peers.map((peer) => figure(ratioOf(row, peer), 2)),
    ...processes.map((name) => memoryCell(row, name)), referenceChecksum(row) ?? "-", remark(row),
  ]);
  return formatTable(header, [...lines, meanRow(rows, peers, names.length)]);
}

/** Time and memory of the first, fifth and last lap: flat where nothing piles up. */
export function lapTable(rows: readonly Row[]): string | undefined {
  const lines = rows.flatMap((row) => row.cells.flatMap((cell) => {
    const laps = cell.readings[0]?.laps ?? [];
    if (laps.length < 2) return [];
    const chosen = [laps[0]!, laps[laps.length >> 1]!, laps.at(-1)!];
    return [[`${row.name} ${cell.engine.name}`, ...chosen.map((lap) => lap.seconds.toFixed(2)), ...chosen.map((lap) => lap.residentMiB.toFixed(0))]];
  }));
  return lines.length === 0 ? undefined : formatTable(["laps", "first s", "middle s", "last s", "first MiB", "middle MiB", "last MiB"], lines);
}

/** Against the faster peer; NaN where none took part. */
function worstRatio(row: Row): number {
  const ratios = PEERS.map((peer) => ratioOf(row, peer)).filter((ratio) => !Number.isNaN(ratio));
  return ratios.length === 0 ? NaN : Math.max(...ratios);
}

/** The rows in which calque is slowest against the faster of its peers. */
export function slowestTable(rows: readonly Row[], count: number): string | undefined {
  const ranked = rows.filter((row) => row.guest.paced !== true && !Number.isNaN(worstRatio(row))).toSorted((a, b) => worstRatio(b) - worstRatio(a)).slice(0, count);
  if (ranked.length === 0) return undefined;
  return formatTable(["slowest rows", "against the faster peer"], ranked.map((row) => [row.name, worstRatio(row).toFixed(2)]));
}
