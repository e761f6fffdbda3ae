import { beforeEach, describe, expect, test } from "vitest";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import { SendResult } from "../../../src/connection/sending/send-result.ts";
import type { SendQueuePolicy } from "../../../src/connection/sending/settings.ts";
import { type Session, type SessionOptions, close, deferred, text } from "../../support/session.ts";
import { FIRST, type Slow, came, flow, recordDrains, slowPeer, ways } from "../../support/slow-session.ts";
import { turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";

const OPEN = ["open"];
const DRAIN = ["drain", { type: "drain" }];
const { dropped, accepted: taken } = SendResult;

/** The value of a settled promise, "nothing" before. */
function watch<T>(promise: Promise<T>): { value: T | "nothing" } {
  const seen: { value: T | "nothing" } = { value: "nothing" };
  void promise.then((value) => (seen.value = value));
  return seen;
}

/**
 * Two slow peers. 110 bytes may wait in the process: the first peer has more than half of them, the second less.
 * Neither has reached its own limits.
 */
async function overBudget(options: SessionOptions = {}): Promise<readonly [large: Slow, small: Slow]> {
  const limited = { maxTotalSendQueue: 110, sendQueuePolicy: "drop-newest", ...options } as const;
  const [large, small] = [await slowPeer(limited), await slowPeer(limited)];
  recordDrains(large);
  recordDrains(small);
  large.connection.send(outgoing("x".repeat(60)));
  small.connection.send(outgoing("y".repeat(40)));
  expect(sendBudget.total).toBeGreaterThan(110);
  return [large, small];
}

// The process has one budget: what stays in it would count for all tests.
beforeEach(({ onTestFinished }) => {
  // Callbacks run in reverse order: the sessions are destroyed by now.
  onTestFinished(async () => {
    await turns();
    expect(sendBudget.total).toBe(0);
  });
});

describe.each(ways)("%s beyond its share of the send budget", (_name, way) => {
  test('under "drop-newest" is followed by no onDrain before a message would be accepted again', async () => {
    const [large] = await overBudget();
    expect(way(large, "m1")).toBe(dropped);
    await turns();
    expect(large.calls).toEqual([OPEN]);
    // A handler that sends again in onDrain would get false for ever.
    expect(way(large, "m2")).toBe(dropped);
    await turns();
    expect(large.calls).toEqual([OPEN]);
    await flow(large);
    expect(large.calls).toEqual([OPEN, DRAIN]);
    expect(way(large, "m3")).toBe(taken);
    expect(large.limitCounters.maxTotalSendQueue).toBe(2);
  });
});

describe("drained()", () => {
  test("waits when the share is passed, though less than the high-water mark waits", async () => {
    const [large, small] = await overBudget();
    const waiting = watch(large.connection.whenDrained());
    expect(await small.connection.whenDrained()).toBe(true);
    await turns();
    expect(waiting.value).toBe("nothing");
    await flow(large);
    expect(waiting.value).toBe(true);
  });

  test("does not wait once other connections have less waiting", async () => {
    const [large, small] = await overBudget();
    await flow(small);
    expect(await large.connection.whenDrained()).toBe(true);
    expect(large.connection.send(outgoing("m"))).toBe(taken);
  });

  test("waits when the limit of the queue is passed, and not for a peer that keeps up", async () => {
    const session = await slowPeer({ maxSendQueue: 20, sendQueuePolicy: "drop-newest" });
    session.connection.send(outgoing("x".repeat(30)));
    const waiting = watch(session.connection.whenDrained());
    await turns();
    expect(waiting.value).toBe("nothing");
    await flow(session);
    expect(waiting.value).toBe(true);
    expect(await session.connection.whenDrained()).toBe(true);
  });

  test.each<readonly [how: string, end: (session: Session) => void]>([
    ["has sent a close frame", ({ connection, stream }) => { connection.close(1000); stream.arrive(close(1000)); }], // prettier-ignore
    ["has answered our close frame", ({ stream }) => stream.arrive(close(1000))],
    ["has closed TCP", ({ stream }) => stream.arriveEnd()],
  ])("is false when the peer %s: the stream is ended, and nothing is written after the end", async (_how, end) => {
    const session = await slowPeer({ highWaterMark: 20 });
    const { stream, connection } = session;
    connection.send(outgoing("x".repeat(30)));
    const waiting = watch(connection.whenDrained());
    await turns();
    expect(waiting.value).toBe("nothing");
    end(session);
    await turns();
    // The stream is still open: the end of sending settles the promise.
    expect([waiting.value, stream.destroyed, stream.ended]).toEqual([false, false, false]);
    const after: unknown[] = [];
    const write = stream.write.bind(stream);
    stream.write = ((...all: Parameters<typeof write>) => {
      if (stream.writableEnded) after.push(all[0]);
      return write(...all);
    }) as typeof write;
    await flow(session);
    expect([stream.ended, after, stream.errored]).toEqual([true, [], null]);
    expect(came(session).slice(0, 2)).toEqual([FIRST, "x".repeat(30)]);
    expect(waiting.value).toBe(false);
  });
});

describe("a handler with onDrain", () => {
  const policies: readonly SendQueuePolicy[] = ["terminate", "drop-newest", "drop-oldest", "latest"];

  test.each(policies)('is not called once the stream is ended, under "%s"', async (sendQueuePolicy) => {
    const session = await slowPeer({ highWaterMark: 20, sendQueuePolicy });
    recordDrains(session);
    session.connection.send(outgoing("x".repeat(30)));
    session.receive(close(1000));
    await flow(session);
    expect(session.calls).not.toContainEqual(DRAIN);
    expect(came(session)).toEqual([FIRST, "x".repeat(30), "close 1000"]);
  });

  test.each([
    ["waits for a drain is dead: it takes none of the waiting bytes", true, "Closed"],
    ["is busy with something else is dead too: its stream is read, and nothing comes", false, "Closed"],
  ])("whose handler %s", async (_what, waitsForDrain, status) => {
    const life = { tickMs: 1000, pingInterval: 3, pingTimeout: 2, idleTimeout: Infinity, maxLifetime: Infinity };
    const work = deferred();
    const session = await slowPeer(
      { keepalive: life, highWaterMark: 20 },
      {
        message: async (ws) => {
          ws.send(outgoing("x".repeat(30)));
          await (waitsForDrain ? ws.whenDrained() : work.promise);
        },
      },
    );
    session.receive(text("go on"));
    await turns();
    expect(session.stream.isPaused()).toBe(false);
    for (let i = 0; i < 20; i++) {
      session.currentTick++;
      session.connection.checkPeer();
    }
    await turns();
    expect(session.connection.status).toBe(status);
    work.resolve();
  });
});
