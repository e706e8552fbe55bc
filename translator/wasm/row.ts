/**
 * A row of regions: the WebAssembly function that enters the region at EIP, the one that it leaves to, and so on, as long as the entry table knows
 * the next one and nothing is to be seen to. A call from JavaScript into WebAssembly takes several times as long as one that stays inside.
 *
 *     (space, exec) => code of the region that ran last, 0 where the table does not know the next one
 *
 * `space` is the number of the code space, `exec` where the EXEC entries of its ring begin. The state words say all else: EIP, `left`, which the regions
 * count down, `line`, which is the one that led to the region that runs, `leave`, which is not 0 where the row is to end, and behind it `entered`, how many ran.
 *
 * What a region executes is taken off its heat; where nothing is left of that, the row ends too. Baseline code catches nothing itself: the row does.
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

/** Instructions that leave a value, or none. */
type Code = readonly number[];

const LOCALS = ["space", "exec", "eip", "host", "at", "delta", "left", "code", "entered", "heat"] as const;
const PARAMETERS = 2;
type LocalName = (typeof LOCALS)[number];

/** Types of the module by number: a region's function, the row's, what is thrown, and what says which code that is. */
const REGION_TYPE = 0, ROW_TYPE = 1, THROWN_TYPE = 2, CAUGHT_TYPE = 3;
const FUNCTION_IMPORT = 0, TABLE_IMPORT = 1, MEMORY_IMPORT = 2, TAG_IMPORT = 4, FUNCTION_EXPORT = 0;
const CAUGHT = 0, ROW = 1, JS_TAG = 0;
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
const less = binary(OPCODE.lts);
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

/** The module; it imports the memory `h.m`, the table of regions `h.t`, the tag `h.e` of JavaScript's exceptions and `h.c`, which gives their codes, and exports the row as `r`. */
export function rowModule(layout: RowLayout): Uint8Array<ArrayBuffer> {
  const integers = (count: number): Code => list(...Array.from({ length: count }, () => [TYPE.i32]));
  const thrown = list([TYPE.externref]);
  const types = list(
    [TYPE.function, ...integers(3), ...integers(1)], [TYPE.function, ...integers(PARAMETERS), ...integers(1)], [TYPE.function, ...thrown, ...integers(0)],
    [TYPE.function, ...thrown, ...integers(1)],
  );
  const imports = list(
    [...name("h"), ...name("t"), TABLE_IMPORT, TYPE.funcref, 0, 0], [...name("h"), ...name("m"), MEMORY_IMPORT, 0, 0],
    [...name("h"), ...name("e"), TAG_IMPORT, 0, THROWN_TYPE], [...name("h"), ...name("c"), FUNCTION_IMPORT, CAUGHT_TYPE],
  );
  const body = [1, ...unsigned(LOCALS.length - PARAMETERS), TYPE.i32, ...rowCode(layout), OPCODE.end];
  const section = (id: number, content: Code): Code => [id, ...sized(content)];
  return Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, types), ...section(2, imports), ...section(3, list([ROW_TYPE])), ...section(7, list([...name("r"), FUNCTION_EXPORT, ROW])), ...section(10, list(sized(body))),
  ]);
}

function rowCode({ state, table, lines, line, lineShift, heat }: RowLayout): Code {
  const shift = lineShift + WORD, zero = constant(0);
  const word = (slot: SlotName): Code => load(zero, state + 4 * SLOT[slot]), setWord = (slot: SlotName, value: Code): Code => store(zero, state + 4 * SLOT[slot], value);
  const inLine = (place: keyof RowLayout["line"]): Code => load(get("at"), table + 4 * line[place]);
  const isElsewhere = or(xor(inLine("host"), get("host")), xor(inLine("space"), get("space")));
  const heatOf = (index: Code): Code => shl(index, constant(WORD));
  const out = 1, next = 0;
  return [
    ...set("left", word("left")),
    ...block(loop(
      set("eip", word("eip")),
      set("host", load(add(get("exec"), shl(shr(get("eip"), constant(12)), constant(WORD))), 0)),
      branchIf(out, and(get("host"), constant(SLOW))),
      set("host", xor(get("host"), get("eip"))),
      set("at", and(shl(xor(get("host"), shr(get("host"), constant(11))), constant(shift)), constant((lines - 1) << shift))),
      when(isElsewhere,
        set("at", xor(get("at"), constant(1 << shift))),
        branchIf(out + 1, isElsewhere),
      ),
      set("delta", sub(get("eip"), inLine("linear"))),
      branchIf(out, and(get("delta"), inLine("bound"))),
      branchIf(out, less(get("left"), inLine("least"))),
      store(get("at"), table + 4 * line.entered, add(inLine("entered"), constant(1))),
      setWord("line", get("at")),
      setWord("delta", get("delta")),
      set("entered", add(get("entered"), constant(1))),
      set("code", orCaught(callIndirect(inLine("index"), get("left"), inLine("entry"), get("delta")))),
      set("heat", sub(load(heatOf(inLine("index")), heat), sub(get("left"), word("left")))),
      store(heatOf(inLine("index")), heat, get("heat")),
      set("left", word("left")),
      branchIf(out, less(get("heat"), zero)),
      branchIf(next, [...or(get("code"), word("leave")), OPCODE.eqz]),
    )),
    ...setWord("entered", get("entered")),
    ...get("code"),
  ];
}
