import { expect, test } from "vitest";
import { readCookies } from "../../src/handshake/cookies.ts";

test.each([
  [undefined, {}],
  ["", {}],
  ["a=1", { a: "1" }],
  ["a=1; b=2;c=3", { a: "1", b: "2", c: "3" }],
  ["a=first; a=second", { a: "first" }],
  ['a="quoted"; b="; c=""', { a: "quoted", b: '"', c: "" }],
  ["a=x%20y%C3%A9; b=%; c=100%", { a: "x y\u00e9", b: "%", c: "100%" }],
  ["a=b=c", { a: "b=c" }],
  ["a; =x; ;; b", {}],
  [" a = 1 ", { a: "1" }],
])("%s", (header, expected) => {
  expect({ ...readCookies(header) }).toEqual(expected);
});

test("names of Object.prototype are names like others", () => {
  const cookies = readCookies("__proto__=1; constructor=2");
  expect(Object.getPrototypeOf(cookies)).toBeNull();
  expect(Object.entries(cookies)).toEqual([
    ["__proto__", "1"],
    ["constructor", "2"],
  ]);
  expect("toString" in readCookies("a=1")).toBe(false);
});
