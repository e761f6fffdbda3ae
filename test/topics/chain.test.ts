import { expect, test } from "vitest";
import type { Page } from "../../src/backplane/contract.ts";
import { NO_ID } from "../../src/backplane/ids.ts";
import { NOWHERE, earlier, gapAfter, isSameMark, markAfterGap, markBefore } from "../../src/topics/chain.ts";
import { entries, idOf, mark } from "../support/fake-driver.ts";

function page(from: number, to: number, more: Partial<Page> = {}): Page {
  return { epoch: "epoch--1", top: mark(to), proven: undefined, entries: entries(from, to), ...more };
}

test.each<[string, ReturnType<typeof mark>, Page, string | undefined]>([
  ["the next message", mark(3), page(4, 6), undefined],
  ["nothing new", mark(6), page(7, 6), undefined],
  ["a message that is missing", mark(3), page(5, 6), "trimmed"],
  ["everything was removed", mark(3), page(7, 6), "trimmed"],
  ["a message that follows another one", mark(3, "x"), page(4, 6), "fork"],
  ["the broker has less", mark(8), page(9, 6), "fork"],
  ["the same number with another id", mark(6, "x"), page(7, 6), "fork"],
  ["another epoch", mark(3), page(4, 6, { epoch: "epoch--2" }), "reset"],
  ["what the broker has proved", mark(3, "x"), page(4, 6, { proven: true }), undefined],
  ["what the broker could not prove", mark(3), page(4, 6, { proven: false }), "trimmed"],
])("%s", (_what, since, found, reason) => {
  expect(gapAfter(since, found)).toBe(reason);
});

test("after a gap it goes on before the oldest message that is left, or at the newest one", () => {
  expect(markAfterGap(page(5, 6))).toEqual(mark(4));
  expect(markAfterGap(page(7, 6))).toEqual(mark(6));
});

test("marks are the same if everything is", () => {
  expect(isSameMark(mark(1), mark(1))).toBe(true);
  expect([mark(2), mark(1, "x"), { ...mark(1), epoch: "epoch--2" }].some((other) => isSameMark(mark(1), other))).toBe(
    false,
  );
});

test("the mark before the first message has no id", () => {
  const [first] = entries(1, 1);
  expect(markBefore("epoch--1", first!)).toEqual({ epoch: "epoch--1", offset: 0, id: NO_ID });
  expect(markBefore("epoch--1", { ...first!, offset: 9, before: idOf(8) })).toEqual(mark(8));
  expect(NOWHERE.id).toBe(NO_ID);
});

test("the earlier one of two marks of one epoch", () => {
  const [a, b] = [
    { epoch: "epoch--1", offset: 1, id: "a" },
    { epoch: "epoch--1", offset: 2, id: "b" },
  ];
  expect([earlier(a, b), earlier(b, a), earlier(a, { ...b, epoch: "epoch--2" })]).toEqual([
    a,
    a,
    { ...b, epoch: "epoch--2" },
  ]);
});
