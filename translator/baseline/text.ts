/**
 * Baseline code: guest code of one page as a WebAssembly function put together from templates.
 *
 * It is made in a fraction of the time that an optimised region takes, and runs faster than the interpreter does: it is for code that is executed a hundred times, and for all that is on its way to more. Blocks stand in the order of their addresses, so that a way forward
 * is a `br` out of the blocks between; a way back, and the entry, go through a table at the top.
 *
 *     loop $again
 *       block $2  block $1  block $0  br_table entry  end  code of 0 …  end  code of 1 …  end  code of 2
 *
 * It is entered and left as any region is, and catches nothing: all state lies in the state words, so the row around it can say what a fault was.
 */
import { CHANGED, SLOT } from "../../runtime/abi.ts";
import type { Site } from "../emit/region-facts.ts";
import type { PatchedImmediate } from "../ir/instantiate.ts";
import { hintsOf } from "../wasm/body.ts";
import { Bytes } from "../wasm/bytes.ts";
import { REGION } from "../wasm/compile.ts";
import { FOLLOW } from "../wasm/row.ts";
import { Imports, moduleOf, type OwnFunction, type WasmImport } from "../wasm/module.ts";
import { OPCODE, TYPE } from "../wasm/opcodes.ts";
import { type BaselineInstruction, type Block, Blocks, type Piece } from "./blocks.ts";
import { BaselineBody } from "./body.ts";
import { BASELINE_PARAMETERS, HOLE, type Hole, type Template, type Templates } from "./template.ts";

export interface BaselineText {
  readonly sites: readonly Site[];
  /** The budget must be at least this at entry: what is executed between two looks at it. */
  readonly length: number;
  readonly blocks: number;
  /** Where it may be entered, and the number that its function is called with for it. */
  readonly entries: ReadonlyMap<number, number>;
  /** Of its function. */
  readonly codeBytes: number;
}

const LEFT = BASELINE_PARAMETERS.indexOf("left"), ENTRY = BASELINE_PARAMETERS.indexOf("entry"), DELTA = BASELINE_PARAMETERS.indexOf("delta");
const WORD = 2, PAGE_SHIFT = 12, PAGE = 1 << PAGE_SHIFT;

/** Where the machine's memory has what templates name beside the ABI's arrays. */
export interface BaselinePlaces {
  readonly state: number;
  readonly ram: number;
  /** The EXEC entries of the mode's ring. */
  readonly exec: number;
}

/** Pieces of baseline code as the functions of one WebAssembly module: a module takes the host as long as some pieces. */
export class BaselineModule {
  readonly #templates: Templates;
  readonly #places: BaselinePlaces;
  readonly #imports = new Imports();
  readonly #functions: OwnFunction[] = [];

  constructor(templates: Templates, places: BaselinePlaces) {
    this.#templates = templates;
    this.#places = places;
  }

  /** Adds the code of `instructions`, which lie in one page, in the order of their addresses, to be entered at `from` and wherever control comes back to it. */
  add(instructions: readonly BaselineInstruction[], from: number): BaselineText {
    const { body, hints, ...text } = new Assembler(new Blocks(instructions, from, this.#templates), this.#places, this.#imports).run();
    this.#functions.push({ name: String(this.#functions.length), shownName: `baseline_${(from >>> 0).toString(16)}`, shape: REGION, body, hints });
    return text;
  }

  /** What it imports as `i.0` and so on. */
  get imports(): readonly WasmImport[] { return this.#imports.list; }

  /** The module; it exports its functions by their number. */
  bytes(): Uint8Array<ArrayBuffer> { return moduleOf(this.#functions, this.#imports.list, true); }
}

class Assembler extends BaselineBody {
  readonly #places: BaselinePlaces;
  readonly #blocks: Blocks;
  readonly #sites: Site[] = [];
  #locals: number = BASELINE_PARAMETERS.length;
  /** Labels that are closed. */
  #closed = 0;

  constructor(blocks: Blocks, places: BaselinePlaces, imports: Imports) {
    super(places.state, imports);
    this.#blocks = blocks;
    this.#places = places;
  }

  run(): BaselineText & Pick<OwnFunction, "body" | "hints"> {
    const { list, table, length } = this.#blocks;
    this.#open(table);
    for (let k = 0; k < list.length; k++) this.#block(list[k]!, k);
    this.#close();
    const { body, hints } = this.#finish();
    return { body, hints, codeBytes: body.length, sites: this.#sites, length, blocks: list.length, entries: new Map(table.map((block, k) => [block.address, k])) };
  }

  // --- Code ---------------------------------------------------------------------------------------------------------

  #open(table: readonly Block[]): void {
    const code = this.code;
    code.byte(OPCODE.block);
    code.byte(TYPE.i32);
    code.byte(OPCODE.loop);
    code.byte(TYPE.void);
    for (let k = 0; k < this.#blocks.labels; k++) {
      code.byte(OPCODE.block);
      code.byte(TYPE.void);
    }
    this.get(ENTRY);
    code.byte(OPCODE.brTable);
    code.unsigned(table.length - 1);
    for (const { label } of table) code.unsigned(label);
  }

  /** The way out: the address on the stack, without what the code was moved by. */
  #close(): void {
    const code = this.code;
    code.byte(OPCODE.end);
    code.byte(OPCODE.unreachable);
    code.byte(OPCODE.end);
    this.#storeEip();
    this.storeWord(SLOT.left, LEFT);
    this.constant(0);
    code.byte(OPCODE.end);
  }

  #finish(): Pick<OwnFunction, "body" | "hints"> {
    const whole = new Bytes(), own = this.#locals - BASELINE_PARAMETERS.length;
    whole.unsigned(own === 0 ? 0 : 1);
    if (own > 0) {
      whole.unsigned(own);
      whole.byte(TYPE.i32);
    }
    const start = whole.length;
    whole.append(this.code);
    return { body: whole, hints: hintsOf(this.hints, start) };
  }

  #block({ pieces, label }: Block, k: number): void {
    if (label >= 0) {
      this.code.byte(OPCODE.end);
      this.#closed++;
    }
    this.charge(-pieces.length);
    let isDone = false;
    for (let j = 0; j < pieces.length; j++) {
      const piece = pieces[j]!, rest = pieces.length - j;
      isDone = false;
      if (piece.template === undefined) this.#step(piece, rest, k);
      else if (piece.second !== undefined) this.#across(piece, piece.template, piece.second, rest, k);
      else if (piece.template.end === "repeat") this.#repeat(piece, piece.template, rest, k);
      else if (piece.template.behind === "enabled") {
        const enabled = this.#enable(piece, piece.template, pieces[j + 1], rest, k);
        j += enabled.taken;
        ({ isDone } = enabled);
      } else {
        this.#piece(piece, piece.template, rest, k);
        this.#behind(piece, piece.template, rest, k);
      }
    }
    const { template, address, length, fields } = pieces.at(-1)!, next = address + length | 0, target = next + fields.k | 0;
    switch (isDone ? "next" : template?.end) {
      case "call":
        if (this.#blocks.numberAt(target) !== undefined || this.#blocks.numberAt(next) === undefined) this.#goTo(target, k);
        else {
          this.constant(target);
          this.#storeEip();
          this.#follow(next, k);
        }
        return;
      case "jump": this.#goTo(target, k); return;
      case "indirect":
        if (template!.isCall && this.#blocks.numberAt(next) !== undefined) {
          this.set(ENTRY);
          this.storeWord(SLOT.eip, ENTRY);
          this.#follow(next, k);
        } else {
          this.get(DELTA);
          this.code.byte(OPCODE.sub);
          this.#leave();
        }
        return;
      case "transferred": this.#return(); return;
      case "branch":
        this.#goToIf(target, k);
        this.#goTo(next, k);
        return;
      default: this.#goTo(next, k);
    }
  }

  /** Copies a template and fills its holes. */
  #piece(piece: Piece, { bytes, holes, hints, locals, imports, mayFault }: Template, rest: number, block: number): void {
    const code = this.code, { patched } = piece;
    this.#locals = Math.max(this.#locals, patched === undefined ? locals : locals + 1);
    if (patched !== undefined) { // before what the instruction itself may write there
      this.#read(patched);
      this.set(locals);
    }
    let from = 0, hinted = 0;
    const hint = (to: number): void => {
      for (; hinted < hints.length && hints[hinted]![0] <= to; hinted++) this.hints.push([code.length + hints[hinted]![0] - from, hints[hinted]![1]]);
    };
    for (let k = 0; k < holes.length; k++) {
      const hole = holes[k]!;
      hint(hole.at);
      code.copy(bytes, from, hole.at);
      from = hole.at + 1;
      if (patched !== undefined && hole.what === HOLE.field && hole.field === "m") this.get(locals);
      else this.#fill(piece, hole, imports, rest);
    }
    hint(bytes.length);
    code.copy(bytes, from, bytes.length);
    if (mayFault) this.#site(piece, rest, block);
  }

  #fill({ fields, address, length }: Piece, { what, field, base, scale, index }: Hole, imports: Imports, rest: number): void {
    switch (what) {
      case HOLE.field: this.constant(fields[field]); return;
      case HOLE.site: this.constant(this.#sites.length); return;
      case HOLE.self: this.constant(address); return;
      case HOLE.next: this.constant(address + length); return;
      case HOLE.rest: this.constant(rest); return;
      case HOLE.offset: this.code.unsigned(base + (fields[field] << scale)); return;
      case HOLE.call: {
        const { name, shape } = imports.list[index]!;
        this.code.unsigned(this.imports.of(name, shape.parameters, shape.result));
      }
    }
  }

  /** An immediate that the guest changes: as it is now. */
  #read({ host, size, isSigned }: PatchedImmediate): void {
    const code = this.code;
    this.constant(0);
    code.byte(size === 4 ? OPCODE.load : size === 2 ? OPCODE.load16 : isSigned ? OPCODE.load8Signed : OPCODE.load8);
    code.unsigned(0);
    code.unsigned(this.#places.ram + host);
  }

  #site({ address, length }: Piece, rest: number, block: number): void { this.#sites.push({ eip: address, next: address + length | 0, rest, block }); }

  /** Lets the interpreter execute one instruction; where the region is not to go on behind it, the state words say how. */
  #step(piece: Piece, rest: number, block: number): void {
    const code = this.code;
    this.constant(this.#sites.length);
    this.#site(piece, rest, block);
    this.get(LEFT);
    this.call("step", 2);
    this.seldom(() => {
      this.constant(0);
      code.byte(OPCODE.return);
    });
    this.loadWord(SLOT.left);
    this.set(LEFT);
  }

  /** An instruction on two pages, where the second one is what it was. */
  #across(piece: Piece, template: Template, second: number, rest: number, block: number): void {
    const code = this.code;
    this.get(DELTA);
    this.constant((piece.address | PAGE - 1) + 1);
    code.byte(OPCODE.add);
    this.set(ENTRY);
    this.get(ENTRY);
    this.constant(PAGE_SHIFT);
    code.byte(OPCODE.shr);
    this.constant(WORD);
    code.byte(OPCODE.shl);
    code.byte(OPCODE.load);
    code.unsigned(WORD);
    code.unsigned(this.#places.exec);
    this.get(ENTRY);
    code.byte(OPCODE.xor);
    this.constant(second);
    code.byte(OPCODE.ne);
    this.seldom(() => { this.#step(piece, rest, block); }, () => { this.#piece(piece, template, rest, block); });
  }

  #behind(piece: Piece, { behind }: Template, rest: number, block: number): void {
    switch (behind) {
      case "answered": this.seldom(() => { this.#changed(piece, rest - 1); }); return;
      case "called out":
        this.constant(this.#sites.length - 1);
        this.call("calledOut", 1);
        this.seldom(() => {
          this.charge(rest - 1);
          this.constant(piece.address + piece.length);
          this.#leave();
        });
        return;
      case "stepped": this.seldom(() => { this.#step(piece, rest, block); }); return;
      case "nothing": case "enabled": return;
    }
    behind satisfies never;
  }

  /** The region is left behind an instruction that has changed more than registers, flags and memory; `rest` of its block are not done. */
  #changed({ address, length }: Piece, rest: number): void {
    this.charge(rest);
    this.constant(address + length);
    this.#storeEip();
    this.constant(CHANGED);
    this.#return();
  }

  /** The address on the stack becomes EIP, moved as the code is. */
  #storeEip(): void {
    this.get(DELTA);
    this.code.byte(OPCODE.add);
    this.set(ENTRY);
    this.storeWord(SLOT.eip, ENTRY);
  }

  /** The value on the stack is what the region returns; EIP stands in the state words. */
  #return(): void {
    this.storeWord(SLOT.left, LEFT);
    this.code.byte(OPCODE.return);
  }

  /**
   * STI and the instruction in its shadow. An interrupt that waits is taken behind that, or before it where it goes elsewhere and its shadow with it. One that
   * polls is the interpreter's. Answers how many instructions were taken beside STI, and whether the last one is done to its end.
   */
  #enable(piece: Piece, template: Template, next: Piece | undefined, rest: number, block: number): { readonly taken: number; readonly isDone: boolean } {
    if (next === undefined) {
      this.#step(piece, rest, block);
      return { taken: 0, isDone: true };
    }
    const shadowed = next.template, isStepped = shadowed === undefined || next.second !== undefined || shadowed.behind !== "nothing" || shadowed.end === "repeat" || shadowed.end === "transferred";
    this.#piece(piece, template, rest, block);
    this.set(ENTRY);
    this.#whenEntry(1, () => { this.#step(piece, rest, block); }); // which sees to all that is behind
    if (isStepped) {
      this.#step(next, rest - 1, block);
      return { taken: 1, isDone: true };
    }
    const isFollowed = shadowed.end === "next";
    if (!isFollowed) this.#whenEntry(2, () => { this.#changed(piece, rest - 1); });
    this.#piece(next, shadowed, rest - 1, block);
    this.storeConstant(SLOT.shadow, 0);
    if (isFollowed) this.#whenEntry(2, () => { this.#changed(next, rest - 2); });
    return { taken: 1, isDone: false };
  }

  /** Where the local that holds the entry, which is not wanted any more, has this value. */
  #whenEntry(value: number, then: () => void): void {
    this.get(ENTRY);
    this.constant(value);
    this.code.byte(OPCODE.eq);
    this.seldom(then);
  }

  /** Stretch after stretch: each behind the first takes one more off the budget. */
  #repeat(piece: Piece, template: Template, rest: number, block: number): void {
    const code = this.code;
    code.byte(OPCODE.block);
    code.byte(TYPE.void);
    code.byte(OPCODE.loop);
    code.byte(TYPE.void);
    this.inner += 2;
    this.#piece(piece, template, rest, block);
    code.byte(OPCODE.eqz);
    code.byte(OPCODE.brIf);
    code.unsigned(1);
    this.charge(-1);
    this.#ifSpent(() => {
      this.charge(rest);
      this.constant(piece.address);
      this.#leave();
    });
    code.byte(OPCODE.br);
    code.unsigned(0);
    this.inner -= 2;
    code.byte(OPCODE.end);
    code.byte(OPCODE.end);
  }

  /** What is called, EIP says where, runs until control comes back to `next`; where it does not, the region is left as what was called says. */
  #follow(next: number, k: number): void {
    const code = this.code;
    this.storeWord(SLOT.left, LEFT);
    this.constant(next);
    this.get(DELTA);
    code.byte(OPCODE.add);
    this.call(FOLLOW, 1);
    code.byte(OPCODE.tee);
    code.unsigned(ENTRY);
    this.seldom(() => {
      this.get(ENTRY);
      code.byte(OPCODE.return);
    });
    this.loadWord(SLOT.left);
    this.set(LEFT);
    this.#goTo(next, k);
  }

  // --- Ways ---------------------------------------------------------------------------------------------------------

  /** Goes to an address from the end of block number `k`. */
  #goTo(address: number, k: number): void {
    const to = this.#blocks.numberAt(address);
    if (to === undefined) {
      this.constant(address);
      this.#leave();
    } else if (to > k + 1 || to === k + 1 && this.inner > 0) {
      this.code.byte(OPCODE.br);
      this.code.unsigned(this.#depthOf(to));
    } else if (to <= k) this.#goBack(this.#blocks.list[to]!);
  }

  /** The same where the value on the stack is not 0. */
  #goToIf(address: number, k: number): void {
    const to = this.#blocks.numberAt(address), code = this.code;
    if (to !== undefined && to > k) {
      code.byte(OPCODE.brIf);
      code.unsigned(this.#depthOf(to));
    } else this.when(() => { this.#goTo(address, k); });
  }

  #goBack({ address, entry }: Block): void {
    this.#ifSpent(() => {
      this.constant(address);
      this.#leave();
    });
    this.constant(entry);
    this.set(ENTRY);
    this.code.byte(OPCODE.br);
    this.code.unsigned(this.#outermost);
  }

  #depthOf(block: number): number { return this.#blocks.list[block]!.label - this.#closed + this.inner; }
  /** How far out the loop around all blocks is. */
  get #outermost(): number { return this.#blocks.labels - this.#closed + this.inner; }

  #leave(): void {
    this.code.byte(OPCODE.br);
    this.code.unsigned(this.#outermost + 1);
  }

  #ifSpent(then: () => void): void {
    this.get(LEFT);
    this.constant(this.#blocks.length);
    this.code.byte(OPCODE.lts);
    this.seldom(then);
  }
}
