import { expect, test } from "vitest";
import { Backlog } from "../../../src/client/node/backlog.ts";

const bytes = (queuedBytes: number) => ({ queuedBytes });

test("what waits on the connections before the last one has a limit", () => {
  const backlog = new Backlog(100);
  expect([bytes(1_000), bytes(1)].map((one) => backlog.add(one))).toEqual([false, true]);
});

test("what has been delivered does not count", () => {
  const backlog = new Backlog(100);
  const [first, second] = [bytes(60), bytes(60)];
  expect([first, second].map((one) => backlog.add(one))).toEqual([false, false]);
  backlog.remove(first);
  expect(backlog.add(bytes(0))).toBe(false);
  second.queuedBytes = 101;
  expect(backlog.add(bytes(0))).toBe(true);
});
