import { beforeEach, describe, expect, test, vi } from "vitest";
import type { WSTerminateEvent } from "../../src/connection/dispatch/events.ts";
import { outgoing } from "../support/outgoing.ts";
import { Session, broken, close, text } from "../support/session.ts";
import { connectionSettings } from "../support/settings.ts";
import { Wire, turns } from "../support/wire.ts";

/** Milliseconds that a connection has to close. */
const CLOSE_TIMEOUT = 5000;
/** Milliseconds that a destroyed stream has to say that it is closed. */
const CLOSE_WAIT = 1000;

/** Replaces methods of one stream. */
function wire(methods: object = {}, options: ConstructorParameters<typeof Wire>[0] = {}): Wire {
  return Object.assign(new Wire(options), methods);
}

function nothing(): void {
  // A callback that this stream never calls.
}

/** Streams that leave out events or calls. Each makes a new one. */
const streams: readonly (readonly [what: string, make: () => Wire])[] = [
  ["has emitClose: false", () => wire({}, { emitClose: false })],
  ["has autoDestroy: false", () => wire({}, { autoDestroy: false })],
  ["has neither", () => wire({}, { emitClose: false, autoDestroy: false })],
  ["ends with its peer, and has emitClose: false", () => wire({}, { emitClose: false, allowHalfOpen: false })],
  [
    "closes later, and has emitClose: false",
    () => wire({ _destroy: (_error: unknown, done: () => void) => setTimeout(done, 10) }, { emitClose: false }),
  ],
  ["never calls back from _destroy", () => wire({ _destroy: nothing })],
  ["has a destroy that does nothing", () => wire({ destroy: nothing })],
  [
    "has a destroy that throws",
    () =>
      // With autoDestroy Node itself calls it.
      wire(
        {
          destroy: () => {
            throw new Error("no destroy");
          },
        },
        { autoDestroy: false },
      ),
  ],
  ["never calls back from a write", () => wire({ _write: nothing, _writev: nothing })],
  [
    "never calls back from a write, and has emitClose: false",
    () => wire({ _write: nothing, _writev: nothing }, { emitClose: false }),
  ],
  ["never calls back from _final", () => wire({ _final: nothing })],
  [
    "never calls back from anything",
    () => wire({ _write: nothing, _writev: nothing, _final: nothing, _destroy: nothing }),
  ],
  ["emits no event but data", () => withEvents("data")],
  ["emits no end", () => withEvents("data", "finish", "close", "error")],
  ["emits no finish", () => withEvents("data", "end", "close", "error")],
  ["emits no close and no error", () => withEvents("data", "end", "finish")],
];

/** A stream that emits only these events. */
function withEvents(...names: readonly string[]): Wire {
  const stream = new Wire();
  const emit = stream.emit.bind(stream) as (name: string | symbol, ...rest: unknown[]) => boolean;
  return Object.assign(stream, {
    emit: (name: string | symbol, ...rest: unknown[]) => names.includes(String(name)) && emit(name, ...rest),
  });
}

/** What ends a connection. */
const ends: readonly (readonly [what: string, act: (session: Session) => void])[] = [
  ["we close it, and the peer does not answer", ({ connection }) => connection.close(1000)],
  [
    "we close it, and the peer answers",
    (session) => {
      session.connection.close(1000);
      session.receive(close(1000));
      session.stream.arriveEnd();
    },
  ],
  ["it is destroyed", ({ connection }) => connection.destroy()],
  [
    "the peer closes it",
    (session) => {
      session.receive(close(1000));
      session.stream.arriveEnd();
    },
  ],
  [
    "the peer ends it, and we close it",
    ({ connection, stream }) => {
      stream.arriveEnd();
      connection.close(1000);
    },
  ],
  ["the peer breaks the protocol", (session) => session.receive(broken)],
];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  return () => vi.useRealTimers();
});

describe.each(streams)("a stream that %s", (_what, make) => {
  test.each(ends)("reaches Closed in time when %s, and onTerminate is called once", async (_end, act) => {
    const session = new Session({}, { stream: make(), closeTimeout: CLOSE_TIMEOUT });
    act(session);
    await turns();
    vi.advanceTimersByTime(CLOSE_TIMEOUT);
    await turns();
    vi.advanceTimersByTime(CLOSE_WAIT);
    await turns();
    expect(session.connection.status).toBe("Closed");
    expect(session.calls.filter(([callback]) => callback === "terminate")).toHaveLength(1);
    expect(session.calls.at(-1)?.[0]).toBe("terminate");
    expect(session.told.filter((told) => typeof told === "string")).toEqual(["left", "finished"]);
    // What the stream still reports is too late.
    session.stream.emit("close");
    session.stream.emit("error", new Error("late"));
    expect(session.told.at(-1)).toBe("finished");
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe.each([
  ["emitClose: false", { emitClose: false }],
  ["autoDestroy: false", { autoDestroy: false }],
  ["neither", { emitClose: false, autoDestroy: false }],
])("a stream with %s", (_what, options) => {
  test.each([
    ["it is destroyed", (session: Session) => session.connection.destroy()],
    [
      "both sides have closed",
      (session: Session) => {
        session.receive(close(1000));
        session.stream.arriveEnd();
      },
    ],
    ["it fails", (session: Session) => session.stream.destroy(new Error("lost"))],
  ])("is Closed without waiting for a timer when %s", async (_end, act) => {
    const session = new Session({}, { stream: new Wire(options), closeTimeout: CLOSE_TIMEOUT });
    const before = session.settings.limitCounters.closeTimeout;
    act(session);
    await turns();
    expect([session.connection.status, session.told.at(-1), vi.getTimerCount()]).toEqual(["Closed", "finished", 0]);
    expect(session.settings.limitCounters.closeTimeout).toBe(before);
  });
});

test("a stream that is destroyed without a word is noticed when it does not answer a ping", async () => {
  const session = new Session(
    {},
    {
      stream: new Wire({ emitClose: false }),
      keepalive: { ...connectionSettings().keepalive, pingInterval: 1, pingTimeout: 1 },
    },
  );
  session.stream.destroy();
  for (let i = 0; i < 10 && session.connection.status !== "Closed"; i++) {
    session.currentTick += 10;
    session.connection.checkPeer();
    await turns();
  }
  expect(session.connection.status).toBe("Closed");
});

describe("a stream of the application", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const unreadable = Object.defineProperty(new Error("x"), "message", {
    get: () => {
      throw new Error("unreadable");
    },
  });

  test.each<[what: string, happens: (stream: Wire) => void]>([
    ["emits an error that is undefined", (stream) => stream.emit("error", undefined)],
    ["emits an error that is a string", (stream) => stream.emit("error", "lost")],
    ["emits an error that is an object", (stream) => stream.emit("error", { code: 5 })],
    ["emits an error that cannot be asked what it is", (stream) => stream.emit("error", revoked.proxy)],
    ["emits an error that has no readable message", (stream) => stream.emit("error", unreadable)],
    ["is destroyed with a string", (stream) => stream.destroy("lost" as unknown as Error)],
    ["delivers a string", (stream) => stream.emit("data", "text")],
    ["delivers an object", (stream) => stream.emit("data", { length: 3 })],
    ["delivers undefined", (stream) => stream.emit("data", undefined)],
    ["delivers a Proxy of bytes", (stream) => stream.emit("data", new Proxy(Buffer.from("x"), {}))],
    ["delivers words of 16 bits", (stream) => stream.emit("data", new Uint16Array(2))],
    ["has an encoding", (stream) => void stream.setEncoding("latin1").push(Buffer.from("x"))],
    [
      "delivers bytes that cannot be copied",
      (stream) => {
        const bytes = new Uint8Array(2);
        Object.defineProperty(bytes, "length", {
          get: () => {
            throw new Error("unreadable");
          },
        });
        stream.emit("data", bytes);
      },
    ],
  ])("that %s ends its own connection, with onError", async (_what, happens) => {
    const session = new Session({}, { stream: new Wire() });
    happens(session.stream);
    await turns();
    await turns();
    expect(session.calls.map(([name, detail]) => (name === "error" ? [name, detail] : [name]))).toEqual([
      ["open"],
      ["error", 203],
      ["terminate"],
    ]);
    expect(session.connection.status).toBe("Closed");
  });

  test.each(["a string", "an object"])(
    "of objects that delivers %s, among bytes, delivers nothing after it",
    async (what) => {
      const objects = new Wire();
      Object.assign((objects as unknown as { _readableState: object })._readableState, { objectMode: true });
      const session = new Session({}, { stream: objects });
      for (const chunk of [text("a"), what === "a string" ? "x" : {}, text("b")]) objects.push(chunk);
      await turns();
      await turns();
      expect(session.calls.map(([name]) => name)).toEqual(["open", "message", "error", "terminate"]);
    },
  );

  /** A stream that is full after each byte, and whose peer answers the close frame while it is written. */
  function answering(callsBack: (done: () => void) => void, methods: object = {}): Wire {
    const write = function (this: Wire, chunk: Uint8Array, _encoding: string, done: () => void): void {
      if (!chunk.includes(0x88)) return done();
      this.arrive(close(1000));
      callsBack(done);
    };
    return wire({ _write: write, _writev: null, ...methods }, { highWaterMark: 1 });
  }

  test.each<[what: string, stream: () => Wire, written: number]>([
    ["takes all", () => answering((done) => setImmediate(done)), 1],
    ["takes all, and never finishes", () => answering((done) => done(), { _final: nothing }), 1],
    ["never tells that it has taken anything", () => answering(nothing), 0],
  ])(
    "that %s, and is ended while it is written to, has written as many messages as it has taken",
    async (_what, make, written) => {
      const ends: WSTerminateEvent[] = [];
      const session = new Session({ terminate: (_ws, event) => void ends.push(event) }, { stream: make() });
      await turns();
      session.connection.send(outgoing("hello"));
      session.connection.close(1000);
      await turns();
      await turns();
      session.stream.destroy();
      await turns();
      expect(session.connection.counters).toEqual({ accepted: 1, written, dropped: 1 - written, pending: 0 });
      // The peer's close frame is no proof that it has read what was lost.
      expect(ends.map(({ code, cause }) => [code, cause?.code])).toEqual([
        [1000, written === 1 ? undefined : "HWS_STREAM_ENDED"],
      ]);
    },
  );

  test("that is full when it is ended, and never finishes, has written what it has taken", async () => {
    const stream = wire({ _final: nothing }, { highWaterMark: 1 });
    const session = new Session({}, { stream });
    await turns();
    stream.stick();
    session.connection.send(outgoing("hello"));
    session.connection.close(1000);
    await turns();
    session.receive(close(1000));
    await turns();
    stream.flow();
    await turns();
    stream.destroy();
    await turns();
    expect(session.connection.counters).toEqual({ accepted: 1, written: 1, dropped: 0, pending: 0 });
  });

  test("that closes after the timer of its close is reported once", async () => {
    let closes: () => void = nothing;
    const stream = wire({ _destroy: (_error: unknown, done: () => void) => void (closes = done) });
    const session = new Session({}, { stream });
    session.connection.destroy();
    vi.advanceTimersByTime(CLOSE_WAIT);
    await turns();
    const reported = [...session.told];
    closes();
    stream.emit("error", new Error("late"));
    stream.destroy();
    session.connection.destroy();
    await turns();
    expect(session.told).toEqual(reported);
    expect(session.calls.filter(([callback]) => callback === "terminate")).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("a stream that is read in the middle of a callback, and paused for it, is read on after the callback", async () => {
  const stream = new Wire();
  const frame = text("x".repeat(200_000));
  const session = new Session({ open: () => stream.emit("data", frame.subarray(0, 150_000)) }, { stream });
  await turns();
  expect(stream.isPaused()).toBe(false);
  stream.arrive(frame.subarray(150_000), text("after"));
  await turns();
  expect(session.calls.map(([name, data]) => [name, String(data).length])).toEqual([
    ["open", 9],
    ["message", 200_000],
    ["message", 5],
  ]);
});
