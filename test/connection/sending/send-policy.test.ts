import { expect, test } from "vitest";
import { closesWhenFull, dropsQueued } from "../../../src/connection/sending/send-policy.ts";

test.each([
  ["terminate", false, true, true],
  ["drop-newest", false, false, false],
  ["drop-oldest", true, false, false],
  ["latest", true, true, false],
] as const)(
  "%s drops what waits: %s; closes: %s; closes while a message is prepared: %s",
  (policy, drops, closes, late) => {
    const settings = { sendQueuePolicy: policy };
    expect(dropsQueued(settings)).toBe(drops);
    expect(closesWhenFull(settings, false)).toBe(closes);
    expect(closesWhenFull(settings, true)).toBe(late);
  },
);
