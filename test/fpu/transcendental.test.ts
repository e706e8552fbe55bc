import { describe, expect, it } from "vitest";
import { x87Handler } from "../../runtime/fpu/execute.ts";
import { TestHost } from "./harness.ts";

/** Mnemonic, ST(0), ST(1), result rounded to nearest, computed with 120 decimal digits in another language. */
const VALUES: readonly (readonly [string, string, string, string])[] = [
  ["fsin", "4014a69e0d37f2a74de4", "3fff8000000000000000", "bffe996c1a8f34e9f8ee"],
  ["fsin", "bff1d23f0824128b2f33", "3fff8000000000000000", "bff1d23f081e29e950e7"],
  ["fsin", "3ff79531985d5d9dc9f8", "3fff8000000000000000", "3ff79531769547567f7b"],
  ["fsin", "402b899950d836f675cc", "3fff8000000000000000", "3ffeee907593e3aec7f2"],
  ["fsin", "402291e20b8f6b0d549b", "3fff8000000000000000", "3ffeb2f7514f6f5cc84f"],
  ["fsin", "3ff6ecad4a268d116ece", "3fff8000000000000000", "3ff6ecad286f4063e9fd"],
  ["fcos", "4033f28c105d1fb17c23", "3fff8000000000000000", "3ffef27f824a4eafa5d9"],
  ["fcos", "c03b953f48f1a09f76b5", "3fff8000000000000000", "3ffedca9b45e6b620487"],
  ["fcos", "3ff295e60af593bd04cf", "3fff8000000000000000", "3ffeffffffd41d344479"],
  ["fcos", "3ff1b898d190f9ebdacc", "3fff8000000000000000", "3ffeffffffef5c7ef0f0"],
  ["fcos", "4032a217beaddbc496cb", "3fff8000000000000000", "bffebbdf26190d782d7c"],
  ["fcos", "40208a6a63ec24ede6a4", "3fff8000000000000000", "bffd85e22b6d7ab1fed7"],
  ["fptan", "c0348f6d05584ef8aa38", "3fff8000000000000000", "4001d34c9ee048a1a798"],
  ["fptan", "c00294e3bf911a61dbe2", "3fff8000000000000000", "3ffbf53bb37293e1ddc7"],
  ["fptan", "403cdf557203301850c5", "3fff8000000000000000", "c002a9b126863f5eb63b"],
  ["fptan", "c0319012f037b64ce422", "3fff8000000000000000", "bffe810c4d08687b7beb"],
  ["fptan", "3ff2b4b9b5df9e7769b1", "3fff8000000000000000", "3ff2b4b9b5fda4664441"],
  ["fptan", "402fc6f877186d76b07e", "3fff8000000000000000", "bffdd8af56531bf03039"],
  ["f2xm1", "3fefec66a78795e761d1", "3fff8000000000000000", "3fefa3dcbe8fea5dccc2"],
  ["f2xm1", "bfecbf98e2774cbd87ad", "3fff8000000000000000", "bfec84ce0ffce58799b1"],
  ["f2xm1", "3fe6c7a2ea20b2f14c94", "3fff8000000000000000", "3fe68a609d4329461bac"],
  ["f2xm1", "bfe3ccdd2055930d6eaf", "3fff8000000000000000", "bfe38e0030fcd3acd218"],
  ["f2xm1", "bff0d7ee05cde00902c7", "3fff8000000000000000", "bff095ab1f36fd6ecf8e"],
  ["f2xm1", "bfef9be4bcfc49b64a08", "3fff8000000000000000", "bfeed81ce705839cdedd"],
  ["fyl2x", "3fe0830e07bc1e398f10", "4002c1d3fcff2a3af4d4", "c007bb9099f4c219bc7d"],
  ["fyl2x", "3feafd2caf82eeeacbe2", "c002f646e1f40a097c97", "40079a0bd8f96efb5056"],
  ["fyl2x", "3fe08ede0d7ac3baea9e", "c007e01f5057ca02135e", "400cd80216d824857f5a"],
  ["fyl2x", "3fffb1fee08f57124242", "c000ff26144b98289fcd", "bffff2bf580c1ef2d3d6"],
  ["fyl2x", "4011d70820fe119a72d1", "3ff7c51abd81f1d69ed6", "3ffbe6f64f1a85d91646"],
  ["fyl2x", "3fdfbb2d420f0f88080b", "bffe93f448b3a5aa3c81", "4003916b58f9f2dffb5f"],
  ["fyl2xp1", "3ff6f2158370d269a9a5", "4001ab2cd31ee3151288", "3ff9e919584ef21dc3a6"],
  ["fyl2xp1", "3fe1f631a992f0ce5835", "3ffa9df9fd789c653938", "3fdddb2e8d746a16fd13"],
  ["fyl2xp1", "3fe2c4aaeac137dc76fb", "3ff9bf63af83bd0561e6", "3fddd41f3030f5a4e827"],
  ["fyl2xp1", "3feddf1582b0eab477d2", "3ff7f2fdf2022a96fb1a", "3fe798be6869164cee9e"],
  ["fyl2xp1", "3ff2e22571594720771f", "40028cdb305fdd2e1609", "3ff6b37ecdbd4b80312b"],
  ["fyl2xp1", "3ff7fc891b4a6a50df4d", "4001bb1287fff52ddf5d", "3ffb849b90dbe02b956b"],
  ["fpatan", "3ff0a6bb7dbd2d1c9af0", "bff9fc26847f0316909e", "bfffc8e588db25b14df2"],
  ["fpatan", "4010c3435cc52eae05cf", "bfebeb4013ef254b0c4e", "bfda9a366e104fd7e73a"],
  ["fpatan", "400290fbbd119c1caaf7", "bff3dbf4a8b2b0c4312d", "bff0c230a944f12e9e83"],
  ["fpatan", "c012ad1b72dba7abe1c2", "bfeee647cb8f74e69a5d", "c000c90fdaa21c168e3b"],
  ["fpatan", "400ee5e7e4236472f1a3", "c004fb45145c1a81682c", "bff58be4f4957fa49928"],
  ["fpatan", "4004b0cbc97d0fef7928", "3ff8a98cb3a570ccec31", "3ff2f581d7a3c21a84ff"],
];

function push(host: TestHost, digits: string): void {
  const word = (from: number, to: number): number => Number.parseInt(digits.slice(from, to), 16) | 0;
  host.fpu.loadExtended(word(12, 20), word(4, 12), word(0, 4));
}

function popped(host: TestHost): string {
  host.fpu.storeExtended();
  const { resultTop, resultHigh, resultLow } = host.fpu;
  host.fpu.finishStore(true);
  const mantissa = [resultHigh, resultLow].map((word) => (word >>> 0).toString(16).padStart(8, "0"));
  return (resultTop & 0xffff).toString(16).padStart(4, "0") + mantissa.join("");
}

function compute(mnemonic: string, st0: string, st1: string, control: number = 0x37f): string {
  const host = new TestHost();
  push(host, st1);
  push(host, st0);
  host.fpu.controlWord = control;
  x87Handler(mnemonic, -1)!(host, 0, 0, 0, 4);
  if (mnemonic === "fptan") expect(popped(host)).toBe("3fff8000000000000000");
  return popped(host);
}

describe("transcendental functions are correctly rounded", () => {
  it.each(VALUES)("%s %s %s", (mnemonic, st0, st1, expected) => {
    expect(compute(mnemonic, st0, st1)).toBe(expected);
  });

  it("rounds in the direction of the rounding control", () => {
    for (const [mnemonic, st0, st1, nearest] of VALUES) {
      const down = compute(mnemonic, st0, st1, 0x77f), up = compute(mnemonic, st0, st1, 0xb7f), chop = compute(mnemonic, st0, st1, 0xf7f);
      expect([down, up]).toContain(nearest);
      expect(down).not.toBe(up);
      expect(chop).toBe(nearest.startsWith("8") || nearest.startsWith("b") || nearest.startsWith("c") ? up : down);
    }
  });

  it("keeps the side of the argument for tiny angles", () => {
    const tiny = "3f009000000000000000";
    expect(compute("fsin", tiny, tiny, 0xf7f)).toBe("3f008fffffffffffffff");
    expect(compute("fptan", tiny, tiny, 0xb7f)).toBe("3f009000000000000001");
    expect(compute("fcos", tiny, tiny, 0xf7f)).toBe("3ffeffffffffffffffff");
    expect(compute("fpatan", "3fff8000000000000000", tiny, 0xf7f)).toBe("3f008fffffffffffffff");
  });

  it("gives exact results exactly, though called inexact as processors do", () => {
    expect(compute("fyl2x", "40028000000000000000", "40008000000000000000")).toBe("4001c000000000000000"); // 2 log2 8 = 6
    expect(compute("f2xm1", "bfff8000000000000000", "40008000000000000000")).toBe("bffe8000000000000000"); // 2^-1 - 1
    expect(compute("f2xm1", "3fff8000000000000000", "40008000000000000000")).toBe("3fff8000000000000000");
    expect(compute("fcos", "80000000000000000000", "40008000000000000000")).toBe("3fff8000000000000000");
  });

  it("sets C2 and keeps ST(0) where the angle is 2^63 or more", () => {
    for (const mnemonic of ["fsin", "fcos", "fsincos", "fptan"]) {
      const host = new TestHost();
      push(host, "403e8000000000000000");
      x87Handler(mnemonic, -1)!(host, 0, 0, 0, 4);
      expect(host.fpu.statusWord & 0x400).toBe(0x400);
      expect(popped(host)).toBe("403e8000000000000000");
    }
  });
});
