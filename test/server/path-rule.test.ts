import { expect, test } from "vitest";
import { isSamePath, matchPath, pathRule, rankOf } from "../../src/server/path-rule.ts";
import { connectionRequest } from "../support/connection-request.ts";

const request = () => connectionRequest({ path: "/a" });
const never = (): never => {
  throw new Error("asked");
};

test("exact paths are asked first, then named segments, functions, and none", () => {
  const rules = [undefined, pathRule(() => true), pathRule("/:a"), pathRule("/a")];
  expect(rules.map((rule) => rankOf(rule))).toEqual([3, 2, 1, 0]);
});

test("two paths are the same if they are written alike; functions never are", () => {
  const decline = (): boolean => false;
  expect(isSamePath(pathRule("/:a"), pathRule("/:a"))).toBe(true);
  expect(isSamePath(pathRule("/a"), pathRule("/b"))).toBe(false);
  expect(isSamePath(undefined, undefined)).toBe(true);
  expect(isSamePath(undefined, pathRule("/"))).toBe(false);
  expect(isSamePath(pathRule(decline), pathRule(decline))).toBe(false);
});

test("a request is made for functions only", () => {
  expect(matchPath(undefined, undefined, never)).toEqual({});
  expect(matchPath(pathRule("/a"), "/a", never)).toEqual({});
  expect(matchPath(pathRule("/a"), "/b", never)).toBeUndefined();
  expect(matchPath(pathRule("/:x"), "/a", never)).toEqual({ x: "a" });
  expect(matchPath(pathRule("/:x"), undefined, never)).toBeUndefined();
  expect(
    matchPath(
      pathRule(({ path }) => ({ path })),
      "/a",
      request,
    ),
  ).toEqual({ path: "/a" });
  expect(
    matchPath(
      pathRule(() => true),
      undefined,
      request,
    ),
  ).toEqual({});
  expect(
    matchPath(
      pathRule(() => false),
      "/a",
      request,
    ),
  ).toBeUndefined();
});

test.each([undefined, null, 1, "x", { a: 1 }, Promise.resolve(true)])(
  "a function that returns %s is a mistake",
  (result) => {
    const rule = pathRule((() => result) as never);
    expect(() => matchPath(rule, "/a", request)).toThrow("path: expected the function to return");
  },
);
