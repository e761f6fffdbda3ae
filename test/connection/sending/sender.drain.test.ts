import { describe, expect, test } from "vitest";
import { SendResult } from "../../../src/connection/sending/send-result.ts";
import { type Slow, came, flow, recordDrains, slowPeer, ways } from "../../support/slow-session.ts";
import { type Call, Session, type SessionOptions, deferred, text } from "../../support/session.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { Wire, turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";

const OPEN: Call = ["open"];
const DRAIN: Call = ["drain", { type: "drain" }];
const { dropped, acceptedAndSlow: slow, accepted: taken } = SendResult;

/** A slow peer whose handler has onDrain. The high-water mark is 20 bytes. */
async function listening(options: SessionOptions = {}, react?: () => unknown): Promise<Slow> {
  const session = await slowPeer({ highWaterMark: 20, ...options });
  recordDrains(session, react);
  return session;
}

/** The value of a settled promise, "nothing" before. */
function watch<T>(promise: Promise<T>): { value: T | "nothing" } {
  const seen: { value: T | "nothing" } = { value: "nothing" };
  void promise.then((value) => (seen.value = value));
  return seen;
}

describe.each(ways)("%s that returned false", (_name, way) => {
  test("is followed by one onDrain, once no more than the high-water mark waits", async () => {
    const session = await listening();
    // 7 bytes are in the stream: exactly the mark is not too much.
    expect(way(session, "x".repeat(11))).toBe(taken);
    expect([way(session, "y"), way(session, "z")]).toEqual([slow, slow]);
    await turns();
    expect(session.calls).toEqual([OPEN]);
    await flow(session);
    expect(session.calls).toEqual([OPEN, DRAIN]);
    expect(way(session, "more")).toBe(taken);
    await turns();
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test("is followed by another onDrain after each further false", async () => {
    const session = await listening();
    for (let times = 1; times <= 3; times++) {
      session.stream.stick();
      expect(way(session, "x".repeat(30))).toBe(slow);
      await flow(session);
      expect(session.calls).toEqual([OPEN, ...Array.from({ length: times }, () => DRAIN)]);
    }
  });
});

describe("onDrain", () => {
  test("never comes when send has not returned false", async () => {
    const session = await listening();
    expect(session.connection.send(outgoing("x".repeat(11)))).toBe(taken);
    await flow(session);
    for (let i = 0; i < 10; i++) {
      expect(session.connection.send(outgoing("x"))).toBe(taken);
      await turns(1);
    }
    expect(session.calls).toEqual([OPEN]);
  });

  test("waits until the stream has taken enough, not only some bytes", async () => {
    const session = await listening();
    for (let i = 0; i < 3; i++) {
      session.connection.send(outgoing(new Uint8Array(17_000)));
      await turns(1);
    }
    for (let left = 3; left > 0; left--) {
      expect(session.calls).toEqual([OPEN]);
      session.stream.takeOne();
      await turns();
    }
    await flow(session);
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test("comes at the end of the turn when the peer keeps up: with a mark of 0 after every message", async () => {
    const session = new Session({}, { highWaterMark: 0 });
    recordDrains(session);
    await turns();
    for (let times = 1; times <= 3; times++) {
      expect([session.connection.send(outgoing("a")), session.connection.send(outgoing("b"))]).toEqual([slow, slow]);
      expect(session.calls).toHaveLength(times);
      await turns();
      expect(session.calls).toEqual([OPEN, ...Array.from({ length: times }, () => DRAIN)]);
    }
  });

  test.each([0, 10, 100])(
    "comes for a mark of %i below the mark of the stream, which is never full",
    async (highWaterMark) => {
      const session = await listening({ highWaterMark, stream: new Wire({ highWaterMark: 16_384 }) });
      expect(session.connection.send(outgoing("x".repeat(200)))).toBe(slow);
      await turns();
      expect(session.connection.bufferedAmount).toBe(211);
      expect(session.calls).toEqual([OPEN]);
      // The first bytes that are taken are not enough: it asks again.
      session.stream.takeOne();
      await turns();
      expect(session.calls).toEqual([OPEN]);
      await flow(session);
      expect(session.calls).toEqual([OPEN, DRAIN]);
      expect(session.connection.bufferedAmount).toBe(0);
    },
  );

  test("comes when the limit of the queue is below the mark", async () => {
    const session = await listening({ highWaterMark: 1000, maxSendQueue: 10, sendQueuePolicy: "drop-newest" });
    expect(["m1", "m2"].map((message) => session.connection.send(outgoing(message)))).toEqual([slow, dropped]);
    await flow(session);
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test("comes when a Blob has been read and sent", async () => {
    const session = new Session({}, { highWaterMark: 20 });
    recordDrains(session);
    await turns();
    const blob = new SlowBlob("x".repeat(30));
    expect(session.connection.send(outgoing(blob))).toBe(slow);
    await turns();
    expect(session.calls).toEqual([OPEN]);
    blob.read();
    await turns();
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test("never runs at the same time as another callback", async () => {
    const { promise, resolve } = deferred();
    const second = deferred();
    const session = await listening({}, () => second.promise);
    const handler = session.connection.dispatcher.handler as {
      onMessage: (ws: unknown, event: { data: unknown }) => unknown;
    };
    handler.onMessage = (_ws, { data }) => {
      session.calls.push(["message", data]);
      return data === "slow" ? promise : undefined;
    };
    session.connection.send(outgoing("x".repeat(30)));
    session.receive(text("slow"));
    await flow(session);
    expect(session.calls).toEqual([OPEN, ["message", "slow"]]);
    session.receive(text("next"));
    resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "slow"], DRAIN]);
    second.resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "slow"], DRAIN, ["message", "next"]]);
  });

  test.each([
    ["throws", () => { throw new Error("boom"); }], // prettier-ignore
    ["rejects", () => Promise.reject(new Error("boom"))],
  ])("that %s closes the connection with 1011 and calls onError", async (_how, react) => {
    const session = await listening({}, react);
    session.connection.send(outgoing("x".repeat(30)));
    await flow(session);
    expect(session.calls).toEqual([OPEN, DRAIN, ["error", 301]]);
    expect(came(session).at(-1)).toBe("close 1011");
    expect(session.connection.status).toBe("Closing");
  });

  test.each([
    ["terminated", (session: Session) => session.connection.close(1000)],
    ["reset", (session: Session) => session.stream.reset()],
    ["destroyed", (session: Session) => session.connection.destroy()],
  ])("does not come when the connection is %s before", async (_how, end) => {
    const session = await listening();
    expect(session.connection.send(outgoing("x".repeat(30)))).toBe(slow);
    end(session);
    await flow(session);
    expect(session.calls).not.toContainEqual(DRAIN);
  });

  test("may be missing", async () => {
    const session = await slowPeer({ highWaterMark: 20 });
    session.connection.send(outgoing("x".repeat(30)));
    await flow(session);
    session.receive(text("still there"));
    expect(session.calls).toEqual([OPEN, ["message", "still there"]]);
  });
});

describe("the promise of drained()", () => {
  test("is true at once when nothing has to wait", async () => {
    const session = await listening();
    expect(await session.connection.whenDrained()).toBe(true);
    session.connection.send(outgoing("x".repeat(11)));
    expect(await session.connection.whenDrained()).toBe(true);
    expect(session.calls).toEqual([OPEN]);
  });

  test("is true for all callers once no more than the mark waits", async () => {
    const session = await listening();
    session.connection.send(outgoing("x".repeat(30)));
    const waiting = [watch(session.connection.whenDrained()), watch(session.connection.whenDrained())];
    await turns();
    waiting.push(watch(session.connection.whenDrained()));
    expect(waiting).toEqual([{ value: "nothing" }, { value: "nothing" }, { value: "nothing" }]);
    await flow(session);
    expect(waiting).toEqual([{ value: true }, { value: true }, { value: true }]);
    expect(session.calls).toEqual([OPEN, DRAIN]);
  });

  test.each([
    ["reset", (session: Session) => session.stream.reset()],
    ["destroyed", (session: Session) => session.connection.destroy()],
  ])("is false when the connection is %s before, and from then on", async (_how, end) => {
    const session = await listening();
    session.connection.send(outgoing("x".repeat(30)));
    const waiting = watch(session.connection.whenDrained());
    end(session);
    await turns();
    expect(waiting.value).toBe(false);
    expect(await session.connection.whenDrained()).toBe(false);
  });

  test("lets a loop send as fast as the peer reads, with at most the mark and one message waiting", async () => {
    const session = await listening();
    const { connection } = session;
    let most = 0;
    const loop = (async () => {
      for (let i = 0; i < 100; i++) {
        if (!connection.send(outgoing(`message ${String(i)}`))) return false;
        most = Math.max(most, connection.bufferedAmount);
        if (connection.bufferedAmount > 20 && !(await connection.whenDrained())) return false;
      }
      return true;
    })();
    const seen = watch(loop);
    for (let i = 0; seen.value === "nothing" && i < 1000; i++) {
      session.stream.takeOne();
      await turns(1);
    }
    await flow(session);
    expect(seen.value).toBe(true);
    expect(came(session).slice(1)).toEqual(Array.from({ length: 100 }, (_, i) => `message ${String(i)}`));
    expect(most).toBeLessThanOrEqual(20 + 12);
    expect(most).toBeGreaterThan(20);
  });
});
