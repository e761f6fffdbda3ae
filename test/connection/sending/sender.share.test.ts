import { beforeEach, describe, expect, test } from "vitest";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import { SendResult } from "../../../src/connection/sending/sender.ts";
import type { SendQueuePolicy } from "../../../src/connection/sending/settings.ts";
import { type Session, type SessionOptions, close, gate, text } from "../../support/session.ts";
import { FIRST, type Slow, came, flow, hearRoom, slowPeer, ways } from "../../support/slow-session.ts";
import { turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";

const OPEN = ["open"];
const DRAIN = ["drain", { type: "drain" }];
const { dropped, accepted: taken } = SendResult;

/** What a promise has settled with, "nothing" before. */
function watch<T>(promise: Promise<T>): { value: T | "nothing" } {
  const seen: { value: T | "nothing" } = { value: "nothing" };
  void promise.then((value) => (seen.value = value));
  return seen;
}

/**
 * Two slow peers, of which the first has more than half of the 110 bytes that may wait in the process, and the second less.
 * For each alone that would be little.
 */
async function crowded(options: SessionOptions = {}): Promise<readonly [large: Slow, small: Slow]> {
  const limited = { maxTotalSendQueue: 110, sendQueuePolicy: "drop-newest", ...options } as const;
  const [large, small] = [await slowPeer(limited), await slowPeer(limited)];
  hearRoom(large);
  hearRoom(small);
  large.connection.send(outgoing("x".repeat(60)));
  small.connection.send(outgoing("y".repeat(40)));
  expect(sendBudget.total).toBeGreaterThan(110);
  return [large, small];
}

// It is one budget for the whole process: what stays would be everybody's.
beforeEach(({ onTestFinished }) => {
  // What is asked for first comes last: the sessions have been destroyed.
  onTestFinished(async () => {
    await turns();
    expect(sendBudget.total).toBe(0);
  });
});

describe.each(ways)("%s beyond the share of the process's budget", (_name, way) => {
  test('under "drop-newest" is followed by no onDrain before a message would be taken again', async () => {
    const [large] = await crowded();
    expect(way(large, "m1")).toBe(dropped);
    await turns();
    expect(large.calls).toEqual([OPEN]);
    // Whoever sends again at once, in onDrain, would be told the same for ever.
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
  test("waits where the share is passed, though less waits than the high-water mark", async () => {
    const [large, small] = await crowded();
    const waiting = watch(large.connection.whenDrained());
    expect(await small.connection.whenDrained()).toBe(true);
    await turns();
    expect(waiting.value).toBe("nothing");
    await flow(large);
    expect(waiting.value).toBe(true);
  });

  test("does not wait once others have made room in the process", async () => {
    const [large, small] = await crowded();
    await flow(small);
    expect(await large.connection.whenDrained()).toBe(true);
    expect(large.connection.send(outgoing("m"))).toBe(taken);
  });

  test("waits where the limit of the queue is passed, and not for a peer that keeps up", async () => {
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
    ["has said goodbye", ({ connection, stream }) => { connection.terminate(1000); stream.arrive(close(1000)); }], // prettier-ignore
    ["was answered its goodbye", ({ stream }) => stream.arrive(close(1000))],
    ["has hung up", ({ stream }) => stream.arriveEnd()],
  ])("is false when the peer %s: the stream is ended, and nothing goes behind the end", async (_how, end) => {
    const session = await slowPeer({ highWaterMark: 20 });
    const { stream, connection } = session;
    connection.send(outgoing("x".repeat(30)));
    const waiting = watch(connection.whenDrained());
    await turns();
    expect(waiting.value).toBe("nothing");
    end(session);
    await turns();
    // The stream is there still: it is the end of what is sent that settles it.
    expect([waiting.value, stream.destroyed, stream.ended]).toEqual([false, false, false]);
    const behind: unknown[] = [];
    const write = stream.write.bind(stream);
    stream.write = ((...all: Parameters<typeof write>) => {
      if (stream.writableEnded) behind.push(all[0]);
      return write(...all);
    }) as typeof write;
    await flow(session);
    expect([stream.ended, behind, stream.errored]).toEqual([true, [], null]);
    expect(came(session).slice(0, 2)).toEqual([FIRST, "x".repeat(30)]);
    expect(waiting.value).toBe(false);
  });
});

describe("who waits for room at a peer", () => {
  const policies: readonly SendQueuePolicy[] = ["terminate", "drop-newest", "drop-oldest", "latest"];

  test.each(policies)('that was ended is not told of any, under "%s"', async (sendQueuePolicy) => {
    const session = await slowPeer({ highWaterMark: 20, sendQueuePolicy });
    hearRoom(session);
    session.connection.send(outgoing("x".repeat(30)));
    session.receive(close(1000));
    await flow(session);
    expect(session.calls).not.toContainEqual(DRAIN);
    expect(came(session)).toEqual([FIRST, "x".repeat(30), "close 1000"]);
  });

  test.each([
    ["waits for room is dead: nothing of that is taken", true, "Closed"],
    ["is at work with something else is not dead, for nobody listens to it", false, "Connected"],
  ])("whose handler %s", async (_what, waitsForRoom, status) => {
    const life = { tick: 1000, pingInterval: 3, pingTimeout: 2, idleTimeout: Infinity, maxLifetime: Infinity };
    const work = gate();
    const session = await slowPeer(
      { life, highWaterMark: 20 },
      {
        message: async (ws) => {
          ws.send(outgoing("x".repeat(30)));
          await (waitsForRoom ? ws.whenDrained() : work.promise);
        },
      },
    );
    session.receive(text("go on"));
    await turns();
    expect(session.stream.isPaused()).toBe(true);
    for (let i = 0; i < 20; i++) {
      session.now++;
      session.connection.checkPeer();
    }
    await turns();
    expect(session.connection.status).toBe(status);
    work.open();
  });
});
