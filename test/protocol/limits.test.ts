import { describe, expect, test } from "vitest";
import * as limits from "../../src/protocol/limits.ts";

describe("the engine's limits", () => {
  test.each(Object.entries(limits))("%s is finite", (_name, value) => {
    expect(value).toBeGreaterThan(0);
    expect(Number.isSafeInteger(value)).toBe(true);
  });

  test("of control frames are those of RFC 6455 5.5", () => {
    expect(limits.MAX_CONTROL_PAYLOAD).toBe(125);
    expect(limits.MAX_CLOSE_REASON).toBe(123);
  });

  test("of messages are those that the documentation names", () => {
    expect(limits.DEFAULT_MAX_MESSAGE_SIZE).toBe(1_048_576);
    expect(limits.DEFAULT_MAX_FRAGMENTS).toBe(16_384);
  });
});
