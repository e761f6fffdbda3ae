import { expect, test } from "vitest";
import { PathPattern, isPattern } from "../../src/server/path-pattern.ts";

test.each([
  ["/rooms/:id", true],
  ["/files/*", true],
  ["*", true],
  ["/chat", false],
  ["/a:b", false],
])("%s is a pattern: %s", (path, expected) => {
  expect(isPattern(path)).toBe(expected);
});

test.each([
  ["/rooms/:id", "/rooms/7", { id: "7" }],
  ["/rooms/:id", "/rooms/a%20b%2Fc", { id: "a b/c" }],
  ["/rooms/:id", "/rooms/", undefined],
  ["/rooms/:id", "/rooms", undefined],
  ["/rooms/:id", "/rooms/7/", undefined],
  ["/rooms/:id", "/Rooms/7", undefined],
  ["/rooms/:id", "/rooms/%ff", undefined],
  ["/:a/x/:b", "/1/x/2", { a: "1", b: "2" }],
  ["/:a/x/:b", "/1/y/2", undefined],
  ["/files/*", "/files/a/b", { "*": "a/b" }],
  ["/files/*", "/files/", { "*": "" }],
  ["/files/*", "/files", undefined],
  ["*", "/any/thing", { "*": "/any/thing" }],
  ["/:__proto__", "/x", { ["__proto__"]: "x" }],
])("%s and %s", (pattern, path, expected) => {
  const params = new PathPattern(pattern).match(path);
  expect(params && Object.entries(params)).toEqual(expected && Object.entries(expected));
  if (params !== undefined) expect(Object.getPrototypeOf(params)).toBeNull();
});

test.each(["/:", "/:id(\\d+)", "/:id?", "/:id.json", "/:from-:to", "/:1", "/:id/:id", "/*/a", "/a*", "/**"])(
  "%s is refused",
  (pattern) => {
    expect(() => new PathPattern(pattern)).toThrow(expect.objectContaining({ code: "HWS_INVALID_ARGUMENT" }) as Error);
  },
);
