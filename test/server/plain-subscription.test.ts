import { expect, test } from "vitest";
import { plainRecovered, plainSubscription } from "../../src/server/plain-subscription.ts";

test("a topic without history never has what came after a position", () => {
  expect([plainRecovered({}), plainRecovered({ since: "" }), plainRecovered({ since: "x" })]).toEqual([
    undefined,
    false,
    false,
  ]);
});

test("its subscription has no position, and nothing is replayed", () => {
  const nothing = { topic: "t", position: undefined, replayed: 0, remote: true };
  const join = { last: 5, isFramed: false };
  expect(plainSubscription("t", join, true)).toEqual({ ...nothing, recovered: undefined, live: true });
  expect(plainSubscription("t", { ...join, since: "x" }, false)).toEqual({ ...nothing, recovered: false, live: false });
});
