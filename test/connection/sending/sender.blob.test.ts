import { describe, expect, test } from "vitest";
import { connectionLimitNames, zeroCounters } from "../../../src/connection/counters/limit-counters.ts";
import { Sender, type SenderOwner } from "../../../src/connection/sending/sender.ts";
import { SendResult } from "../../../src/connection/sending/send-result.ts";
import { utf8 } from "../../support/bytes.ts";
import { connectionSettings } from "../../support/settings.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { FIRST, came, flow, slowPeer } from "../../support/slow-session.ts";
import { Wire, turns } from "../../support/wire.ts";
import { encoderOf } from "../../../src/connection/sending/encoders.ts";
import { WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { outgoing } from "../../support/outgoing.ts";

const { dropped, acceptedAndSlow: slow, accepted: taken } = SendResult;

describe.each(["drop-oldest", "latest"] as const)('after a Blob that is being read, under "%s"', (sendQueuePolicy) => {
  test("messages beyond the limit are dropped, and the connection stays open", async () => {
    const session = await slowPeer({ maxSendQueue: 30, sendQueuePolicy });
    const { connection } = session;
    connection.send(outgoing("before", "a"));
    const blob = new SlowBlob("blob");
    connection.send(outgoing(blob, "b"));
    const told = Array.from({ length: 10 }, (_, i) => connection.send(outgoing(`after ${i}`, "c")));
    expect([told[0], told.at(-1)]).toEqual([taken, dropped]);
    const lost = told.filter((one) => one === dropped).length;
    expect(lost).toBeGreaterThan(5);
    expect([connection.status, connection.counters.dropped]).toEqual(["Connected", lost]);
    blob.read();
    await flow(session);
    const kept = Array.from({ length: 10 - lost }, (_, i) => `after ${i}`);
    expect(came(session)).toEqual([FIRST, "before", "blob", ...kept]);
    expect(session.calls).toEqual([["open"]]);
  });

  test("the same holds for a peer that reads fast: our side is slow", async () => {
    const session = await slowPeer({ maxSendQueue: 30, sendQueuePolicy });
    await flow(session);
    const blob = new SlowBlob("x".repeat(40));
    session.connection.send(outgoing(blob));
    for (let i = 0; i < 100; i++) expect(session.connection.send(outgoing("m"))).toBe(dropped);
    expect(session.connection.status).toBe("Connected");
    blob.read();
    await turns();
    expect(session.connection.send(outgoing("m"))).toBe(taken);
    await turns();
    expect(came(session)).toEqual([FIRST, "x".repeat(40), "m"]);
    expect(session.calls).toEqual([["open"]]);
  });
});

test('with no Blob before them "latest" closes the connection when its newest messages alone are too much', async () => {
  const session = await slowPeer({ maxSendQueue: 30, sendQueuePolicy: "latest" });
  for (let i = 0; i < 10; i++) session.connection.send(outgoing(`of its own ${i}`, `${i}`));
  expect(session.connection.status).toBe("Closing");
  await flow(session);
  expect(session.calls).toEqual([["open"], ["error", 202]]);
});

test.each(["drop-oldest", "latest"] as const)(
  'many short messages count with the memory they hold, not with their bytes, under "%s"',
  async (sendQueuePolicy) => {
    const session = await slowPeer({ maxSendQueue: 100 * 256, sendQueuePolicy });
    // 7 bytes are in the stream: they wait too, but cannot be dropped.
    for (let i = 0; i < 1099; i++) expect(session.connection.send(outgoing("x", `${i % 1050}`))).toBe(taken);
    for (const key of ["49", "50"]) expect(session.connection.send(outgoing("x", key))).toBe(slow);
    expect(session.limitCounters.maxSendQueue).toBe(0);
    // bufferedAmount counts bytes.
    expect(session.connection.bufferedAmount).toBe(7 + 1101 * 3);
    session.connection.send(outgoing("one more", "0"));
    expect(session.limitCounters.maxSendQueue).toBe(1);
    expect(session.connection.counters.dropped).toBe(sendQueuePolicy === "latest" ? 52 : 1);
  },
);

/** A sender on a stream of its own, and a log of its calls. */
function sending(own: Parameters<typeof connectionSettings>[0] = {}) {
  const stream = new Wire({ highWaterMark: 1 });
  const log: string[] = [];
  const host: SenderOwner = {
    settings: connectionSettings({ limitCounters: zeroCounters(connectionLimitNames), ...own }),
    onError: ({ code, message }) =>
      log.push(code === "HWS_SEND_FAILED" ? "unreadable" : `overfull ${message.split(": ").at(-1)}`),
    onDrained: () => log.push("drained"),
    liveness: { noteMessage: () => undefined },
  };
  const sender = new Sender(new WriteBuffer(new StreamWriter(stream), encoderOf("server")), host);
  stream.stick();
  return { stream, sender, log };
}

describe("a sender", () => {
  test("awaits a drain while a promise of it is pending, and only then", async () => {
    const { stream, sender, log } = sending({ highWaterMark: 10 });
    expect(sender.hasDrainWaiters).toBe(false);
    expect(sender.send(outgoing("x".repeat(30)))).toBe(slow);
    await turns();
    expect(sender.hasDrainWaiters).toBe(false);
    const drained = sender.whenDrained();
    expect(sender.hasDrainWaiters).toBe(true);
    stream.flow();
    await turns();
    sender.onDrain();
    expect(await drained).toBe(true);
    expect([sender.hasDrainWaiters, log]).toEqual([false, ["drained"]]);
    expect(await sender.whenDrained()).toBe(true);
    expect(sender.hasDrainWaiters).toBe(false);
  });

  test.each(["end", "onStreamClose"] as const)("awaits no drain after its %s", async (how) => {
    const { sender, log } = sending({ highWaterMark: 10 });
    sender.send(outgoing("x".repeat(30)));
    const drained = sender.whenDrained();
    sender[how]();
    expect(sender.hasDrainWaiters).toBe(false);
    expect(await drained).toBe(false);
    await turns();
    expect(log).toEqual([]);
    sender.onStreamClose();
  });

  test("that is ended before a Blob was read drops what waits for it, and writes none of it", async () => {
    const { stream, sender, log } = sending();
    const blob = new SlowBlob("blob");
    sender.send(outgoing("before"));
    sender.send(outgoing(blob));
    sender.send(outgoing(utf8("after")));
    sender.end();
    expect(sender.counters).toEqual({ accepted: 3, written: 1, dropped: 2, pending: 0 });
    blob.read();
    stream.flow();
    await turns();
    expect([stream.ended, stream.errored, log]).toEqual([true, null, []]);
    expect(stream.taken.latin1Slice(2, stream.taken.length)).toBe("before");
    sender.onStreamClose();
  });
});
