import { describe, expect, test } from "vitest";
import { SendResult } from "../../../src/connection/sending/sender.ts";
import { fill } from "../../support/bytes.ts";
import { Session, ping } from "../../support/session.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { FIRST, came, flow, hearRoom, slowPeer } from "../../support/slow-session.ts";
import { Wire, turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";

const OPEN = ["open"];
const DRAIN = ["drain", { type: "drain" }];

describe("onDrain and drained()", () => {
  test("news that come in the middle of a turn in which much was sent do not stop the event loop", async () => {
    const session = new Session({}, { highWaterMark: 10 });
    hearRoom(session);
    await turns();
    session.stream.stick();
    session.connection.send(outgoing("x".repeat(20)));
    await turns();
    // It was asked for news of these 22 bytes, which are not enough to make the stream full.
    const write = session.stream.write.bind(session.stream);
    let asked = 0;
    session.stream.write = ((...args: Parameters<typeof write>) => {
      // Would go on for ever: every tick asks for the next.
      if ((args[0] as Uint8Array).length === 0 && ++asked > 1000) throw new Error("the event loop stands still");
      return write(...args);
    }) as typeof write;
    session.stream.flow();
    session.connection.send(outgoing("y".repeat(20)));
    await turns();
    expect(asked).toBeLessThan(1000);
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test("come too when a Blob was being read while somebody waited", async () => {
    const session = new Session({}, { highWaterMark: 20 });
    hearRoom(session);
    await turns();
    const blob = new SlowBlob("x".repeat(30));
    expect(session.connection.send(outgoing(blob))).toBe(SendResult.acceptedAndSlow);
    let room: boolean | undefined;
    void session.connection.whenDrained().then((answer) => (room = answer));
    await turns();
    blob.read();
    session.stream.stick();
    await turns();
    await flow(session);
    expect(session.connection.bufferedAmount).toBe(0);
    expect(room).toBe(true);
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test("onDrain does not come for a Blob that send has taken", async () => {
    const session = new Session({}, { highWaterMark: 20 });
    hearRoom(session);
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

  test("onDrain follows a false that the budget of the process was the reason for", async () => {
    const limited = { maxTotalSendQueue: 100, sendQueuePolicy: "drop-newest" } as const;
    const [one, other] = [await slowPeer(limited), await slowPeer(limited)];
    hearRoom(one);
    for (const session of [one, other]) session.connection.send(outgoing("x".repeat(80)));
    expect(one.connection.send(outgoing("m"))).toBe(SendResult.dropped);
    await flow(other);
    await flow(one);
    expect(one.calls).toEqual([OPEN, DRAIN]);
  });

  test("drained() is false once nothing is sent any more: the loop in its doc comment would never end", async () => {
    const session = await slowPeer({ highWaterMark: 20 });
    session.connection.terminate(1000);
    expect(session.connection.send(outgoing("m"))).toBe(SendResult.dropped);
    expect(await session.connection.whenDrained()).toBe(false);
  });
});

test('a message keeps its key behind a Blob: "latest" leaves the newest of each', async () => {
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

test("the pong to a ping that came in a turn with much to send does not wait behind what is left of that", async () => {
  const session = new Session({}, { stream: new Wire({ highWaterMark: 100 }) });
  await turns();
  session.stream.stick();
  for (let i = 0; i < 5; i++) session.connection.send(outgoing(fill(i, 50_000)));
  session.receive(ping("first"));
  await turns();
  session.receive(ping("second"));
  await flow(session);
  // Not behind all five of them, nor behind the answer to the one after it.
  const kinds = session.sent.map(([kind, payload]) =>
    kind === "pong" ? Buffer.from(payload, "hex").toString() : kind,
  );
  expect(kinds.indexOf("first")).toBeLessThan(5);
});
