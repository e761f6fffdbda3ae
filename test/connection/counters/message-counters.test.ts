import { describe, expect, test } from "vitest";
import { NO_MESSAGES, addMessages } from "../../../src/connection/counters/message-counters.ts";

const SOME = { accepted: 1110, written: 1000, dropped: 100, pending: 10 };
const OTHERS = { accepted: 6, written: 1, dropped: 2, pending: 3 };

describe("counters of messages", () => {
  test("are added one by one, and neither is changed", () => {
    const sum = addMessages(Object.freeze({ ...SOME }), Object.freeze({ ...OTHERS }));
    expect(sum).toEqual({ accepted: 1116, written: 1001, dropped: 102, pending: 13 });
  });

  test("of no messages are all 0 and frozen", () => {
    expect(NO_MESSAGES).toEqual({ accepted: 0, written: 0, dropped: 0, pending: 0 });
    expect(Object.isFrozen(NO_MESSAGES)).toBe(true);
  });

  test("do not change when no messages are added", () => {
    expect(addMessages(SOME, NO_MESSAGES)).toEqual(SOME);
    expect(addMessages(NO_MESSAGES, SOME)).toEqual(SOME);
  });
});
