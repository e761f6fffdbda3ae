import { describe, expect, test } from "vitest";
import { SendResult } from "../../../src/connection/sending/send-result.ts";
import { fill } from "../../support/bytes.ts";
import { Session, ping } from "../../support/session.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { FIRST, came, flow, recordDrains, slowPeer } from "../../support/slow-session.ts";
import { Wire, turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";

const OPEN = ["open"];
const DRAIN = ["drain", { type: "drain" }];

describe("onDrain and drained()", () => {
  test("a write callback in the middle of a turn with many messages does not block the event loop", async () => {
    const session = new Session({}, { highWaterMark: 10 });
    recordDrains(session);
    await turns();
    session.stream.stick();
    session.connection.send(outgoing("x".repeat(20)));
    await turns();
    // The sender asked for a callback of these 22 bytes, which do not fill the stream.
    const write = session.stream.write.bind(session.stream);
    let asked = 0;
    session.stream.write = ((...args: Parameters<typeof write>) => {
      // This would never end: every tick asks for the next.
      if ((args[0] as Uint8Array).length === 0 && ++asked > 1000) throw new Error("the event loop stands still");
      return write(...args);
    }) as typeof write;
    session.stream.flow();
    session.connection.send(outgoing("y".repeat(20)));
    await turns();
    expect(asked).toBeLessThan(1000);
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test("come also when a Blob was being read while a promise was pending", async () => {
    const session = new Session({}, { highWaterMark: 20 });
    recordDrains(session);
    await turns();
    const blob = new SlowBlob("x".repeat(30));
    expect(session.connection.send(outgoing(blob))).toBe(SendResult.acceptedAndSlow);
    let drained: boolean | undefined;
    void session.connection.whenDrained().then((answer) => (drained = answer));
    await turns();
    blob.read();
    session.stream.stick();
    await turns();
    await flow(session);
    expect(session.connection.bufferedAmount).toBe(0);
    expect(drained).toBe(true);
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test("onDrain does not come for a Blob that send has taken", async () => {
    const session = new Session({}, { highWaterMark: 20 });
    recordDrains(session);
    await turns();
    session.connection.send(outgoing("x".repeat(30)));
    await turns();
    expect(session.calls).toEqual([OPEN, DRAIN]);
    const blob = new SlowBlob("short");
    expect(session.connection.send(outgoing(blob))).toBe(SendResult.accepted);
    blob.read();
    await turns();
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test("onDrain follows a false that the send budget of the process caused", async () => {
    const limited = { maxTotalSendQueue: 100, sendQueuePolicy: "drop-newest" } as const;
    const [one, other] = [await slowPeer(limited), await slowPeer(limited)];
    recordDrains(one);
    for (const session of [one, other]) session.connection.send(outgoing("x".repeat(80)));
    expect(one.connection.send(outgoing("m"))).toBe(SendResult.dropped);
    await flow(other);
    await flow(one);
    expect(one.calls).toEqual([OPEN, DRAIN]);
  });

  test("drained() is false once nothing more can be sent: otherwise the loop in its doc comment would never end", async () => {
    const session = await slowPeer({ highWaterMark: 20 });
    session.connection.close(1000);
    expect(session.connection.send(outgoing("m"))).toBe(SendResult.dropped);
    expect(await session.connection.whenDrained()).toBe(false);
  });
});

test('a message keeps its key after a Blob: "latest" keeps the newest of each', async () => {
  const session = await slowPeer({ maxSendQueue: 60, sendQueuePolicy: "latest" });
  session.connection.send(outgoing("a".repeat(40), "a"));
  session.connection.send(outgoing("b".repeat(20), "b"));
  session.connection.send(outgoing("A".repeat(20), "a"));
  const blob = new SlowBlob("blob");
  session.connection.send(outgoing(blob, "blob"));
  session.connection.send(outgoing("c1", "c"));
  session.connection.send(outgoing("d1", "d"));
  blob.read();
  await turns();
  await flow(session);
  expect(came(session)).toEqual([FIRST, "A".repeat(20), "b".repeat(20), "blob", "c1", "d1"]);
});

test("the pong to a ping in a turn with many messages does not wait for the rest of them", async () => {
  const session = new Session({}, { stream: new Wire({ highWaterMark: 100 }) });
  await turns();
  session.stream.stick();
  for (let i = 0; i < 5; i++) session.connection.send(outgoing(fill(i, 50_000)));
  session.receive(ping("first"));
  await turns();
  session.receive(ping("second"));
  await flow(session);
  // It comes neither after all five messages nor after the answer to the next one.
  const kinds = session.sent.map(([kind, payload]) =>
    kind === "pong" ? Buffer.from(payload, "hex").toString() : kind,
  );
  expect(kinds.indexOf("first")).toBeLessThan(5);
});
