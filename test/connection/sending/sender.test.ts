import { describe, expect, test } from "vitest";
import { SendResult } from "../../../src/connection/sending/send-result.ts";
import type { SendQueuePolicy } from "../../../src/connection/sending/settings.ts";
import { utf8 } from "../../support/bytes.ts";
import { Session, broken, close, ping } from "../../support/session.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { FIRST, FIRST_SIZE, came, flow, slowPeer } from "../../support/slow-session.ts";
import { Wire, turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";

const policies: readonly SendQueuePolicy[] = ["terminate", "drop-newest", "drop-oldest", "latest"];
const { dropped, acceptedAndSlow: slow, accepted: taken } = SendResult;

describe.each(policies)('messages that wait under "%s"', (sendQueuePolicy) => {
  test("do not delay pongs and pings", async () => {
    const session = await slowPeer({ sendQueuePolicy });
    session.connection.send(outgoing("m1"));
    session.receive(ping("p"));
    session.connection.send(outgoing("m2"));
    void session.connection.measureRoundTrip();
    await flow(session);
    const [, ours, ...rest] = came(session);
    // Our ping is in the stream at once. The pong is written first when the stream drains.
    expect(ours).toMatch(/^ping /);
    expect(rest).toEqual(["pong 70", "m1", "m2"]);
    expect(session.connection.counters).toEqual({ accepted: 3, written: 3, dropped: 0, pending: 0 });
  });

  test("are followed by the close frame", async () => {
    const session = await slowPeer({ sendQueuePolicy });
    session.connection.send(outgoing("m1"));
    session.connection.send(new SharedMessage(outgoing("m2")));
    session.connection.close(4000, "bye");
    expect(session.connection.send(outgoing("too late"))).toBe(dropped);
    expect(session.connection.counters).toEqual({ accepted: 3, written: 1, dropped: 0, pending: 2 });
    await flow(session);
    expect(came(session)).toEqual([FIRST, "m1", "m2", "close 4000 bye"]);
    expect(session.connection.counters).toEqual({ accepted: 3, written: 3, dropped: 0, pending: 0 });
  });

  test("are followed by the answer to the peer's close frame, and then the stream is ended", async () => {
    const session = await slowPeer({ sendQueuePolicy });
    session.connection.send(outgoing("m1"));
    session.receive(close(4001));
    session.stream.arriveEnd();
    await turns();
    expect(session.stream.ended).toBe(false);
    await flow(session);
    expect(came(session)).toEqual([FIRST, "m1", "close 4001"]);
    expect(session.stream.ended).toBe(true);
    expect(session.calls.at(-1)).toEqual(["terminate", 4001, undefined, "Closed"]);
  });

  test("are still written when the peer ends its half, and then the stream is ended", async () => {
    const session = await slowPeer({ sendQueuePolicy });
    for (const text of ["m1", "m2"]) session.connection.send(outgoing(text));
    session.stream.arriveEnd();
    await turns();
    expect(session.stream.ended).toBe(false);
    await flow(session);
    expect(came(session)).toEqual([FIRST, "m1", "m2"]);
    expect(session.connection.counters).toEqual({ accepted: 3, written: 3, dropped: 0, pending: 0 });
    expect(session.calls.at(-1)).toEqual(["terminate", 1006, undefined, "Closed"]);
  });

  test("are dropped and counted when the connection fails: the close frame does not wait", async () => {
    const session = await slowPeer({ sendQueuePolicy });
    session.connection.send(outgoing("m1"));
    session.connection.send(outgoing(new SlowBlob("blob")));
    session.connection.send(outgoing("m2"));
    session.receive(broken);
    expect(session.connection.counters).toEqual({ accepted: 4, written: 1, dropped: 3, pending: 0 });
    await flow(session);
    expect(came(session)).toEqual([FIRST, "close 1002 reserved opcode"]);
  });

  test("are dropped and counted at a reset, and so is the one in the stream that the system has not taken", async () => {
    const session = await slowPeer({ sendQueuePolicy });
    session.connection.send(outgoing("m1"));
    session.connection.send(outgoing(new SlowBlob("blob")));
    session.connection.send(outgoing("m2"));
    session.stream.reset();
    await turns();
    expect(session.connection.counters).toEqual({ accepted: 4, written: 0, dropped: 4, pending: 0 });
    expect(session.connection.send(outgoing("m3"))).toBe(dropped);
    expect(session.connection.counters.accepted).toBe(4);
  });
});

describe("a Blob", () => {
  test("counts as pending while it is read, and so do the messages after it", async () => {
    const session = new Session();
    const blob = new SlowBlob("blob");
    for (const message of [blob, "text", utf8("bytes")]) session.connection.send(outgoing(message));
    expect(session.connection.counters).toEqual({ accepted: 3, written: 0, dropped: 0, pending: 3 });
    expect(session.connection.bufferedAmount).toBe(3 * 2 + 13);
    blob.read();
    await turns();
    expect(came(session)).toEqual(["blob", "text", "bytes"]);
    expect(session.connection.counters).toEqual({ accepted: 3, written: 3, dropped: 0, pending: 0 });
  });

  test('counts for the limit before it is read: under "terminate" the next message is one too many', async () => {
    const session = await slowPeer({ maxSendQueue: 100 });
    const blob = new SlowBlob("x".repeat(100));
    expect(session.connection.send(outgoing(blob))).toBe(slow);
    expect(session.connection.send(outgoing("m1"))).toBe(dropped);
    expect(session.connection.counters).toEqual({ accepted: 3, written: 1, dropped: 2, pending: 0 });
    blob.read();
    await flow(session);
    expect(came(session)).toEqual([FIRST, "close 1013 reading too slowly"]);
  });

  test('under "drop-newest" is sent before the messages that are accepted after it', async () => {
    const session = await slowPeer({ maxSendQueue: FIRST_SIZE + 10, sendQueuePolicy: "drop-newest" });
    const blob = new SlowBlob("blob");
    expect([blob, "m1", "m2", "m3"].map((message) => session.connection.send(outgoing(message)))).toEqual([
      taken,
      taken,
      slow,
      dropped,
    ]);
    blob.read();
    await flow(session);
    expect(came(session)).toEqual([FIRST, "blob", "m1", "m2"]);
    expect(session.connection.counters).toEqual({ accepted: 5, written: 4, dropped: 1, pending: 0 });
  });

  test.each(["drop-oldest", "latest"] as const)(
    'under "%s" waits like any other message once it is read',
    async (policy) => {
      const session = await slowPeer({ maxSendQueue: FIRST_SIZE + 6, sendQueuePolicy: policy });
      const blob = new SlowBlob("blob");
      session.connection.send(outgoing(blob));
      session.connection.send(outgoing("m1"));
      blob.read();
      await turns();
      for (const text of ["m2", "m3"]) session.connection.send(outgoing(text));
      await flow(session);
      expect(came(session)).toEqual(policy === "latest" ? [FIRST, "m3"] : [FIRST, "m1", "m2", "m3"]);
    },
  );

  test.each(policies)('of an endless file lets at most the limit wait after it, under "%s"', async (policy) => {
    const session = new Session({}, { maxSendQueue: 60, sendQueuePolicy: policy });
    session.connection.send(outgoing(new SlowBlob("blob")));
    const told = Array.from({ length: 10 }, () => session.connection.send(outgoing("ten bytes ")));
    expect(told.slice(0, 6)).toEqual([taken, taken, taken, taken, slow, dropped]);
    // Messages after it are not dropped for it, and the peer may be reading.
    const ended = policy === "terminate";
    expect(session.connection.counters.accepted).toBe(ended ? 7 : 11);
    expect(session.connection.status).toBe(ended ? "Closing" : "Connected");
    expect(session.connection.bufferedAmount).toBeLessThan(60 + 12);
  });

  test("that cannot be read closes with 1011, and the messages after it are dropped", async () => {
    const session = new Session();
    const blob = new SlowBlob("blob");
    for (const message of ["before", blob, "m1", "m2"]) session.connection.send(outgoing(message));
    blob.fail(new Error("EIO"));
    await turns();
    expect(came(session)).toEqual(["before", "close 1011"]);
    expect(session.connection.counters).toEqual({ accepted: 4, written: 1, dropped: 3, pending: 0 });
  });
});

describe("the send queue", () => {
  test('ignores keys under all policies but "latest"', async () => {
    const session = await slowPeer({ maxSendQueue: 8, sendQueuePolicy: "drop-oldest" });
    for (const text of ["m1", "m2", "m3", "m4"]) session.connection.send(outgoing(text, "key"));
    await flow(session);
    expect(came(session)).toEqual([FIRST, "m2", "m3", "m4"]);
  });

  test("is written in parts of 64 KiB: what follows can still be dropped", async () => {
    const session = await slowPeer({ sendQueuePolicy: "drop-oldest", maxSendQueue: 250_000 });
    const send = (names: string): void => {
      for (const name of names) session.connection.send(outgoing(`${name}${"x".repeat(29_990)}`));
    };
    send("abcdefghij");
    // The peer reads one message: b, c and d go to the stream, and the stream takes b.
    session.stream.takeOne();
    send("12345");
    await flow(session);
    expect(
      came(session)
        .map((message) => message.slice(0, 1))
        .join(""),
    ).toBe("fbcdghij12345");
    expect(session.connection.counters).toEqual({ accepted: 16, written: 13, dropped: 3, pending: 0 });
  });

  test("keeps the order of messages of all kinds, whether they wait or not", async () => {
    const session = new Session({}, { sendQueuePolicy: "drop-oldest", stream: new Wire({ highWaterMark: 1 }) });
    await turns();
    const expected: string[] = [];
    for (let i = 0; i < 60; i++) {
      if (i === 10) session.stream.stick();
      if (i === 30 || i === 32) session.stream.takeOne();
      if (i === 50) session.stream.flow();
      const message = `${String(i)} ${"é".repeat(i % 7)}`;
      expected.push(message);
      if (i % 3 === 0) session.connection.send(outgoing(message));
      else if (i % 3 === 1) session.connection.send(outgoing(utf8(message)));
      else session.connection.send(new SharedMessage(outgoing(message)));
      if (i % 4 === 0) await turns(1);
    }
    await turns();
    expect(came(session)).toEqual(expected);
  });
});
