/**
 * Which guest instruction each line of a region's source belongs to.
 *
 * The text stays as it is: statements are marked by identity and their places noted while the tree is printed. A line belongs to what begins
 * on it, or else to the line before.
 */
import { generate, GENERATOR, type State } from "astring";
import type { Node, Statement } from "estree";

/** An instruction by its place in the region. */
export interface LineOwner {
  /** Its block's id, and which of the block's instructions it is. */
  readonly block: number;
  readonly index: number;
  /** Linear. */
  readonly address: number;
  /** What its code calls. */
  readonly calls: Set<string>;
}

type Printer = (this: unknown, node: Node, state: State) => void;

export class SourceLines {
  /** What begins at a marked statement; undefined where that is the region's own. */
  readonly #owners = new Map<Node, LineOwner | undefined>();

  /** The statements as an instruction's, or as nobody's; those that are marked already keep their owner. */
  mark(body: readonly Statement[], owner: LineOwner | undefined): Statement[] {
    return body.map((statement) => {
      if (this.#owners.has(statement)) return statement;
      const own = { ...statement }; // templates share their nodes between trees
      this.#owners.set(own, owner);
      if (owner !== undefined) this.#addCalls(own, owner.calls);
      return own;
    });
  }

  /** Names that are called, without those in statements of other owners. */
  #addCalls(node: unknown, calls: Set<string>): void {
    if (Array.isArray(node)) {
      for (const each of node) if (!this.#owners.has(each as Node)) this.#addCalls(each, calls);
    } else if (node !== null && typeof node === "object") {
      const { type, callee } = node as { type?: unknown; callee?: { name?: unknown } };
      if (type === "CallExpression" && typeof callee?.name === "string") calls.add(callee.name);
      for (const each of Object.values(node)) this.#addCalls(each, calls);
    }
  }

  /** The text of a tree, the same as without marks, and the owner of each of its lines. */
  print(tree: Node): { readonly source: string; readonly lines: ReadonlyArray<LineOwner | undefined> } {
    const begins: Array<readonly [offset: number, owner: LineOwner | undefined]> = [], owners = this.#owners;
    const noting = Object.entries(GENERATOR as unknown as Record<string, Printer>).map(([type, print]): [string, Printer] => [type, function (node, state) {
      if (owners.has(node)) begins.push([state.output.length, owners.get(node)]);
      print.call(this, node, state);
    }]);
    const source = generate(tree, { generator: Object.fromEntries(noting) as unknown as typeof GENERATOR });
    return { source, lines: ownersOfLines(source, begins) };
  }
}

function ownersOfLines(source: string, begins: ReadonlyArray<readonly [offset: number, owner: LineOwner | undefined]>): Array<LineOwner | undefined> {
  let end = -1, next = 0, last: LineOwner | undefined;
  return source.split("\n").map((line) => {
    end += line.length + 1;
    let owner = last;
    for (let isFirst = true; next < begins.length && begins[next]![0] <= end; next++, isFirst = false) {
      last = begins[next]![1];
      if (isFirst) owner = last;
    }
    return owner;
  });
}
