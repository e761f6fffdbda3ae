import { describe, expect, test } from "vitest";
import {
  DEFAULT_MAX_JSON_DEPTH,
  DEFAULT_MAX_JSON_VALUES,
  isJsonError,
  parseJson,
} from "../../../src/connection/receiving/json.ts";
import { HawserError } from "../../../src/errors/errors.ts";
import { type ErrorCode, errorTable } from "../../../src/errors/table.ts";
import { turns } from "../../support/wire.ts";
import type { JsonLimits } from "../../../src/util/json-checks.ts";

const DEFAULTS: JsonLimits = { maxJsonDepth: DEFAULT_MAX_JSON_DEPTH, maxJsonValues: DEFAULT_MAX_JSON_VALUES };

/** The result for a text: its value, or the code of the error. */
function outcome(text: string, limits: Partial<JsonLimits> = {}): unknown {
  try {
    return { value: parseJson(text, { ...DEFAULTS, ...limits }) };
  } catch (error) {
    if (error instanceof HawserError) return error.code;
    throw error;
  }
}

function nested(depth: number, inner = "0", [open, close] = ["[", "]"]): string {
  return open.repeat(depth) + inner + close.repeat(depth);
}

describe("JSON", () => {
  test.each(['{"a":[1,"€",null,true,false,-1.5e3]}', " 7 ", "null", '"text"', "[]", "{}", '""', "\t[ ]\r\n"])(
    "is the result of JSON.parse for %j",
    (text) => {
      expect(outcome(text)).toEqual({ value: JSON.parse(text) as unknown });
    },
  );

  test.each([
    "",
    "{",
    "undefined",
    "{'a':1}",
    "{} {}",
    "\ufeff\ufeff{}",
    "[1,]",
    '"',
    '"\\',
    '"\\"',
    "[".repeat(200) + '"',
  ])("is not %j: that is refused, with the parser's error as the cause", (text) => {
    expect(outcome(text, { maxJsonDepth: 500 })).toBe("HWS_INVALID_JSON");
    expect(() => parseJson(text, { ...DEFAULTS, maxJsonDepth: 500 })).toThrow(
      expect.objectContaining({ cause: expect.any(SyntaxError) as unknown }) as Error,
    );
  });
});

describe("the depth", () => {
  test.each([1, 2, 7, 64])("may be %d when that is the limit, and no more", (maxJsonDepth) => {
    for (const brackets of [
      ["[", "]"],
      ['{"a":', "}"],
    ]) {
      const most = nested(maxJsonDepth, "0", brackets as [string, string]);
      expect(outcome(most, { maxJsonDepth })).toEqual({ value: JSON.parse(most) as unknown });
      expect(outcome(nested(maxJsonDepth + 1, "0", brackets as [string, string]), { maxJsonDepth })).toBe(
        "HWS_JSON_TOO_DEEP",
      );
    }
  });

  test("is refused in the shortest text that has it", () => {
    expect(outcome("[[]]", { maxJsonDepth: 1 })).toBe("HWS_JSON_TOO_DEEP");
    expect(outcome("[{}]", { maxJsonDepth: 1 })).toBe("HWS_JSON_TOO_DEEP");
    expect(outcome("[]", { maxJsonDepth: 1 })).toEqual({ value: [] });
  });

  test("counts arrays and objects together", () => {
    expect(outcome('[{"a":[{"b":0}]}]', { maxJsonDepth: 4 })).toEqual({ value: [{ a: [{ b: 0 }] }] });
    expect(outcome('[{"a":[{"b":0}]}]', { maxJsonDepth: 3 })).toBe("HWS_JSON_TOO_DEEP");
  });

  test("counts nesting, not siblings", () => {
    const wide = `[${Array.from({ length: 500 }, () => '[{"a":[]}]').join(",")}]`;
    expect(outcome(wide, { maxJsonDepth: 4 })).toEqual({ value: JSON.parse(wide) as unknown });
    expect(outcome(wide, { maxJsonDepth: 3 })).toBe("HWS_JSON_TOO_DEEP");
  });

  test("is 64 by default", () => {
    expect(outcome(nested(64))).toHaveProperty("value");
    expect(outcome(nested(65))).toBe("HWS_JSON_TOO_DEEP");
  });

  test("of a hundred thousand brackets is refused before anything is built", () => {
    expect(outcome("[".repeat(100_000))).toBe("HWS_JSON_TOO_DEEP");
    expect(outcome('{"a":'.repeat(100_000))).toBe("HWS_JSON_TOO_DEEP");
  });

  test("may have no limit", () => {
    expect(outcome(nested(3000), { maxJsonDepth: Infinity })).toHaveProperty("value");
  });
});

describe("the number of values", () => {
  test.each([
    ["[0]", 2],
    ["[0,1,2]", 4],
    ["[[0],[1]]", 5],
    ['{"a":null}', 2],
    ['{"a":true,"b":[false,"c"],"d":{"e":-1}}', 7],
    ['  [ 0 , "1" , { "2" : 3 } ]  ', 5],
  ])("of %s is %d: that limit allows it, and a smaller one does not", (text, values) => {
    expect(outcome(text, { maxJsonValues: values })).toEqual({ value: JSON.parse(text) as unknown });
    expect(outcome(text, { maxJsonValues: values - 1 })).toBe("HWS_JSON_TOO_BIG");
  });

  test("of a single one is 1, however long it is", () => {
    for (const text of ['"[1,2,3]"', "-12345.678e-9", "   null   "])
      expect(outcome(text, { maxJsonValues: 1 })).toEqual({ value: JSON.parse(text) as unknown });
  });

  test("counts the values in the text, also those that a repeated key overwrites", () => {
    expect(outcome('{"a":1,"a":2,"a":3}', { maxJsonValues: 4 })).toEqual({ value: { a: 3 } });
    expect(outcome('{"a":1,"a":2,"a":3}', { maxJsonValues: 3 })).toBe("HWS_JSON_TOO_BIG");
  });

  test("is a hundred thousand by default", () => {
    expect(outcome(`[${"0,".repeat(99_998)}0]`)).toHaveProperty("value");
    expect(outcome(`[${"0,".repeat(99_999)}0]`)).toBe("HWS_JSON_TOO_BIG");
  });
});

describe("the content of strings", () => {
  test.each([
    ["brackets", '"[[[[{{{{"'],
    ["brackets of keys", '{"[[[[":0}'],
    ["commas", '[",,,,,,,,"]'],
    ["quotes that are escaped", '["\\"[[[[,,,,"]'],
    ["a backslash before the quote that ends it", '["\\\\"]'],
    ["backslashes and a quote", '["\\\\\\"[[[[,,,,"]'],
    ["escapes of all kinds", '["\\n\\u005b\\u005b\\u002c\\u0022[[[,,,"]'],
  ])("counts as neither depth nor values: %s", (_what, text) => {
    const limits = { maxJsonDepth: 1, maxJsonValues: 2 };
    expect(outcome(text, limits)).toEqual({ value: JSON.parse(text) as unknown });
  });

  test("is all that follows when the string does not end: that is not JSON, and counts as neither depth nor values", () => {
    for (const text of ['"[[[[,,,,', '["\\"[[[[,,,,'])
      expect(outcome(text, { maxJsonDepth: 1, maxJsonValues: 2 })).toBe("HWS_INVALID_JSON");
  });

  test("ends where the string does: what follows counts", () => {
    expect(outcome('["\\\\",[[]]]', { maxJsonDepth: 2 })).toBe("HWS_JSON_TOO_DEEP");
    expect(outcome('["\\"",0,0,0]', { maxJsonValues: 4 })).toBe("HWS_JSON_TOO_BIG");
    expect(outcome('["\\\\\\\\",0,0,0]', { maxJsonValues: 4 })).toBe("HWS_JSON_TOO_BIG");
  });
});

describe("an error", () => {
  test("is about JSON if parseJson throws it", () => {
    const codes = (Object.keys(errorTable) as ErrorCode[]).filter(isJsonError);
    expect(codes.sort()).toEqual(["HWS_INVALID_JSON", "HWS_JSON_TOO_BIG", "HWS_JSON_TOO_DEEP"]);
  });
});

describe("the errors of one turn", () => {
  function errorOf(text: string): HawserError {
    try {
      parseJson(text, { ...DEFAULTS, maxJsonDepth: 2 });
    } catch (error) {
      return error as HawserError;
    }
    throw new Error("no error");
  }

  function stacks(error: Error): number {
    const frames = (stack = ""): number => (/\n\s+at /.test(stack) ? 1 : 0);
    return frames(error.stack) + (error.cause instanceof Error ? frames(error.cause.stack) : 0);
  }

  test("have at most one stack: a flood of invalid messages must not make two for each", async () => {
    await turns(2);
    const errors = ["{", "[[[0]]]", "nul", "[[[1]]]"].map(errorOf);
    expect(errors.map(({ code }) => code)).toEqual([
      "HWS_INVALID_JSON",
      "HWS_JSON_TOO_DEEP",
      "HWS_INVALID_JSON",
      "HWS_JSON_TOO_DEEP",
    ]);
    expect(errors.map(stacks)).toEqual([1, 0, 0, 0]);
    expect(errors[2]!.cause).toBeInstanceOf(SyntaxError);
    expect(stacks(new Error("ours"))).toBe(1);
  });

  test("do not change what is valid", () => {
    errorOf("{");
    expect(outcome('{"__proto__":1,"a":[2]}')).toEqual({ value: { a: [2] } });
  });
});

test("a byte order mark before it is ignored (RFC 8259 8.1)", () => {
  expect(parseJson('\ufeff{"a":"\ufeff"}', { maxJsonDepth: 1, maxJsonValues: 2 })).toEqual({ a: "\ufeff" });
});
