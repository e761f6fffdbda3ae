import { describe, expect, test } from "vitest";
import { HawserError } from "../../../src/errors/errors.ts";
import { connectionLimitNames, zeroCounters } from "../../../src/connection/counters/limit-counters.ts";
import { SendResult } from "../../../src/connection/sending/send-result.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";
import type { SendQueuePolicy } from "../../../src/connection/sending/settings.ts";
import { Session } from "../../support/session.ts";
import { FIRST, FIRST_SIZE, type Way, came, flow, slowPeer, ways } from "../../support/slow-session.ts";
import { Wire, turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";

/** Bytes of a frame with a text of two characters, as sent here. */
const FRAME = 4;
const { dropped, acceptedAndSlow: slow, accepted: taken } = SendResult;

/** Sends texts of two characters and returns the result of each `send`. */
function sendAll(way: Way, session: Session, texts: string, keys?: string): SendResult[] {
  return texts.split(" ").map((text, i) => way(session, text, keys?.split(" ")[i]));
}

describe.each(ways)("%s to a peer that does not read", (_name, way) => {
  test('under "terminate" closes with 1013 when more than the limit already waits', async () => {
    const session = await slowPeer({ maxSendQueue: FIRST_SIZE + 2 * FRAME });
    expect(sendAll(way, session, "m1 m2")).toEqual([taken, taken]);
    // Exactly the limit may wait.
    expect(sendAll(way, session, "m3")).toEqual([slow]);
    expect(session.connection.status).toBe("Connected");
    expect(session.limitCounters.maxSendQueue).toBe(0);
    expect(sendAll(way, session, "m4")).toEqual([dropped]);
    expect(session.connection.status).toBe("Closing");
    expect(session.limitCounters.maxSendQueue).toBe(1);
    expect(session.connection.counters).toEqual({ accepted: 5, written: 1, dropped: 4, pending: 0 });
    // The connection closes: nothing more is accepted.
    expect(sendAll(way, session, "m5")).toEqual([dropped]);
    expect(session.connection.counters.accepted).toBe(5);
    await flow(session);
    expect(came(session)).toEqual([FIRST, "close 1013 reading too slowly"]);
    expect(session.calls).toEqual([["open"], ["error", 202]]);
    expect(session.connection.bufferedAmount).toBe(0);
  });

  test('under "drop-newest" is dropped, and what waits arrives in order', async () => {
    const session = await slowPeer({ maxSendQueue: FIRST_SIZE + 2 * FRAME, sendQueuePolicy: "drop-newest" });
    expect(sendAll(way, session, "m1 m2 m3 m4 m5")).toEqual([taken, taken, slow, dropped, dropped]);
    expect(session.limitCounters.maxSendQueue).toBe(2);
    expect(session.connection.counters).toEqual({ accepted: 6, written: 1, dropped: 2, pending: 3 });
    await flow(session);
    expect(sendAll(way, session, "m6")).toEqual([taken]);
    await turns();
    expect(came(session)).toEqual([FIRST, "m1", "m2", "m3", "m6"]);
    expect(session.connection.counters).toEqual({ accepted: 7, written: 5, dropped: 2, pending: 0 });
    expect(session.calls).toEqual([["open"]]);
  });

  test('under "drop-oldest" replaces the messages that have waited the longest', async () => {
    const session = await slowPeer({ maxSendQueue: 3 * FRAME, sendQueuePolicy: "drop-oldest" });
    // What the stream has cannot be dropped: the limit is on what waits before it.
    expect(sendAll(way, session, "m1 m2 m3 m4")).toEqual([taken, slow, slow, slow]);
    expect(session.connection.counters).toEqual({ accepted: 5, written: 1, dropped: 0, pending: 4 });
    expect(session.limitCounters.maxSendQueue).toBe(0);
    expect(sendAll(way, session, "m5 m6")).toEqual([slow, slow]);
    expect(session.connection.counters).toEqual({ accepted: 7, written: 1, dropped: 2, pending: 4 });
    expect(session.limitCounters.maxSendQueue).toBe(2);
    expect(session.connection.bufferedAmount).toBe(FIRST_SIZE + 4 * FRAME);
    await flow(session);
    expect(came(session)).toEqual([FIRST, "m3", "m4", "m5", "m6"]);
    expect(session.connection.counters).toEqual({ accepted: 7, written: 5, dropped: 2, pending: 0 });
    expect(session.calls).toEqual([["open"]]);
  });

  test('under "latest" keeps only the newest of each key, each in its place', async () => {
    const session = await slowPeer({ maxSendQueue: 5 * FRAME, sendQueuePolicy: "latest" });
    sendAll(way, session, "a1 b1 a2 a3 c1 d1", "a b a a c d");
    expect(session.connection.counters).toEqual({ accepted: 7, written: 1, dropped: 0, pending: 6 });
    expect(sendAll(way, session, "a4", "a")).toEqual([slow]);
    expect(session.connection.counters).toEqual({ accepted: 8, written: 1, dropped: 3, pending: 4 });
    expect(session.limitCounters.maxSendQueue).toBe(1);
    // From here on each key has one place, also below the limit.
    sendAll(way, session, "d2 e1 d3", "d e d");
    expect(session.connection.counters).toEqual({ accepted: 11, written: 1, dropped: 5, pending: 5 });
    await flow(session);
    expect(came(session)).toEqual([FIRST, "b1", "a4", "c1", "d3", "e1"]);
    // When the queue is empty, every message counts again.
    sendAll(way, session, "a5 a6", "a a");
    await turns();
    expect(came(session).slice(6)).toEqual(["a5", "a6"]);
    expect(session.connection.counters).toEqual({ accepted: 13, written: 8, dropped: 5, pending: 0 });
  });

  test('under "latest" treats messages without a key as messages of one key', async () => {
    const session = await slowPeer({ maxSendQueue: 3 * FRAME, sendQueuePolicy: "latest" });
    sendAll(way, session, "m1 m2 m3 m4 m5 m6");
    expect(way(session, "k1", "k")).toBe(slow);
    expect(way(session, "m7")).toBe(slow);
    await flow(session);
    expect(came(session)).toEqual([FIRST, "m7", "k1"]);
    expect(session.connection.counters).toEqual({ accepted: 9, written: 3, dropped: 6, pending: 0 });
  });

  test('under "latest" closes with 1013 for a new key, when one message of each key is already too much', async () => {
    const session = await slowPeer({ maxSendQueue: 3 * FRAME, sendQueuePolicy: "latest" });
    sendAll(way, session, "a1 b1 c1 d1", "a b c d");
    // Waiting messages may be replaced as often as needed.
    expect(sendAll(way, session, "a2 a3 d2", "a a d")).toEqual([slow, slow, slow]);
    expect(session.connection.status).toBe("Connected");
    expect(way(session, "e1", "e")).toBe(dropped);
    expect(session.connection.status).toBe("Closing");
    expect(session.connection.counters).toEqual({ accepted: 9, written: 1, dropped: 8, pending: 0 });
    await flow(session);
    expect(came(session)).toEqual([FIRST, "close 1013 reading too slowly"]);
    expect(session.calls).toEqual([["open"], ["error", 202]]);
  });

  test('under "latest" also closes with 1013 when replacements grow beyond twice the limit', async () => {
    const session = await slowPeer({ maxSendQueue: 3 * FRAME, sendQueuePolicy: "latest" });
    sendAll(way, session, "a1 b1 c1 d1", "a b c d");
    // The 12 bytes of the others and the 12 of this one are twice the limit.
    expect(way(session, "x".repeat(3 * FRAME - 2), "a")).toBe(slow);
    expect(way(session, "x".repeat(3 * FRAME - 1), "a")).toBe(slow);
    expect(session.connection.status).toBe("Connected");
    expect(way(session, "a2", "a")).toBe(dropped);
    expect(session.connection.status).toBe("Closing");
  });
});

const policies: readonly SendQueuePolicy[] = ["terminate", "drop-newest", "drop-oldest", "latest"];

describe.each(policies)('what is sent in one turn, under "%s"', (sendQueuePolicy) => {
  test.each(ways)(
    "by %s, is written before the limit is checked: a peer that reads gets all of it",
    async (_name, way) => {
      const limitCounters = zeroCounters(connectionLimitNames);
      const session = new Session({}, { sendQueuePolicy, maxSendQueue: 100, limitCounters });
      await turns();
      const texts = Array.from({ length: 200 }, (_, i) => `message ${String(i)} ${"x".repeat(i)}`);
      for (const text of texts) expect(way(session, text)).not.toBe(dropped);
      await turns();
      expect(came(session)).toEqual(texts);
      expect(session.connection.counters).toEqual({ accepted: 200, written: 200, dropped: 0, pending: 0 });
      expect(limitCounters).toEqual(zeroCounters(connectionLimitNames));
    },
  );
});

test('under "latest" a message that the stream has is not replaced: the next of its key comes after it', async () => {
  const session = await slowPeer({ maxSendQueue: 100_000, sendQueuePolicy: "latest" });
  const send = (name: string): SendResult =>
    session.connection.send(outgoing(name.padEnd(30_000, "x"), name.slice(0, 1)));
  for (const name of ["a1", "b1", "c1", "d1", "a2"]) send(name);
  // The stream takes one message, and 64 KiB are written: only d waits.
  session.stream.takeOne();
  send("a3");
  send("d2");
  await flow(session);
  expect(came(session).map((message) => message.slice(0, 2))).toEqual(["fi", "a2", "b1", "c1", "d2", "a3"]);
  expect(session.connection.counters).toEqual({ accepted: 8, written: 6, dropped: 2, pending: 0 });
});

describe("a burst of large messages", () => {
  test.each([
    ["drop-oldest", "0 1 2 6 7 8 9"],
    ["latest", "0 1 2 9"],
  ] as const)('under "%s" is written from 64 KiB on, so that the rest can still be dropped', async (policy, left) => {
    const stream = new Wire({ highWaterMark: 1 });
    const session = new Session({}, { sendQueuePolicy: policy, maxSendQueue: 100_000, stream });
    await turns();
    stream.stick();
    for (let i = 0; i < 10; i++) session.connection.send(outgoing(`${String(i)}${"x".repeat(29_990)}`));
    await flow(session);
    // The third makes it more than 64 KiB: the first three cannot be dropped, those after them can.
    expect(came(session).map((message) => message.slice(0, 1))).toEqual(left.split(" "));
    expect(session.connection.status).toBe("Connected");
  });
});

test.each(["destroyed", "closed with 1009"] as const)(
  "messages that no policy drops are dropped when the connection is %s, and none comes after the close frame",
  async (end) => {
    const session = await slowPeer({ maxSendQueue: 30, sendQueuePolicy: "drop-oldest" });
    for (let i = 0; i < 5; i++) session.connection.send(new SharedMessage(outgoing(`kept ${i}`), true));
    if (end === "destroyed") session.connection.destroy();
    else session.connection.onError(new HawserError("HWS_MESSAGE_TOO_BIG"));
    expect(session.connection.counters.pending).toBe(end === "destroyed" ? 5 : 0);
    await flow(session);
    expect(session.connection.counters).toMatchObject({ accepted: 6, pending: 0 });
    if (end !== "destroyed") expect(came(session)[1]).toMatch(/^close/);
    expect(came(session).length).toBeLessThan(3);
  },
);
