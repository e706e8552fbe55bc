/** A WebAssembly module around compiled functions (WebAssembly Core Specification 2.0, 5.5). */
import { Bytes } from "./bytes.ts";
import { TYPE } from "./opcodes.ts";

/** Parameters and results of a function, by type. */
export interface Shape {
  readonly parameters: readonly number[];
  /** Undefined where it has none. */
  readonly result: number | undefined;
}

/** A function that the module imports. */
export interface WasmImport {
  readonly name: string;
  readonly shape: Shape;
}

/** What a module imports, each function once for each shape that it is called in. */
export class Imports {
  readonly list: WasmImport[] = [];
  /** By name: indices, one for each shape. */
  readonly #numbers = new Map<string, number[]>();

  /** The index of a function. */
  of(name: string, parameters: readonly number[], result: number | undefined): number {
    let numbers = this.#numbers.get(name);
    if (numbers === undefined) this.#numbers.set(name, (numbers = []));
    for (let k = 0; k < numbers.length; k++) {
      const number = numbers[k]!, { shape } = this.list[number]!;
      if (shape.result === result && shape.parameters.length === parameters.length && shape.parameters.every((type, at) => type === parameters[at])) return number;
    }
    numbers.push(this.list.length);
    this.list.push({ name, shape: { parameters, result } });
    return this.list.length - 1;
  }
}

export interface OwnFunction {
  /** That it is exported by. */
  readonly name: string;
  /** That profilers show. */
  readonly shownName: string;
  readonly shape: Shape;
  readonly body: Bytes;
  readonly hints: Bytes | undefined;
}

/** JavaScript's exceptions as they come out of imports. */
const THROWN: Shape = { parameters: [TYPE.externref], result: undefined };
const FUNCTION = 0, MEMORY = 2, TAG = 4;

/** Function names alone (Core Specification 2.0, 7.4.1). */
function nameSection(count: number, names: Bytes): Bytes {
  const counted = new Bytes(), custom = new Bytes();
  counted.unsigned(count);
  counted.append(names);
  custom.name("name");
  custom.byte(1);
  custom.sized(counted);
  return custom;
}

/** Imports `h.m`, the memory, `h.e`, the tag of JavaScript's exceptions, where they are wanted, and `i.0` and so on; exports the functions by name. */
export function moduleOf(functions: readonly OwnFunction[], imported: readonly WasmImport[], hasMemory: boolean): Uint8Array<ArrayBuffer> {
  const module = new Bytes(), shapes = new Map<string, number>(), types = new Bytes(), imports = new Bytes();
  const shapeOf = ({ parameters, result }: Shape): number => {
    const key = `${parameters.join()}>${result}`, known = shapes.get(key);
    if (known !== undefined) return known;
    types.byte(TYPE.function);
    types.vector(parameters);
    types.vector(result === undefined ? [] : [result]);
    shapes.set(key, shapes.size);
    return shapes.size - 1;
  };
  const section = (id: number, content: Bytes): void => {
    module.byte(id);
    module.sized(content);
  };
  const list = (id: number, count: number, content: Bytes): void => {
    const counted = new Bytes();
    counted.unsigned(count);
    counted.append(content);
    section(id, counted);
  };
  const importing = (from: string, name: string, kind: number, ...rest: readonly number[]): void => {
    imports.name(from);
    imports.name(name);
    imports.byte(kind);
    for (const value of rest) imports.unsigned(value);
  };
  if (hasMemory) {
    importing("h", "m", MEMORY, 0, 1);
    importing("h", "e", TAG, 0, shapeOf(THROWN));
  }
  imported.forEach(({ shape }, k) => { importing("i", String(k), FUNCTION, shapeOf(shape)); });
  const declared = new Bytes(), exported = new Bytes(), code = new Bytes(), hints = new Bytes(), names = new Bytes();
  let hinted = 0;
  functions.forEach(({ name, shownName, shape, body, hints: own }, k) => {
    const index = imported.length + k;
    declared.unsigned(shapeOf(shape));
    exported.name(name);
    exported.byte(FUNCTION);
    exported.unsigned(index);
    code.sized(body);
    names.unsigned(index);
    names.name(shownName);
    if (own === undefined) return;
    hinted++;
    hints.unsigned(index);
    hints.append(own);
  });
  for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) module.byte(byte);
  list(1, shapes.size, types);
  list(2, imported.length + (hasMemory ? 2 : 0), imports);
  list(3, functions.length, declared);
  list(7, functions.length, exported);
  if (hinted > 0) {
    const custom = new Bytes();
    custom.name("metadata.code.branch_hint");
    custom.unsigned(hinted);
    custom.append(hints);
    section(0, custom);
  }
  list(10, functions.length, code);
  section(0, nameSection(functions.length, names));
  return module.written.slice() as Uint8Array<ArrayBuffer>;
}
