import { describe, expect, test } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import { signalOf } from "../../src/connection/dispatch/close-signal.ts";
import { SendResult } from "../../src/connection/sending/send-result.ts";
import { asClient, encode } from "../support/frames.ts";
import { utf8 } from "../support/bytes.ts";
import { Session, broken, close, deferred, ping, text } from "../support/session.ts";
import { SlowBlob } from "../support/slow-blob.ts";
import { Wire, turns } from "../support/wire.ts";
import { outgoing } from "../support/outgoing.ts";
import { SharedMessage } from "../../src/connection/sending/shared-message.ts";

const OPEN = ["open"];

describe("an asynchronous handler", () => {
  // shows 4D-2-open-first, 4D-4-async
  test("whose onOpen is pending gets the messages afterwards, also those that came with the handshake", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ open: () => promise }, { head: text("early") });
    session.receive(text("later"));
    await turns();
    expect(session.calls).toEqual([OPEN]);
    resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "early"], ["message", "later"]]);
  });

  // shows 4D-4-pause
  test("is read ahead of until 64 KiB wait for it; then reading goes on when no more than half of that waits", async () => {
    const deferreds = [deferred(), deferred(), deferred()];
    let next = 0;
    const session = new Session({ message: () => deferreds[next++]?.promise });
    await turns();
    session.receive(text("a"), text("b"));
    await turns();
    expect(session.stream.isPaused()).toBe(false);
    session.receive(text("c".repeat(64 * 1024)));
    await turns();
    expect(session.stream.isPaused()).toBe(true);
    session.receive(text("d"));
    await turns();
    expect(session.stream.readableLength).toBeGreaterThan(0);
    deferreds[0]!.resolve();
    await turns();
    expect(session.stream.isPaused()).toBe(true);
    deferreds[1]!.resolve();
    await turns();
    // The third message is being handled, and the fourth was read.
    expect([session.stream.isPaused(), session.stream.readableLength]).toEqual([false, 0]);
    expect(session.calls).toHaveLength(4);
    deferreds[2]!.resolve();
    await turns();
    expect(session.calls.map(([, data]) => String(data).slice(0, 1))).toEqual(["u", "a", "b", "c", "d"]);
    expect(session.stream.isPaused()).toBe(false);
  });

  test("that is pending does not delay the answer to a ping, in the turn that reads it", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(text("work"));
    await turns();
    session.receive(text("waits"), ping("are you there?"));
    await turns();
    expect(session.sent).toEqual([["pong", Buffer.from("are you there?").toString("hex")]]);
    expect(session.calls).toEqual([OPEN, ["message", "work"]]);
    resolve();
    await turns();
    expect(session.calls.slice(2)).toEqual([["message", "waits"]]);
  });

  test.each([
    ["close frame", (session: Session) => session.receive(close(1000)), ["close", "1000"]],
    ["end of the stream", (session: Session) => session.stream.arriveEnd(), undefined],
  ] as const)(
    "that waits for a pong gets undefined at the peer's %s, which is answered",
    async (_what, leave, answer) => {
      const { promise, resolve } = deferred();
      const session = new Session({
        message: async (ws) => {
          session.calls.push(["pong", await ws.measureRoundTrip()]);
          await promise;
        },
      });
      session.receive(text("x"));
      await turns();
      leave(session);
      await turns();
      expect(session.calls.at(-1)).toEqual(["pong", undefined]);
      resolve();
      await turns();
      if (answer !== undefined) expect(session.sent.at(-1)).toEqual(answer);
      expect(session.stream.writableEnded).toBe(true);
    },
  );

  test("that is busy keeps a message in memory of its own, not the whole read that it came in", async () => {
    const got: Uint8Array[] = [];
    const { promise, resolve } = deferred();
    const session = new Session({
      message: (_ws, data) => {
        if (data instanceof Uint8Array) got.push(data);
        return promise;
      },
    });
    const pongs = Array.from({ length: 400 }, () => asClient(encode({ opcode: 10, payload: utf8("p".repeat(125)) })));
    session.receive(asClient(encode({ opcode: 2, payload: utf8("busy") })));
    await turns();
    session.receive(asClient(encode({ opcode: 2, payload: utf8("a") })), ...pongs);
    const half = { opcode: 2, payload: utf8("b") };
    session.receive(
      asClient(encode({ ...half, fin: false })),
      asClient(encode({ opcode: 0, payload: utf8("c") })),
      ...pongs,
    );
    session.receive(asClient(encode({ opcode: 2, payload: utf8("long".repeat(10_000)) })));
    await turns();
    resolve();
    await turns();
    expect(got.map((data) => Buffer.from(data).toString().slice(0, 4))).toEqual(["busy", "a", "bc", "long"]);
    for (const data of got.slice(1)) expect(data.buffer.byteLength).toBeLessThanOrEqual(2 * data.length);
  });

  test.each(["open", "message", "drain"] as const)("gets its round trip inside %s", async (callback) => {
    const times: unknown[] = [];
    const measure = async (ws: Connection): Promise<void> => {
      times.push(await ws.measureRoundTrip());
    };
    const stream = new Wire({ highWaterMark: 1 });
    const session = new Session({ [callback]: measure }, { stream, highWaterMark: 1 });
    await turns();
    if (callback === "message") session.receive(text("a"));
    if (callback === "drain") {
      stream.stick();
      session.connection.send(outgoing("xx"));
      await turns();
      stream.flow();
    }
    await turns();
    const sent = session.sent.find(([kind]) => kind === "ping");
    expect(sent).toBeDefined();
    session.receive(asClient(encode({ opcode: 10, payload: Buffer.from(sent![1], "hex") })));
    await turns();
    expect(times).toEqual([expect.any(Number)]);
  });

  test("that waits for a round trip is not stuck when more waits for it than is read ahead", async () => {
    const times: unknown[] = [];
    const session = new Session({
      message: async (ws, data) => {
        if (data === "work") times.push(await ws.measureRoundTrip(), await ws.measureRoundTrip());
      },
    });
    session.receive(text("work"), text("x".repeat(70_000)));
    await turns();
    expect(times).toEqual([undefined, undefined]);
    expect(session.calls.map(([, data]) => String(data).length)).toEqual([9, 4, 70_000]);
  });

  test("for which more waits than is read ahead gives nobody a round trip until it has settled", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(text("work"), text("x".repeat(70_000)));
    await turns();
    expect(await session.connection.measureRoundTrip()).toBeUndefined();
    expect(session.sent).toEqual([]);
    resolve();
    await turns();
    void session.connection.measureRoundTrip();
    await turns();
    expect(session.sent).toEqual([["ping", expect.any(String)]]);
  });

  test("is told of the peer's close frame while it is pending: nothing more is sent, and no promise waits for a drain", async () => {
    const stream = new Wire({ highWaterMark: 1 });
    const results: unknown[] = [];
    const session = new Session(
      {
        message: async (ws) => {
          stream.stick();
          results.push(ws.send(outgoing("xx")), await ws.whenDrained(), ws.status, ws.send(outgoing("more")));
        },
      },
      { stream, highWaterMark: 1 },
    );
    session.receive(text("stream"));
    await turns();
    expect(results).toEqual([]);
    session.receive(close(4000, "enough"));
    await turns();
    expect(results).toEqual([SendResult.acceptedAndSlow, false, "Closing", SendResult.dropped]);
  });

  test("that has settled by the turn's end does not stop reading", async () => {
    const session = new Session({ message: () => Promise.resolve() });
    let pauses = 0;
    session.stream.on("pause", () => pauses++);
    session.receive(text("a"), text("b"));
    await turns();
    session.receive(text("c"));
    await turns();
    expect(session.calls).toHaveLength(4);
    expect(pauses).toBe(0);
  });

  // shows 4D-4-independent
  test("of one connection does not delay others", async () => {
    const { promise, resolve } = deferred();
    const slow = new Session({ message: () => promise });
    const quick = new Session();
    slow.receive(text("a"), text("b"));
    quick.receive(text("a"), text("b"));
    await turns();
    expect(slow.calls).toHaveLength(2);
    expect(quick.calls).toHaveLength(3);
    resolve();
    await turns();
    expect(slow.calls).toHaveLength(3);
  });

  test("does not delay the answers to pings", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(text("a"), ping("p"));
    await turns();
    expect(session.sent).toEqual([["pong", "70"]]);
    resolve();
    await turns();
  });

  test("that answers later has its answers sent, though no chunk came meanwhile", async () => {
    const session = new Session({
      message: async (ws, data) => {
        await turns();
        ws.send(outgoing(`re: ${String(data)}`));
      },
    });
    session.receive(text("a"), text("b"));
    await expect
      .poll(() => session.sent)
      .toEqual([
        ["text", "re: a"],
        ["text", "re: b"],
      ]);
    expect(session.calls).not.toContainEqual(expect.arrayContaining(["overlap"]));
  });

  test("that stops because its signal has aborted has not failed: no onError, and the peer's code is answered", async () => {
    const session = new Session({
      message: (ws) =>
        new Promise((_resolve, reject) => {
          const signal = signalOf(ws, false);
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
    });
    session.receive(text("a"), close(1001));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["terminate", 1001, undefined, "Closed"]]);
    expect(session.sent).toEqual([["close", "1001"]]);
    expect(session.reported).toEqual([]);
  });

  // shows 6455-5.5.1-5
  test("gets all messages before the peer's close frame is answered; the peer wants no answers to them", async () => {
    const sent: unknown[] = [];
    const session = new Session({
      message: async (ws, data) => {
        await turns();
        sent.push(ws.send(outgoing(`re: ${String(data)}`)));
      },
    });
    session.receive(text("a"), text("b"), close(4000, "bye"), text("never"));
    session.stream.arriveEnd();
    await expect.poll(() => session.calls.at(-1)).toEqual(["terminate", 4000, "bye", "Closed"]);
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["message", "b"], ["terminate", 4000, "bye", "Closed"]]);
    expect(session.sent).toEqual([["close", "4000"]]);
    expect(sent).toEqual([SendResult.dropped, SendResult.dropped]);
  });

  test("gets the messages before a protocol error, then onError, then onTerminate", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(text("a"), text("b"), broken, text("never"));
    await turns();
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"]]);
    expect(session.connection.status).toBe("Closed");
    resolve();
    await turns();
    expect(session.calls.slice(2)).toEqual([
      ["message", "b"],
      ["error", 102],
      ["terminate", 1006, undefined, "Closed"],
    ]);
    expect(session.told).toEqual(["left", "finished"]);
  });

  test("that never settles does not prevent closing, and destroy calls onTerminate", async () => {
    const session = new Session({ message: () => new Promise(() => {}) });
    session.receive(text("a"), text("b"));
    await turns();
    session.connection.close(1000);
    session.receive(close(1000));
    session.stream.arriveEnd();
    await turns();
    expect(session.connection.status).toBe("Closed");
    expect(session.told).toEqual(["left"]);
    session.connection.destroy();
    expect(session.told).toEqual(["left", "finished"]);
    expect(session.calls.at(-1)).toEqual(["terminate", 1000, undefined, "Closed"]);
    expect(session.calls).not.toContainEqual(["message", "b"]);
  });

  test("that terminates gets no earlier message, and the close frame is sent while it is pending", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({
      message: (ws) => {
        ws.close(4000, "enough");
        return promise;
      },
    });
    session.receive(text("a"), text("b"));
    await turns();
    expect(session.sent).toEqual([["close", "4000 enough"]]);
    resolve();
    session.receive(close(4000));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["terminate", 4000, undefined, "Closed"]]);
  });

  test("that is pending when the connection is terminated from outside: reading goes on, for the peer's answer", async () => {
    const { promise, resolve } = deferred();
    const session = new Session({ message: () => promise });
    session.receive(text("a"), text("x".repeat(70_000)));
    await turns();
    expect(session.stream.isPaused()).toBe(true);
    session.connection.close(1001);
    session.receive(text("b"), close(1001));
    session.stream.arriveEnd();
    await turns();
    expect(session.connection.status).toBe("Closed");
    resolve();
    await turns();
    expect(session.calls).toEqual([OPEN, ["message", "a"], ["terminate", 1001, undefined, "Closed"]]);
  });
});

describe("a Blob", () => {
  test("is sent as binary, and later messages wait for it", async () => {
    const session = new Session();
    const { connection } = session;
    const blob = new SlowBlob("blob");
    connection.send(outgoing("before"));
    connection.send(outgoing(blob));
    connection.send(outgoing("follow"));
    connection.send(new SharedMessage(outgoing("shared")));
    connection.send(outgoing(new Blob(["second"])));
    connection.send(outgoing(Buffer.from("bytes")));
    await turns();
    expect(session.sent).toEqual([["text", "before"]]);
    expect(connection.bufferedAmount).toBe(5 * 2 + 27);
    blob.read();
    await expect.poll(() => session.sent.length).toBe(6);
    expect(session.sent).toEqual([
      ["text", "before"],
      ["binary", Buffer.from("blob").toString("hex")],
      ["text", "follow"],
      ["text", "shared"],
      ["binary", Buffer.from("second").toString("hex")],
      ["binary", Buffer.from("bytes").toString("hex")],
    ]);
    expect(connection.bufferedAmount).toBe(0);
    connection.send(outgoing("later"));
    await turns();
    expect(session.sent.at(-1)).toEqual(["text", "later"]);
  });

  test("is sent before the close frame of terminate", async () => {
    const session = new Session();
    const blob = new SlowBlob("blob");
    session.connection.send(outgoing(blob));
    session.connection.close(4000, "done");
    expect(session.connection.status).toBe("Closing");
    await turns();
    expect(session.sent).toEqual([]);
    blob.read();
    await turns();
    expect(session.sent.map(([kind]) => kind)).toEqual(["binary", "close"]);
    session.receive(close(4000));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls.at(-1)).toEqual(["terminate", 4000, undefined, "Closed"]);
  });

  test("is sent before our close frame also when the peer closes meanwhile", async () => {
    const session = new Session();
    const blob = new SlowBlob("blob");
    session.connection.send(outgoing(blob));
    session.connection.close(4000, "done");
    session.receive(close(1000, "me too"));
    session.stream.arriveEnd();
    await turns();
    expect(session.sent).toEqual([]);
    blob.read();
    await turns();
    expect(session.sent.map(([kind, payload]) => `${kind} ${payload}`)).toEqual(["binary 626c6f62", "close 4000 done"]);
    expect(session.stream.errored).toBeNull();
    expect(session.calls).toEqual([OPEN, ["terminate", 1000, "me too", "Closed"]]);
  });

  test("as an answer to a message is sent before the answer to the peer's close frame", async () => {
    const blob = new SlowBlob("blob");
    const session = new Session({ message: (ws) => ws.send(outgoing(blob)) });
    session.receive(text("a"), close(1000));
    await turns();
    expect(session.sent).toEqual([]);
    expect(session.connection.send(outgoing("too late"))).toBe(SendResult.dropped);
    blob.read();
    await turns();
    expect(session.sent.map(([kind]) => kind)).toEqual(["binary", "close"]);
    expect(session.stream.ended).toBe(true);
    expect(session.stream.errored).toBeNull();
  });

  test("that is being read when the peer disconnects is dropped: nothing is written after the end", async () => {
    const session = new Session();
    const blob = new SlowBlob("blob");
    session.connection.send(outgoing(blob));
    session.connection.send(outgoing("after"));
    session.stream.arriveEnd();
    await turns();
    blob.read();
    await turns();
    expect(session.stream.errored).toBeNull();
    expect(session.sent).toEqual([]);
    expect(session.calls.at(-1)).toEqual(["terminate", 1006, undefined, "Closed"]);
    expect(session.connection.bufferedAmount).toBe(0);
  });

  test("that is being read when the peer breaks the protocol is dropped for the close frame", async () => {
    const session = new Session();
    const blob = new SlowBlob("blob");
    session.connection.send(outgoing(blob));
    session.connection.close(4000);
    session.receive(broken);
    await turns();
    expect(session.sent).toEqual([["close", "1002 reserved opcode"]]);
    blob.read();
    await turns();
    expect(session.sent).toEqual([["close", "1002 reserved opcode"]]);
    expect(session.stream.errored).toBeNull();
    session.stream.arriveEnd();
    await turns();
    expect(session.calls).toEqual([OPEN, ["error", 102], ["terminate", 1006, undefined, "Closed"]]);
  });

  test.each([false, true])(
    "that cannot be read fails the connection with 1011 (terminated before: %s)",
    async (terminated) => {
      const session = new Session();
      const blob = new SlowBlob("blob");
      session.connection.send(outgoing("before"));
      session.connection.send(outgoing(blob));
      session.connection.send(outgoing("after"));
      if (terminated) session.connection.close(1000);
      blob.fail(new Error("EIO"));
      await turns();
      session.stream.arriveEnd();
      await turns();
      expect(session.sent).toEqual([
        ["text", "before"],
        ["close", "1011"],
      ]);
      expect(session.calls).toEqual([OPEN, ["error", 204], ["terminate", 1006, undefined, "Closed"]]);
    },
  );

  test("counts for the limits before it is read", () => {
    const session = new Session({}, { highWaterMark: 10, maxSendQueue: 1000 });
    expect(session.connection.send(outgoing(new Blob(["x".repeat(11)])))).toBe(SendResult.acceptedAndSlow);
    expect(session.connection.status).toBe("Connected");
    expect(session.connection.send(outgoing(new Blob(["x".repeat(1000)])))).toBe(SendResult.acceptedAndSlow);
    expect(session.connection.send(outgoing(new Blob(["one too many"])))).toBe(SendResult.dropped);
    expect(session.connection.status).toBe("Closing");
  });
});
