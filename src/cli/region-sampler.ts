/** V8's sampling profiler, for the time per instruction in translated code. */
import { Session, type Profiler } from "node:inspector";
import { sampledNumber } from "../../runtime/measure/sampled-text.ts";
import type { RegionSamples, Samples } from "../measure/region-time.ts";

/** µs between two samples. */
const INTERVAL = 250;

interface Counting {
  readonly lines: Map<number, number>;
  readonly called: Map<string, number>;
}

function add<Key>(counts: Map<Key, number>, key: Key, count: number): void {
  if (count > 0) counts.set(key, (counts.get(key) ?? 0) + count);
}

/** Samples of every region in a profile. A region that the monitor entered below another is counted apart. */
export function regionSamples({ nodes, startTime, endTime, samples = [] }: Profiler.Profile): Samples {
  const byId = new Map(nodes.map((node) => [node.id, node])), regions = new Map<number, Counting>();
  const countBelow = (node: Profiler.ProfileNode): number => (node.hitCount ?? 0) + childrenOf(node).filter((child) => !isRegion(child)).reduce((sum, child) => sum + countBelow(child), 0);
  const childrenOf = ({ children = [] }: Profiler.ProfileNode): Profiler.ProfileNode[] => children.flatMap((id) => byId.get(id) ?? []);
  for (const node of nodes.filter(isRegion)) {
    const { callFrame: { functionName, lineNumber, columnNumber }, positionTicks = [] } = node, number = sampledNumber(functionName, lineNumber, columnNumber);
    let region = regions.get(number);
    if (region === undefined) regions.set(number, (region = { lines: new Map(), called: new Map() }));
    for (const { line, ticks } of positionTicks) add(region.lines, line - 1 - lineNumber, ticks); // lines of ticks count from 1, those of frames from 0
    add(region.lines, -1, (node.hitCount ?? 0) - positionTicks.reduce((sum, { ticks }) => sum + ticks, 0));
    for (const child of childrenOf(node)) if (!isRegion(child)) add(region.called, child.callFrame.functionName || "(nameless)", countBelow(child));
  }
  return { milliseconds: samples.length === 0 ? 0 : (endTime - startTime) / 1000 / samples.length, regions: regions as ReadonlyMap<number, RegionSamples> };
}

function isRegion({ callFrame: { functionName } }: Profiler.ProfileNode): boolean { return functionName.startsWith("region_"); }

export class RegionSampler {
  readonly #session = new Session();

  /** Begins at once. */
  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.setSamplingInterval", { interval: INTERVAL });
    this.#session.post("Profiler.start");
  }

  /** Ends it, and says what was seen. */
  stop(): Samples {
    let seen: Samples = { milliseconds: 0, regions: new Map() };
    this.#session.post("Profiler.stop", (error, { profile }) => { if (error === null) seen = regionSamples(profile); });
    this.#session.disconnect();
    return seen;
  }
}
