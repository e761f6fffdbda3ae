import { afterEach, describe, expect, test, vi } from "vitest";
import { Session, close, deferred, ping, text } from "../support/session.ts";
import { SlowBlob } from "../support/slow-blob.ts";
import { Wire, turns } from "../support/wire.ts";
import { outgoing } from "../support/outgoing.ts";

const OPEN = ["open"];

afterEach(() => {
  vi.useRealTimers();
});

/** The pending timers, counted by a replaced `setTimeout`. */
function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
}

describe("the peer closes", () => {
  // shows 6455-5.5.1-5, 4D-2-terminate-code, 4D-2-terminate
  test.each([
    [1000, ""],
    [1001, "going"],
    [4999, "à bientôt"],
  ])("and is answered with its code %d; the handler gets code and reason last", async (code, reason) => {
    const session = new Session();
    session.receive(text("a"), close(code, reason));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([
      OPEN,
      ["message", "a"],
      ["terminate", code, reason === "" ? undefined : reason, "Closed"],
    ]);
    expect(session.sent).toEqual([["close", `${code}`]]);
    expect(session.told).toEqual(["left", "finished"]);
  });

  // shows 4D-2-terminate-1005, 4D-2-terminate-reason, 6455-7.4.1-1
  test("without a code and is answered without one: 1005 is reported, and not sent", async () => {
    const session = new Session();
    session.receive(close());
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 1005, undefined, "Closed"]]);
    expect(session.sent).toEqual([["close", ""]]);
  });

  // shows 6455-5.5.1-4, 6455-5.5.2-2
  test("and all that follows is discarded, in the same chunk and in later ones", async () => {
    const session = new Session();
    session.receive(text("a"), close(1000), text("b"), ping("p"), close(1001));
    session.receive(text("c"), ping("p"));
    await turns();
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["terminate", 1000, undefined, "Closed"]]);
    expect(session.sent).toEqual([["close", "1000"]]);
  });

  test("and answers to earlier messages are sent before the close frame, in one write with it", async () => {
    const session = new Session({ message: (ws, data) => ws.send(outgoing(data as string)) });
    await turns();
    session.receive(text("a"), text("b"), close(1000));
    await turns();
    expect(session.sent).toEqual([
      ["text", "a"],
      ["text", "b"],
      ["close", "1000"],
    ]);
    expect(session.stream.writes).toHaveLength(2);
  });

  // shows 6455-5.5.1-7
  test("and the stream is ended at once, without waiting for the peer's end", async () => {
    const session = new Session();
    session.receive(close(1000));
    await turns();
    expect(session.stream.ended).toBe(true);
    expect(session.connection.status).toBe("Closing");
  });

  test("while onOpen is pending: onTerminate still comes after it", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ open: () => promise });
    session.receive(close(1000));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN]);
    expect(session.connection.status).toBe("Closing");
    resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 1000, undefined, "Closed"]]);
  });

  test("and its handler terminates with another code: that code is the answer, before the waiting messages", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(text("a"), text("b"), close(1000));
    await turns();
    session.connection.close(4001, "mine");
    await turns();
    expect(session.sent).toEqual([["close", "4001 mine"]]);
    expect(session.stream.ended).toBe(true);
    resolve();
    session.stream.arriveEnd();
    await turns();
    expect(session.sent).toEqual([["close", "4001 mine"]]);
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["terminate", 1000, undefined, "Closed"]]);
  });

  test("and then resets, which is no error", async () => {
    const session = new Session();
    session.receive(close(1000));
    await turns();
    session.stream.reset();
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 1000, undefined, "Closed"]]);
    expect(session.told).toEqual(["left", "finished"]);
  });

  test("on a stream that is not half open: earlier messages are delivered and the end is reported", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise }, { stream: new Wire({ allowHalfOpen: false }) });
    session.receive(text("a"), text("b"), close(1000));
    session.stream.arriveEnd();
    await turns();
    resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["message", "b"], ["terminate", 1000, undefined, "Closed"]]);
  });
});

describe("terminate", () => {
  // shows 6455-7.1.2-1, 4D-3-terminate-app-code
  test("sends a close frame after all messages, and the handler gets the peer's answer", async () => {
    const session = new Session();
    session.connection.send(outgoing("last"));
    session.connection.close(4000, "done");
    expect(session.connection.status).toBe("Closing");
    await turns();
    expect(session.sent).toEqual([
      ["text", "last"],
      ["close", "4000 done"],
    ]);
    expect(session.stream.ended).toBe(false);
    session.receive(close(4000, "ok"));
    await turns();
    expect(session.stream.ended).toBe(true);
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 4000, "ok", "Closed"]]);
  });

  test("without a code sends an empty close frame", async () => {
    const session = new Session();
    session.connection.close(undefined);
    await turns();
    expect(session.sent).toEqual([["close", ""]]);
  });

  // shows 4D-3-terminate-twice
  test("twice, or after the end, does nothing more", async () => {
    const session = new Session({ terminate: (ws) => ws.close(4003) });
    session.connection.close(4000, "first");
    session.connection.close(4001, "second");
    await turns();
    session.receive(close(4000));
    session.connection.close(4002);
    session.stream.arriveEnd();
    await turns();
    session.connection.close(4004);
    await turns();
    expect(session.sent).toEqual([["close", "4000 first"]]);
    expect(session.calls).toHaveLength(2);
  });

  // shows 6455-5.5.1-4
  test("is final: nothing is delivered after it, and only pings are answered until the peer closes", async () => {
    const session = new Session({ message: (ws) => ws.close(1000) });
    session.receive(text("a"), text("b"), ping("p"));
    session.receive(text("c"), ping("p"));
    await turns();
    session.receive(text("d"), close(1000));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["terminate", 1000, undefined, "Closed"]]);
    expect(session.sent).toEqual([
      ["close", "1000"],
      ["pong", "70"],
      ["pong", "70"],
    ]);
    expect(session.stream.errored).toBeNull();
  });

  test("in onOpen: the peer gets the answer to the handshake and the close frame, and no message is delivered", async () => {
    const session = new Session({ open: (ws) => ws.close(4000) }, { head: text("early") });
    await turns();
    expect(session.stream.writes).toHaveLength(1);
    expect(session.sent).toEqual([["close", "4000"]]);
    session.receive(close(4000));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 4000, undefined, "Closed"]]);
  });

  test("in onError overrides the code of the handler's error", async () => {
    const session = new Session({
      message: () => {
        throw new Error("oops");
      },
      error: (ws) => ws.close(4000, "mine"),
    });
    session.receive(text("a"));
    await turns();
    expect(session.sent).toEqual([["close", "4000 mine"]]);
  });

  // shows 4D-2-terminate-1006
  test("counts as 1006 when the peer ends without an answer", async () => {
    const session = new Session();
    session.connection.close(1000);
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 1006, undefined, "Closed"]]);
  });

  test("to a peer that does not read waits for the stream, and keeps the order", async () => {
    const stream = new Wire({ highWaterMark: 1 });
    const session = new Session({}, { stream });
    await turns();
    stream.stick();
    session.connection.send(outgoing("a"));
    await turns();
    session.connection.send(outgoing("b"));
    session.receive(ping("p"));
    session.connection.close(1000);
    await turns();
    stream.flow();
    await turns();
    expect(session.sent.map(([kind]) => kind)).toEqual(["text", "pong", "text", "close"]);
  });
});

describe("the close timeout", () => {
  test("destroys a connection whose peer does not answer terminate", async () => {
    fakeTimers();
    const session = new Session({}, { closeTimeout: 5000 });
    session.connection.close(1000);
    await turns();
    vi.advanceTimersByTime(4999);
    await turns();
    expect(session.stream.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await turns();
    expect(session.stream.destroyed).toBe(true);
    expect(session.calls).toEqual([OPEN, ["terminate", 1006, undefined, "Closed"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("destroys a connection whose peer closes but never ends its half, and counts from the first step", async () => {
    fakeTimers();
    const session = new Session({}, { closeTimeout: 5000 });
    session.connection.close(1000);
    vi.advanceTimersByTime(3000);
    session.receive(close(1000));
    await turns();
    vi.advanceTimersByTime(2000);
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 1000, undefined, "Closed"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("also bounds the wait for a Blob that is never read", async () => {
    fakeTimers();
    const session = new Session({}, { closeTimeout: 5000 });
    session.connection.send(outgoing(new SlowBlob("never")));
    session.connection.close(1000);
    vi.advanceTimersByTime(5000);
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 1006, undefined, "Closed"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("also limits how long handlers hold back the answer to the peer's close frame; what waits for them is delivered", async () => {
    fakeTimers();
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise }, { closeTimeout: 5000 });
    session.receive(text("a"), text("b"), close(4000, "bye"));
    await turns();
    vi.advanceTimersByTime(4999);
    await turns();
    expect(session.sent).toEqual([]);
    vi.advanceTimersByTime(1);
    await turns();
    expect(session.sent).toEqual([["close", "4000"]]);
    expect(session.settings.limitCounters.closeTimeout).toBe(1);
    session.stream.arriveEnd();
    await turns();
    expect(session.told).toEqual(["left"]);
    expect(vi.getTimerCount()).toBe(0);
    expect(session.calls).toEqual([OPEN, ["message", "a"]]);
    resolve();
    await turns();
    expect(session.calls.slice(2)).toEqual([
      ["message", "b"],
      ["terminate", 4000, "bye", "Closed"],
    ]);
  });

  test("starts again with that answer, for the peer's end", async () => {
    fakeTimers();
    const session = new Session({ message: () => new Promise(() => undefined) }, { closeTimeout: 5000 });
    session.receive(text("a"), close(1000));
    await turns();
    vi.advanceTimersByTime(5000);
    await turns();
    vi.advanceTimersByTime(4999);
    await turns();
    expect([session.sent, session.stream.destroyed]).toEqual([[["close", "1000"]], false]);
    vi.advanceTimersByTime(1);
    await turns();
    expect([session.stream.destroyed, session.told]).toEqual([true, ["left"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("starts with an answer that a handler has held back for less", async () => {
    fakeTimers();
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise }, { closeTimeout: 5000 });
    session.receive(text("a"), close(1000));
    await turns();
    vi.advanceTimersByTime(4000);
    resolve();
    await turns();
    expect(session.sent).toEqual([["close", "1000"]]);
    vi.advanceTimersByTime(4999);
    await turns();
    expect([session.stream.destroyed, session.settings.limitCounters.closeTimeout]).toEqual([false, 0]);
    session.stream.arriveEnd();
    await turns();
    expect(session.calls.at(-1)).toEqual(["terminate", 1000, undefined, "Closed"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each<[string, (session: Session) => void]>([
    ["was destroyed", ({ connection }) => connection.cut()],
    ["was reset", ({ stream }) => stream.reset()],
  ])("sends no answer on a stream that %s before, and leaves no timer", async (_what, lose) => {
    fakeTimers();
    const session = new Session({ message: () => new Promise(() => undefined) }, { closeTimeout: 5000 });
    session.receive(text("a"), close(1000));
    await turns();
    expect(vi.getTimerCount()).toBe(1);
    lose(session);
    await turns();
    expect([vi.getTimerCount(), session.sent]).toEqual([0, []]);
  });

  test("starts no second time on a stream that was destroyed and does not close", async () => {
    fakeTimers();
    const session = new Session({ message: () => new Promise(() => undefined) }, { closeTimeout: 100 });
    session.stream._destroy = () => undefined;
    session.receive(text("a"), close(1000));
    await turns();
    session.connection.cut();
    // That of the answer, and that of a stream that does not close.
    expect(vi.getTimerCount()).toBe(2);
    vi.advanceTimersByTime(100);
    await turns();
    expect([vi.getTimerCount(), session.sent]).toEqual([1, []]);
    vi.advanceTimersByTime(1000);
    await turns();
    expect([vi.getTimerCount(), session.told]).toEqual([0, ["left"]]);
  });

  test("is not set before closing, and leaves no timer", async () => {
    fakeTimers();
    const session = new Session();
    session.receive(text("a"));
    await turns();
    expect(vi.getTimerCount()).toBe(0);
    session.receive(close(1000));
    await turns();
    expect(vi.getTimerCount()).toBe(1);
    session.stream.arriveEnd();
    await turns();
    expect(session.told).toEqual(["left", "finished"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is not set by a Blob that fails after the connection is closed", async () => {
    fakeTimers();
    const session = new Session();
    const blob = new SlowBlob("x");
    session.connection.send(outgoing(blob));
    session.stream.destroy();
    await turns();
    blob.fail(new Error("EIO"));
    await turns();
    expect(vi.getTimerCount()).toBe(0);
    expect(session.calls).toEqual([OPEN, ["terminate", 1006, undefined, "Closed"]]);
  });
});

describe("destroy", () => {
  // shows 4D-2-terminate, 4D-2-terminate-left
  test("sends no close frame; onTerminate comes once and last, when the connection has left the registry", async () => {
    const order: unknown[] = [];
    const session: Session = new Session({ terminate: () => order.push([...session.told]) });
    await turns();
    session.connection.destroy();
    session.connection.destroy();
    await turns();
    session.connection.destroy();
    expect(session.sent).toEqual([]);
    expect(session.calls).toEqual([OPEN, ["terminate", 1006, undefined, "Closed"]]);
    expect(order).toEqual([["left"]]);
    expect(session.told).toEqual(["left", "finished"]);
  });

  test("inside a callback: nothing more is delivered", async () => {
    for (const callback of ["open", "message", "terminate"] as const) {
      const session = new Session({ [callback]: (ws: Session["connection"]) => ws.destroy() });
      session.receive(text("a"), text("b"));
      await turns();
      session.connection.destroy();
      await turns();
      const names = session.calls.map(([name]) => name);
      expect(names).toEqual(
        callback === "open"
          ? ["open", "terminate"]
          : callback === "message"
            ? ["open", "message", "terminate"]
            : ["open", "message", "message", "terminate"],
      );
      expect(session.told).toEqual(["left", "finished"]);
    }
  });

  test("does not wait for handlers: onTerminate comes while a callback is still pending", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(text("a"), text("b"));
    await turns();
    session.connection.destroy();
    await turns();
    expect(session.calls).toEqual([
      OPEN,
      ["message", "a"],
      ["overlap", "message", "terminate"],
      ["terminate", 1006, undefined, "Closed"],
    ]);
    expect(session.told).toEqual(["left", "finished"]);
    resolve();
    await turns();
    expect(session.calls).toHaveLength(4);
  });
});

describe("after the end", () => {
  test("the stream has none of our listeners, and keeps no callback that writes", async () => {
    const session = new Session();
    session.receive(close(1000));
    session.stream.arriveEnd();
    await turns();
    session.stream.emit("data", text("late"));
    session.stream.emit("error", new Error("late"));
    session.stream.emit("drain");
    session.stream.emit("end");
    session.stream.emit("close");
    await turns();
    expect(session.calls).toEqual([OPEN, ["terminate", 1000, undefined, "Closed"]]);
    expect(session.told).toEqual(["left", "finished"]);
    expect(session.connection.bufferedAmount).toBe(0);
  });

  test("an asynchronous onTerminate is awaited before the owner is told that the connection has finished", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ terminate: () => promise });
    session.stream.destroy();
    await turns();
    expect(session.told).toEqual(["left"]);
    resolve();
    await turns();
    expect(session.told).toEqual(["left", "finished"]);
  });
});

test("when it is destroyed by its server, onTerminate overlaps an onMessage that is busy", async () => {
  const busy = deferred();
  const session = new Session({ message: () => busy.promise });
  session.receive(text("a"));
  await turns();
  session.connection.destroy();
  await turns();
  expect(session.calls).toEqual([
    OPEN,
    ["message", "a"],
    ["overlap", "message", "terminate"],
    ["terminate", 1006, undefined, "Closed"],
  ]);
  expect(session.told).toEqual(["left", "finished"]);
  busy.resolve();
});
