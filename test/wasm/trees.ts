/** Random functions in the JavaScript that regions are made of, as text. */

/** Numbers below 2^32 from a seed (G. Marsaglia, Xorshift RNGs, 2003). */
export class Draw {
  #state: number;
  constructor(seed: number) { this.#state = seed | 1; }
  word(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
  below(limit: number): number { return this.word() % limit; }
  of<T>(choices: readonly T[]): T { return choices[this.below(choices.length)]!; }
}

const INTEGERS = ["0", "1", "-1", "2", "31", "32", "255", "65535", "4095", "2147483647", "-2147483648", "305419896", "-7"];
const FLOATS = ["-0", "0.5", "1.5", "-3.25", "4294967296", "134217729", "1e300", "2.5e-310", "9007199254740993"];
/** Bytes of RAM that the functions access. */
export const RAM_BYTES = 4096;

export class Trees {
  readonly #draw: Draw;
  #names = 0;
  /** Labels that may be left, and loops that may be gone on with. */
  readonly #labels: string[] = [];
  readonly #loops: string[] = [];

  constructor(seed: number) { this.#draw = new Draw(seed); }

  /** A whole function. */
  function(): string {
    const arrays = "const S = state, MEM8 = ram8, MEM16 = ram16, MEM32 = ram32, READ = readTlb, F = registerPairs, MEMF32 = ramSingles, MEMF64 = ramDoubles;";
    const open = "let i0 = S[0], i1 = S[1], i2 = left | 0, i3 = entry | 0, code = 0, f0 = F[0], f1 = F[1], f2 = -0;";
    return `(function (left, entry, delta) { ${arrays} ${open}
      leave: { try { ${this.#list(4, 3)} } catch (error) { code = caught(error); } }
      S[0] = i0; S[1] = i1; S[2] = i2; S[3] = i3; F[0] = f0; F[1] = f1; F[2] = f2; return code; })`;
  }

  #name(): string { return `t${this.#names++}`; }
  #local(): string { return `i${this.#draw.below(4)}`; }
  #float(): string { return `f${this.#draw.below(3)}`; }

  #list(length: number, depth: number): string { return Array.from({ length: 1 + this.#draw.below(length) }, () => this.#statement(depth)).join(" "); }

  #statement(depth: number): string {
    const { of, below } = { of: <T>(choices: readonly T[]): T => this.#draw.of(choices), below: (limit: number): number => this.#draw.below(limit) };
    switch (depth === 0 ? below(8) : below(16)) {
      case 0: case 1: return `${this.#local()} = ${this.int(3)};`;
      case 2: return `${this.#float()} = ${this.float(2)};`;
      case 3: return `${this.#element(2)} = ${this.int(2)};`;
      case 4: return `F[${this.#index(7)}] = ${this.float(2)};`;
      case 5: return this.#floatStore();
      case 6: return `ask(${this.int(1)}, ${of([this.int(1), `${this.int(1)} >>> 0`, this.float(1), `${this.int(1)} + ${this.int(1)}`])});`;
      case 7: return this.#near();
      case 8: case 9: return `if (${this.condition(2)}) { ${this.#list(3, depth - 1)} } else { ${this.#list(2, depth - 1)} }`;
      case 10: return `if (${this.condition(2)}) { ${this.#list(3, depth - 1)} }`;
      case 11: return this.#leaving();
      case 12: return this.#labelled(depth);
      case 13: case 14: return this.#loop(depth);
      default: return `try { ${this.#local()} = ask(${this.int(1)}, 1) | 0; } finally { ${this.#local()} = S[${below(8)}]; }`;
    }
  }

  #leaving(): string {
    const ways = [...this.#labels.map((label) => `break ${label};`), ...this.#loops.map((label) => `continue ${label};`), "{ code = 7; break leave; }"];
    return `if (${this.condition(1)}) ${this.#draw.of(ways)}`;
  }

  #labelled(depth: number): string {
    const label = `to${this.#names++}`;
    this.#labels.push(label);
    const body = this.#list(3, depth - 1);
    this.#labels.pop();
    return `${label}: { ${body} }`;
  }

  #loop(depth: number): string {
    const label = `loop${this.#names++}`, count = this.#name();
    this.#loops.push(label);
    const body = this.#list(3, depth - 1);
    this.#loops.pop();
    return `let ${count} = ${1 + this.#draw.below(4)}; ${label}: for (;;) { if (${count} === 0) break; ${count} = ${count} - 1 | 0; ${body} }`;
  }

  /** Accesses that share a constant address and the word index that goes with it. */
  #near(): string {
    const h = this.#name(), w = this.#name(), v = this.#name();
    return `const ${h} = ${this.int(1)} & ${RAM_BYTES - 64}, ${w} = ${h} >>> 2; const ${v} = MEM32[${w}]; MEM32[${w} + 3] = ${v} ^ MEM8[${h} + 5 | 0]; MEM16[${h} + 6 >>> 1] = ${this.int(1)}; ${this.#local()} = MEM32[${w} + 1] + ${w} | 0;`;
  }

  #floatStore(): string {
    const v = this.#name(), at = this.int(1), address = `(${at} & ${RAM_BYTES - 8})`;
    const store = this.#draw.of([`MEMF64[${address} >>> 3] = ${v};`, `MEMF32[${address} >>> 2] = ${v};`]);
    return `const ${v} = ${this.float(2)}; if (${v} === ${v}) ${store} MEM32[${address} >>> 2] = ${this.int(1)} + -0;`;
  }

  #element(depth: number): string {
    const at = this.int(depth - 1);
    return this.#draw.of([
      `S[${this.#draw.below(16)}]`, `MEM8[${at} & ${RAM_BYTES - 1}]`, `MEM16[(${at} & ${RAM_BYTES - 2}) >>> 1]`, `MEM32[(${at} & ${RAM_BYTES - 4}) >>> 2]`,
      `MEM32[((${at} & ${RAM_BYTES - 16}) >>> 2) + 1]`, `READ[(${at} & 65535) >>> 12]`,
    ]);
  }

  #index(limit: number): string { return this.#draw.of([String(this.#draw.below(limit)), `${this.#local()} & ${limit}`]); }

  int(depth: number): string {
    if (depth <= 0) return this.#draw.of([...INTEGERS, "i0", "i1", "i2", "i3", "PAGE0", "S[5]"]);
    const a = (): string => this.int(depth - 1), literal = String(this.#draw.below(32)), local = this.#local();
    const part = (): string => this.#draw.of([a(), `${a()} >>> ${a()}`, `(${a()}) + (${a()})`, `(${a()}) * (${literal})`, `imul(${a()}, ${a()}) * ${literal}`]);
    return `(${this.#draw.of<() => string>([
      () => `(${part()}) | (${part()})`, () => `(${part()}) & (${part()})`, () => `(${part()}) ^ (${part()})`, () => `(${a()}) << (${part()})`, () => `(${a()}) >> ((${a()}) & 255 & 31)`, () => `(${a()}) >> (${a()})`,
      () => `(${a()}) >>> (${a()}) | 0`, () => `(${a()}) >>> ${1 + this.#draw.below(31)}`, () => `(${part()}) + (${part()}) | 0`, () => `(${a()}) - (${part()}) | 0`, () => `~(${part()})`,
      () => `-(${a()}) | 0`, () => `(${a()}) << 24 >> 24`, () => `(${a()}) << 16 >> 16`, () => `${local} << ${literal} | ${local} >>> ${32 - Number(literal)}`, () => `i1 << i2 | (i1 >>> 32 - i2 | 0)`,
      () => `imul(${a()}, ${part()})`, () => `clz32(${part()})`, () => `${this.condition(depth - 1)} ? ${a()} : ${a()}`, () => `${this.condition(depth - 1)} ? 1 : 0`, () => `${this.condition(depth - 1)} ? 0 : 1`,
      () => this.#element(depth), () => `ask(${a()}, ${a()}) | 0`, () => `(${a()}) & 1 ? ask(${a()}, 2) | 0 : ${a()}`, () => `${local} = ${a()}`, () => `(${this.condition(depth - 1)} ? ${a()} : (${a()}) + 1) | 0`,
      () => `RUNS[(${a()}) & 7] | 0`,
    ])()})`;
  }

  condition(depth: number): string {
    if (depth <= 0) return this.#draw.of(["(i0 === i1)", "(i0 < i2)", "(i1 !== 0)", "((i3 & 1) === 0)", "(f0 < f1)", "true", "false"]);
    const a = (): string => this.int(depth - 1), c = (): string => this.condition(depth - 1), f = (): string => this.float(depth - 1), compared = this.#draw.of(["===", "!==", "<", "<=", ">", ">="]);
    return `(${this.#draw.of<() => string>([
      () => `(${a()}) ${compared} (${a()})`, () => `(${a()}) >>> 0 ${compared} (${a()}) >>> 0`, () => `(${a()}) >>> 0 ${compared} (${a()})`, () => `(${a()}) + (${a()}) ${compared} (${a()})`, () => `(${a()}) * (${a()}) ${compared} (${a()})`,
      () => `${f()} ${compared} ${f()}`, () => `${f()} ${compared} ${a()}`, () => `${c()} && ${c()}`, () => `${c()} || ${c()}`, () => `!${c()}`, () => `${c()} === ${c()}`, () => `${c()} !== ${c()}`,
      () => `(${a()}) !== 0`, () => `(${this.#local()} = ${a()}) < 0`,
    ])()})`;
  }

  float(depth: number): string {
    if (depth <= 0) return this.#draw.of([...FLOATS, "f0", "f1", "f2"]);
    const a = (): string => this.float(depth - 1), n = (): string => this.int(depth - 1), operator = this.#draw.of(["+", "-", "*", "/"]);
    return `(${this.#draw.of<() => string>([
      () => `(${a()}) ${operator} (${a()})`, () => `(${a()}) ${operator} (${n()})`, () => `-(${a()})`, () => `abs(${a()})`, () => `fround(${a()})`, () => `(${n()}) + -0`, () => `((${n()}) >>> 0) + -0`,
      () => `${this.condition(depth - 1)} ? ${a()} : ${a()}`, () => `F[${this.#index(7)}]`, () => `MEMF64[((${n()}) & ${RAM_BYTES - 8}) >>> 3]`, () => `MEMF32[((${n()}) & ${RAM_BYTES - 4}) >>> 2]`, () => `x87Integer() + -0`,
    ])()})`;
  }
}
