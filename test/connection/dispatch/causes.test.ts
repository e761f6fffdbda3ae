import { expect, test } from "vitest";
import { causeChain } from "../../../src/connection/dispatch/causes.ts";

test("a chain begins with what was thrown, and has its causes, the nearest first", () => {
  const last = { message: "no error, so it has no cause", cause: "x" };
  const middle = new Error("middle", { cause: last });
  const thrown = new Error("thrown", { cause: middle });
  expect(causeChain(thrown)).toEqual([thrown, middle, last]);
  for (const other of [undefined, null, "text", 5]) expect(causeChain(other)).toEqual([other]);
});

test("a chain that is a circle is cut, and one that cannot be read ends", () => {
  const circle = new Error("circle");
  circle.cause = circle;
  expect(causeChain(circle)).toHaveLength(10);
  const unreadable = Object.defineProperty(new Error("x"), "cause", {
    get: () => {
      throw new Error("unreadable");
    },
  });
  expect(causeChain(unreadable)).toEqual([unreadable]);
});
