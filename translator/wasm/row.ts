/**
 * A row of regions: the WebAssembly function that enters the region at EIP, the one that it leaves to, and so on, as long as the entry table knows
 * the next one and nothing is to be seen to. A call from JavaScript into WebAssembly takes several times as long as one that stays inside.
 *
 *     r: () => code of the region that ran last, 0 where the table does not know the next one
 *     f: (next) => 0 where control has come to `next`, otherwise what the region that called it is to return
 *
 * The state words say all else: EIP, the code space, `left`, which the regions count down, `line`, which is the one that led to the region that runs, `leave`, which
 * is not 0 where the row is to end, and `entered`, to which it adds how many ran.
 *
 * What a region executes is taken off its heat; where nothing is left of that, the row ends too. Baseline code catches nothing itself: the row does.
 *
 * Code that calls lets `f` run what it calls, a row of its own inside the one that the caller is in: so what returns finds its way by the host's stack, and nothing is
 * looked up. The caller goes on where that is as good as entering it anew: no region was dropped, its page is still mapped there, and there is budget. It
 * needs not be the call that it made which has returned: its state lies in the state words.
 */
import { SLOT, SLOW, type SlotName } from "../../runtime/abi.ts";
import { Bytes } from "./bytes.ts";
import { OPCODE, TYPE } from "./opcodes.ts";

/** Where things are in the memory, in bytes; a line's words by their place in it. */
export interface RowLayout {
  readonly state: number;
  readonly table: number;
  /** A power of two. */
  readonly lines: number;
  readonly line: Readonly<Record<"host" | "space" | "linear" | "bound" | "least" | "index" | "entry" | "entered", number>>;
  /** Words of a line, as a power of two. */
  readonly lineShift: number;
  /** A word for each region, by its index. */
  readonly heat: number;
}

/** The name by which code imports `f`. */
export const FOLLOW = "follow";

/** What a caller returns beside a region's code: all rows that it is in are to end; and, where they are not, that control went elsewhere than it expected. */
const ALL_END = 0x100, ELSEWHERE = 0x200;
/** The bits of a region's own code. */
export const CODE = 0xff;
/** Calls inside one another: some hundred bytes of the host's stack each. */
const MOST_DEEP = 64;
/** Bytes of a return address: a stack pointer above that has left the call behind. */
const RETURN = 4;

/** Instructions that leave a value, or none. */
type Code = readonly number[];

/** The first is the parameter of `f`. */
const LOCALS = ["next", "space", "exec", "eip", "host", "at", "delta", "left", "code", "entered", "heat", "line", "distance", "budget", "drops", "page", "esp"] as const;
type LocalName = (typeof LOCALS)[number];

/** Types of the module by number: a region's function, the row's, the one of `f` and `x`, what is thrown, and what says which code that is. */
const REGION_TYPE = 0, ROW_TYPE = 1, FOLLOW_TYPE = 2, FETCH_TYPE = FOLLOW_TYPE, THROWN_TYPE = 3, CAUGHT_TYPE = 4;
const FUNCTION_IMPORT = 0, TABLE_IMPORT = 1, MEMORY_IMPORT = 2, TAG_IMPORT = 4, FUNCTION_EXPORT = 0;
const CAUGHT = 0, FETCH = 1, ROW = 2, FOLLOWING = 3, JS_TAG = 0;
const WORD = 2;

const encoded = (write: (bytes: Bytes) => void): number[] => {
  const bytes = new Bytes();
  write(bytes);
  return [...bytes.written];
};
const unsigned = (value: number): Code => encoded((bytes) => { bytes.unsigned(value); });
const name = (text: string): Code => encoded((bytes) => { bytes.name(text); });
const list = (...items: Code[]): Code => [...unsigned(items.length), ...items.flat()];
const sized = (content: Code): Code => [...unsigned(content.length), ...content];

const constant = (value: number): Code => [OPCODE.constant, ...encoded((bytes) => { bytes.signed(value); })];
const get = (local: LocalName): Code => [OPCODE.get, LOCALS.indexOf(local)];
const set = (local: LocalName, value: Code): Code => [...value, OPCODE.set, LOCALS.indexOf(local)];
const binary = (opcode: number) => (a: Code, b: Code): Code => [...a, ...b, opcode];
const add = binary(OPCODE.add), sub = binary(OPCODE.sub), and = binary(OPCODE.and), or = binary(OPCODE.or), xor = binary(OPCODE.xor), shl = binary(OPCODE.shl), shr = binary(OPCODE.shr);
const less = binary(OPCODE.lts), ltu = binary(OPCODE.ltu), geu = binary(OPCODE.geu), eq = binary(OPCODE.eq);
const load = (address: Code, offset: number): Code => [...address, OPCODE.load, WORD, ...unsigned(offset)];
const store = (address: Code, offset: number, value: Code): Code => [...address, ...value, OPCODE.store, WORD, ...unsigned(offset)];
const block = (...body: Code[]): Code => [OPCODE.block, TYPE.void, ...body.flat(), OPCODE.end];
const loop = (...body: Code[]): Code => [OPCODE.loop, TYPE.void, ...body.flat(), OPCODE.end];
const when = (condition: Code, ...body: Code[]): Code => [...condition, OPCODE.if, TYPE.void, ...body.flat(), OPCODE.end];
/** To the block or loop that is `depth` further out. */
const branchIf = (depth: number, condition: Code): Code => [...condition, OPCODE.brIf, depth];
const callIndirect = (index: Code, ...args: Code[]): Code => [...args.flat(), ...index, OPCODE.callIndirect, REGION_TYPE, 0];
/** A value, or the code of what JavaScript throws instead. */
const orCaught = (value: Code): Code => [OPCODE.try, TYPE.i32, ...value, OPCODE.catch, JS_TAG, OPCODE.call, CAUGHT, OPCODE.end];

/**
 * The module; it imports the memory `h.m`, the table of regions `h.t`, the tag `h.e` of JavaScript's exceptions, `h.c`, which gives their codes, and `h.x`, which fills the EXEC
 * entry of an address and gives it. It exports `r` and `f`.
 */
export function rowModule(layout: RowLayout): Uint8Array<ArrayBuffer> {
  const integers = (count: number): Code => list(...Array.from({ length: count }, () => [TYPE.i32]));
  const thrown = list([TYPE.externref]);
  const types = list(
    [TYPE.function, ...integers(3), ...integers(1)], [TYPE.function, ...integers(0), ...integers(1)], [TYPE.function, ...integers(1), ...integers(1)],
    [TYPE.function, ...thrown, ...integers(0)], [TYPE.function, ...thrown, ...integers(1)],
  );
  const imports = list(
    [...name("h"), ...name("t"), TABLE_IMPORT, TYPE.funcref, 0, 0], [...name("h"), ...name("m"), MEMORY_IMPORT, 0, 0],
    [...name("h"), ...name("e"), TAG_IMPORT, 0, THROWN_TYPE], [...name("h"), ...name("c"), FUNCTION_IMPORT, CAUGHT_TYPE],
    [...name("h"), ...name("x"), FUNCTION_IMPORT, FETCH_TYPE],
  );
  const row = new RowCode(layout), body = (locals: number, code: Code): Code => sized([1, ...unsigned(locals), TYPE.i32, ...code, OPCODE.end]);
  const section = (id: number, content: Code): Code => [id, ...sized(content)];
  return Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, types), ...section(2, imports), ...section(3, list([ROW_TYPE], [FOLLOW_TYPE])),
    ...section(7, list([...name("r"), FUNCTION_EXPORT, ROW], [...name("f"), FUNCTION_EXPORT, FOLLOWING])),
    ...section(10, list(body(LOCALS.length, row.row()), body(LOCALS.length - 1, row.follow()))),
  ]);
}

/** What both functions consist of. */
class RowCode {
  readonly #layout: RowLayout;
  readonly #shift: number;

  constructor(layout: RowLayout) {
    this.#layout = layout;
    this.#shift = layout.lineShift + WORD;
  }

  row(): Code {
    return [...this.#begin(), ...this.#run([]), ...this.#count(), ...and(get("code"), constant(CODE))];
  }

  follow(): Code {
    const depth = this.#word("depth"), isWhole = and(and(eq(this.#word("drops"), get("drops")), eq(this.#hostOf("next"), get("page"))), geu(get("left"), this.#inLine("line", "least")));
    const caller = this.#heatAt(this.#inLine("line", "index")), spent = sub(get("budget"), get("left"));
    /** The caller is what runs again, or ran last; what it called was at its own expense. */
    const back = (result: Code): Code => [
      ...this.#setWord("line", get("line")), ...this.#setWord("delta", get("distance")), ...store(caller, this.#layout.heat, add(load(caller, this.#layout.heat), spent)),
      ...this.#setWord("depth", sub(depth, constant(1))), ...this.#count(), ...result, OPCODE.return,
    ];
    return [
      ...when(less(constant(MOST_DEEP - 1), depth), constant(ELSEWHERE), [OPCODE.return]),
      ...this.#setWord("depth", add(depth, constant(1))),
      ...this.#begin(),
      ...set("line", this.#word("line")), ...set("distance", this.#word("delta")), ...set("budget", get("left")), ...set("drops", this.#word("drops")),
      ...set("page", this.#hostOf("next")), ...set("esp", add(this.#word("esp"), constant(RETURN))),
      ...this.#run([
        ...when(eq(get("eip"), get("next")), when(isWhole, back(constant(0))), back(constant(ELSEWHERE))),
        ...when(ltu(get("esp"), this.#word("esp")), back(constant(ELSEWHERE))),
      ]),
      ...this.#count(), ...or(get("code"), constant(ALL_END)),
    ];
  }

  #begin(): Code { return [...set("space", this.#word("space")), ...set("exec", this.#word("exec")), ...set("left", this.#word("left"))]; }

  #count(): Code { return this.#setWord("entered", add(this.#word("entered"), get("entered"))); }

  /** Region after region; `arrived` looks at EIP first. */
  #run(arrived: Code): Code {
    const { heat } = this.#layout, shift = this.#shift, elsewhere = or(xor(this.#inLine("at", "host"), get("host")), xor(this.#inLine("at", "space"), get("space")));
    const { table, line, lines } = this.#layout, spent = sub(get("left"), this.#word("left")), heated = this.#heatAt(this.#inLine("at", "index"));
    const out = 1, next = 0;
    return block(loop(
      set("eip", this.#word("eip")),
      arrived,
      set("code", constant(0)),
      set("host", this.#execAt("eip")),
      when(and(get("host"), constant(SLOW)),
        branchIf(out + 1, less(get("left"), constant(1))), // an interrupt comes before the fetch
        set("host", [...get("eip"), OPCODE.call, FETCH]),
        branchIf(out + 1, and(get("host"), constant(SLOW))),
      ),
      set("host", xor(get("host"), get("eip"))),
      set("at", and(shl(xor(get("host"), shr(get("host"), constant(11))), constant(shift)), constant((lines - 1) << shift))),
      when(elsewhere,
        set("at", xor(get("at"), constant(1 << shift))),
        branchIf(out + 1, elsewhere),
      ),
      set("delta", sub(get("eip"), this.#inLine("at", "linear"))),
      branchIf(out, and(get("delta"), this.#inLine("at", "bound"))),
      branchIf(out, less(get("left"), this.#inLine("at", "least"))),
      store(get("at"), table + 4 * line.entered, add(this.#inLine("at", "entered"), constant(1))),
      this.#setWord("line", get("at")),
      this.#setWord("delta", get("delta")),
      set("entered", add(get("entered"), constant(1))),
      set("code", orCaught(callIndirect(this.#inLine("at", "index"), get("left"), this.#inLine("at", "entry"), get("delta")))),
      branchIf(out, and(get("code"), constant(ALL_END))),
      set("heat", sub(load(heated, heat), spent)),
      store(heated, heat, get("heat")),
      set("left", this.#word("left")),
      branchIf(out, less(get("heat"), constant(0))),
      branchIf(next, [...or(and(get("code"), constant(CODE)), this.#word("leave")), OPCODE.eqz]),
    ));
  }

  #word(slot: SlotName): Code { return load(constant(0), this.#layout.state + 4 * SLOT[slot]); }
  #setWord(slot: SlotName, value: Code): Code { return store(constant(0), this.#layout.state + 4 * SLOT[slot], value); }
  #inLine(line: "at" | "line", word: keyof RowLayout["line"]): Code { return load(get(line), this.#layout.table + 4 * this.#layout.line[word]); }
  #heatAt(index: Code): Code { return shl(index, constant(WORD)); }
  #execAt(address: LocalName): Code { return load(add(get("exec"), shl(shr(get(address), constant(12)), constant(WORD))), 0); }
  #hostOf(address: LocalName): Code { return xor(this.#execAt(address), get(address)); }
}
