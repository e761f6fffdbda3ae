import { describe, expect, test } from "vitest";
import { readCompression } from "../../src/compression/options.ts";

const defaults = readCompression(true);

describe("the option compression", () => {
  test("is off when it is not given, and has defaults when it is true", () => {
    expect(readCompression(undefined)).toBeUndefined();
    expect(readCompression(false)).toBeUndefined();
    expect(readCompression({})).toEqual(defaults);
    expect(readCompression({ contextTakeover: false, level: undefined })).toEqual(defaults);
    expect(defaults).toMatchObject({ pool: 0 });
  });

  test("may be an object", () => {
    const all = { threshold: 0, level: 9, memLevel: 1, windowBits: 9 };
    expect(readCompression({ ...all, contextTakeover: { pool: 64 } })).toEqual({ ...all, pool: 64 });
    expect(readCompression({ threshold: Infinity })).toEqual({ ...defaults, threshold: Infinity });
  });

  test.each([
    ["yes", "compression: expected true, false or an object"],
    [null, "compression: expected true, false or an object"],
    [{ treshold: 5 }, 'there is no option "treshold": did you mean threshold?'],
    [{ level: 0 }, "compression: level: expected an integer from 1 to 9"],
    [{ level: "6" }, "compression: level: expected a number"],
    [{ memLevel: 10 }, "compression: memLevel: expected an integer from 1 to 9"],
    [{ windowBits: 8 }, "compression: windowBits: expected an integer from 9 to 15"],
    [{ windowBits: Infinity }, "compression: windowBits: expected an integer from 9 to 15"],
    [{ threshold: -1 }, "compression: threshold: expected an integer"],
    [{ contextTakeover: true }, "compression: contextTakeover: expected false, or an object like { pool: 64 }"],
    [{ contextTakeover: {} }, "compression: contextTakeover: pool: expected a number"],
    [{ contextTakeover: { pool: 0 } }, "compression: contextTakeover: pool: expected an integer from 1"],
  ])("of another kind is an error: %j", (value, message) => {
    expect(() => readCompression(value)).toThrow(message);
  });
});
