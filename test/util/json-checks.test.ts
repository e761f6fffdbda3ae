import { expect, test } from "vitest";
import { exceededLimit, mayReachPrototype, removePrototypeKeys } from "../../src/util/json-checks.ts";

const limits = { maxJsonDepth: 3, maxJsonValues: 8 };

test.each([
  ["[[[1]]]", undefined],
  ["[[[[1]]]]", "HWS_JSON_TOO_DEEP"],
  ['{"a":{"b":{"c":{}}}}', "HWS_JSON_TOO_DEEP"],
  ['"[[[[[[[["', undefined],
  ["[1,2,3,4,5,6,7]", undefined],
  ["[1,2,3,4,5,6,7,8]", "HWS_JSON_TOO_BIG"],
  ['[",,,,,,,,,,\\",,,"]', undefined],
])("%s: %s", (text, expected) => {
  expect(exceededLimit(text, limits)).toBe(expected);
});

test("keys that reach a prototype are found and removed at every depth", () => {
  const text = '[{"__proto__":{"a":1},"b":{"constructor":{"prototype":{}}},"constructor":1}]';
  expect([text, '{"\\u005f_proto__":1}', '{"a":1}'].map(mayReachPrototype)).toEqual([true, true, false]);
  const value: unknown = JSON.parse(text);
  removePrototypeKeys(value);
  expect(JSON.stringify(value)).toBe('[{"b":{},"constructor":1}]');
});
