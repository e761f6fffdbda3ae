import { beforeEach, describe, expect, test } from "vitest";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import { SendResult } from "../../../src/connection/sending/send-result.ts";
import { Session, broken, close } from "../../support/session.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { FIRST, FIRST_SIZE, came, flow, slowPeer, ways } from "../../support/slow-session.ts";
import { turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";

const { dropped, acceptedAndSlow: slow, accepted: taken } = SendResult;

/** A text whose frame has this many bytes. */
function textOf(size: number): string {
  return "x".repeat(size - 2);
}

// The process has one budget: what stays in it would count for all tests.
beforeEach(({ onTestFinished }) => {
  // Callbacks run in reverse order: the sessions are destroyed by now.
  onTestFinished(async () => {
    await turns();
    expect(sendBudget.total).toBe(0);
  });
});

describe.each(ways)("the send budget of the process, by %s", (_name, way) => {
  test("counts what waits for slow peers, and nothing while a peer keeps up", async () => {
    const quick = new Session();
    await turns();
    for (let i = 0; i < 100; i++) way(quick, textOf(100));
    expect(quick.connection.bufferedAmount).toBe(10_000);
    expect(sendBudget.total).toBe(0);
    const [one, other] = [await slowPeer(), await slowPeer({ sendQueuePolicy: "latest" })];
    expect(sendBudget.total).toBe(2 * FIRST_SIZE);
    way(one, textOf(50));
    way(other, textOf(100));
    expect(sendBudget.total).toBe(2 * FIRST_SIZE + 150);
    await flow(one);
    expect(sendBudget.total).toBe(FIRST_SIZE + 100);
    await flow(other);
    expect(sendBudget.total).toBe(0);
  });

  test("beyond its limit stops only connections with more than an equal share; small queues and fast peers go on", async () => {
    const limited = { maxTotalSendQueue: 240 };
    const [large, alsoLarge, small, healthy] = [
      await slowPeer(limited),
      await slowPeer(limited),
      await slowPeer(limited),
      new Session({}, limited),
    ];
    await turns();
    // 2 x 107 + 17 bytes.
    for (const one of [large, alsoLarge]) way(one, textOf(100));
    way(small, textOf(10));
    // The limit is not passed yet: no connection is bounded.
    expect(way(large, textOf(10))).toBe(taken);
    expect(sendBudget.total).toBe(241);
    // From here on the share of each of the three is 80.
    expect(way(small, textOf(10))).toBe(taken);
    expect(way(healthy, textOf(100))).toBe(taken);
    expect(way(large, textOf(10))).toBe(dropped);
    expect(way(alsoLarge, textOf(10))).toBe(taken);
    expect([large, alsoLarge, small, healthy].map(({ connection }) => connection.status)).toEqual([
      "Closing",
      "Connected",
      "Connected",
      "Connected",
    ]);
    expect(large.limitCounters).toMatchObject({ maxTotalSendQueue: 1, maxSendQueue: 0 });
    await flow(large);
    expect(came(large)).toEqual([FIRST, "close 1013 reading too slowly"]);
    expect(large.calls).toEqual([["open"], ["error", 202]]);
    for (const one of [alsoLarge, small, healthy]) expect(one.calls).toEqual([["open"]]);
    await flow(alsoLarge);
    await flow(small);
    expect(came(healthy)).toEqual([textOf(100)]);
    expect(came(small)).toEqual([FIRST, textOf(10), textOf(10)]);
    expect(came(alsoLarge)).toEqual([FIRST, textOf(100), textOf(10)]);
  });

  test('beyond it "drop-newest" refuses their messages until the total is within the limit again', async () => {
    const limited = { maxTotalSendQueue: 110, sendQueuePolicy: "drop-newest" } as const;
    const [large, other] = [await slowPeer(limited), await slowPeer(limited)];
    way(large, textOf(60));
    way(other, textOf(40));
    expect(sendBudget.total).toBe(114);
    expect(way(large, textOf(10))).toBe(dropped);
    expect(way(other, textOf(10))).toBe(taken);
    expect(large.connection.counters).toEqual({ accepted: 3, written: 1, dropped: 1, pending: 1 });
    await flow(other);
    expect(way(large, textOf(10))).toBe(taken);
    await flow(large);
    expect(came(large)).toEqual([FIRST, textOf(60), textOf(10)]);
    expect(large.connection.status).toBe("Connected");
  });

  test('beyond it "drop-oldest" and "latest" drop their waiting messages', async () => {
    const limited = { maxTotalSendQueue: 390 };
    const oldest = await slowPeer({ ...limited, sendQueuePolicy: "drop-oldest" });
    const latest = await slowPeer({ ...limited, sendQueuePolicy: "latest" });
    for (const one of [oldest, latest]) for (let i = 0; i < 10; i++) way(one, textOf(20));
    expect(sendBudget.total).toBe(2 * FIRST_SIZE + 400);
    expect(way(latest, textOf(21))).toBe(taken);
    expect(latest.connection.counters.dropped).toBe(10);
    // With that the total is within the limit again.
    expect(way(oldest, textOf(22))).toBe(taken);
    expect(oldest.connection.counters.dropped).toBe(0);
    for (let i = 0; i < 20; i++) way(oldest, textOf(23));
    expect(sendBudget.total).toBeLessThanOrEqual(390 + 23);
    expect(oldest.connection.counters.dropped).toBeGreaterThan(0);
    expect([oldest, latest].map(({ limitCounters }) => limitCounters.maxSendQueue)).toEqual([0, 0]);
    expect(latest.limitCounters.maxTotalSendQueue).toBe(1);
    await flow(oldest);
    await flow(latest);
    expect(came(oldest).at(-1)).toEqual(textOf(23));
    expect(came(latest)).toEqual([FIRST, textOf(21)]);
  });
});

test("a queue's own limit counts when it is below the share", async () => {
  const session = await slowPeer({ maxSendQueue: 20, maxTotalSendQueue: 30 });
  expect(session.connection.send(outgoing(textOf(30)))).toBe(slow);
  expect(session.connection.send(outgoing(textOf(30)))).toBe(dropped);
  expect(session.limitCounters).toMatchObject({ maxSendQueue: 1, maxTotalSendQueue: 0 });
});

describe.each(["terminate", "drop-newest", "drop-oldest", "latest"] as const)(
  'what waits for a peer under "%s" leaves the budget',
  (sendQueuePolicy) => {
    test.each<readonly [how: string, end: (session: Session) => void | Promise<void>]>([
      ["has read it", flow],
      ["is reset", ({ stream }: Session) => stream.reset()],
      ["is destroyed", ({ connection }: Session) => connection.destroy()],
      [
        "has closed",
        async (session: Session) => {
          session.receive(close(1000));
          session.stream.arriveEnd();
          await flow(session);
        },
      ],
      [
        "has broken the protocol and disconnected",
        async (session: Session) => {
          session.receive(broken);
          await turns();
          session.stream.destroy();
        },
      ],
      [
        "was terminated and never answers",
        async (session: Session) => {
          session.connection.close(1000);
          await turns();
          session.stream.destroy();
        },
      ],
    ])("when the peer %s", async (_how, end) => {
      const session = await slowPeer({ sendQueuePolicy });
      const blob = new SlowBlob("blob");
      session.connection.send(outgoing("m1"));
      session.connection.send(outgoing(blob));
      session.connection.send(outgoing("m2"));
      blob.read();
      await turns();
      expect(sendBudget.total).toBe(FIRST_SIZE + 4 + 6 + 4);
      await end(session);
      await turns();
      expect(sendBudget.total).toBe(0);
      expect(session.connection.counters.pending).toBe(0);
    });
  },
);

test("a connection with messages that may still be dropped counts once among those that share it", async () => {
  const limited = { maxTotalSendQueue: 130, sendQueuePolicy: "drop-oldest" } as const;
  const [one, other] = [await slowPeer(limited), await slowPeer(limited)];
  for (const session of [one, other]) for (let i = 0; i < 6; i++) session.connection.send(outgoing(textOf(10)));
  // 65 bytes for each of the two: 60 of them are in its queue.
  expect(sendBudget.total).toBe(2 * FIRST_SIZE + 120);
  one.connection.send(outgoing(textOf(10)));
  expect(one.connection.counters.dropped).toBe(0);
});

test("has nothing of an ended connection whose peer has read everything", async () => {
  const session = await slowPeer();
  session.connection.send(outgoing("x".repeat(100)));
  session.receive(close(1000));
  await turns();
  expect(sendBudget.total).toBeGreaterThan(100);
  // The peer does not close its side: this may last until closeTimeout.
  await flow(session);
  expect(came(session).at(-1)).toBe("close 1000");
  expect(session.connection.bufferedAmount).toBe(0);
  expect(sendBudget.total).toBe(0);
});
