import { describe, expect, test, vi } from "vitest";
import type { CloseCause } from "../../src/connection/closing.ts";
import { Closing, closeBecause, closeBodyOf } from "../../src/connection/closing.ts";
import type { WSErrorEvent, WSTerminateEvent } from "../../src/connection/dispatch/events.ts";
import { HawserError } from "../../src/errors/errors.ts";
import { errorTable } from "../../src/errors/table.ts";
import { fill } from "../support/bytes.ts";
import { outgoing } from "../support/outgoing.ts";
import { Session, type SessionOptions, broken, close, deferred, text } from "../support/session.ts";
import { zeroCounters, connectionLimitNames } from "../../src/connection/counters/limit-counters.ts";
import { Wire, turns } from "../support/wire.ts";

/** The end of one session: the event, in short, and the frames that the peer got. */
type End = readonly [code: number, initiator: string, cause: string | undefined];

function inShort({ code, initiator, cause }: WSTerminateEvent): End {
  return [code, initiator, cause?.code];
}

/** A session whose events are kept. */
class Recorded extends Session {
  readonly ends: WSTerminateEvent[] = [];
  readonly errors: unknown[] = [];

  constructor(options: SessionOptions = {}, message?: () => unknown) {
    const ends: WSTerminateEvent[] = [];
    const errors: unknown[] = [];
    super(
      {
        ...(message === undefined ? {} : { message }),
        error: (_ws, event: WSErrorEvent) => void errors.push(event.errors[0].cause),
        terminate: (_ws, event) => void ends.push(event),
      },
      options,
    );
    this.ends = ends;
    this.errors = errors;
  }
}

/** Settings with a time limit of one tick. */
const LIFE = { tickMs: 1000, pingInterval: 10, pingTimeout: 10, idleTimeout: Infinity, maxLifetime: Infinity };

function passTicks(session: Session, ticks: number): void {
  for (let i = 0; i < ticks; i++) {
    session.currentTick++;
    session.connection.checkPeer();
  }
}

/** The peer answers a close frame and ends its side. */
function answer(session: Session, code = 1000): void {
  session.receive(close(code));
  session.stream.arriveEnd();
}

interface Case {
  readonly name: string;
  readonly options?: SessionOptions;
  readonly message?: () => unknown;
  readonly act: (session: Recorded) => unknown;
  readonly end: End;
}

const cases: readonly Case[] = [
  { name: "the peer closes", act: (session) => answer(session, 4000), end: [4000, "peer", undefined] },
  {
    name: "the peer closes, and its connection is reset after our answer",
    async act(session) {
      session.receive(close(1000));
      await turns();
      session.stream.reset();
    },
    end: [1000, "peer", undefined],
  },
  {
    name: "we close, and the peer answers",
    act(session) {
      session.connection.close(1000, "bye");
      answer(session);
    },
    end: [1000, "local", undefined],
  },
  {
    name: "we close, and the peer's own close frame was on its way",
    act(session) {
      session.connection.close(1000);
      answer(session, 4001);
    },
    end: [4001, "local", undefined],
  },
  { name: "it is destroyed", act: ({ connection }) => connection.cut(), end: [1006, "local", undefined] },
  {
    name: "it is destroyed while it closes",
    act({ connection }) {
      connection.close(1000);
      connection.cut();
    },
    end: [1006, "local", undefined],
  },
  {
    name: "the server destroys it",
    act: ({ connection }) => connection.destroy("HWS_SHUTDOWN"),
    end: [1006, "local", "HWS_SHUTDOWN"],
  },
  {
    name: "the peer ends the stream",
    act: ({ stream }) => stream.arriveEnd(),
    end: [1006, "network", "HWS_STREAM_ENDED"],
  },
  { name: "the stream closes", act: ({ stream }) => stream.destroy(), end: [1006, "network", "HWS_STREAM_ENDED"] },
  { name: "the stream fails", act: ({ stream }) => stream.reset(), end: [1006, "network", "HWS_STREAM_FAILED"] },
  {
    name: "we close, and the peer ends the stream without an answer",
    act({ connection, stream }) {
      connection.close(1000);
      stream.arriveEnd();
    },
    end: [1006, "local", "HWS_STREAM_ENDED"],
  },
  {
    name: "we close, and the stream fails",
    act({ connection, stream }) {
      connection.close(1000);
      stream.reset();
    },
    end: [1006, "local", "HWS_STREAM_FAILED"],
  },
  {
    name: "the peer breaks the protocol",
    act(session) {
      session.receive(broken);
      session.stream.arriveEnd();
    },
    end: [1006, "local", "HWS_RESERVED_OPCODE"],
  },
  {
    name: "the peer breaks the protocol instead of answering",
    act(session) {
      session.connection.close(1000);
      session.receive(broken);
      session.stream.arriveEnd();
    },
    end: [1006, "local", "HWS_RESERVED_OPCODE"],
  },
  {
    name: "a message is too big, and the stream fails then",
    options: { maxMessageSize: 3 },
    act(session) {
      session.receive(text("long"));
      session.stream.reset();
    },
    end: [1006, "local", "HWS_MESSAGE_TOO_BIG"],
  },
  {
    name: "a callback throws",
    message() {
      throw new RangeError("mine");
    },
    act(session) {
      session.receive(text("a"));
      session.receive(close(1011));
      session.stream.arriveEnd();
    },
    end: [1011, "local", "HWS_HANDLER_FAILED"],
  },
  {
    name: "a callback rejects",
    message: () => Promise.reject(new RangeError("mine")),
    async act(session) {
      session.receive(text("a"));
      await turns();
      answer(session, 1011);
    },
    end: [1011, "local", "HWS_HANDLER_FAILED"],
  },
  {
    name: "nothing is sent or received for idleTimeout",
    options: { keepalive: { ...LIFE, idleTimeout: 1 } },
    async act(session) {
      passTicks(session, 2);
      await turns();
      answer(session, 1001);
    },
    end: [1001, "local", "HWS_IDLE_TIMEOUT"],
  },
  {
    name: "it is open for maxLifetime, and the stream fails then",
    options: { keepalive: { ...LIFE, maxLifetime: 1 } },
    act(session) {
      passTicks(session, 2);
      session.stream.reset();
    },
    end: [1006, "local", "HWS_MAX_LIFETIME"],
  },
  {
    name: "the peer is silent",
    options: { keepalive: { ...LIFE, pingInterval: 1, pingTimeout: 1 } },
    act: (session) => passTicks(session, 5),
    end: [1006, "network", "HWS_PEER_SILENT"],
  },
  {
    name: "more waits for the peer than may",
    options: { maxSendQueue: 1000, stream: new Wire({ highWaterMark: 1 }) },
    async act(session) {
      session.stream.stick();
      for (let i = 0; i < 3; i++) session.connection.send(outgoing(fill(1, 20_000)));
      await turns();
      session.stream.flow();
      session.stream.arriveEnd();
    },
    end: [1006, "local", "HWS_SEND_QUEUE_FULL"],
  },
  {
    name: "the server shuts down",
    async act(session) {
      closeBecause(session.connection, "HWS_SHUTDOWN", { code: 1012, reason: "back soon" });
      await turns();
      answer(session, 1012);
    },
    end: [1012, "local", "HWS_SHUTDOWN"],
  },
];

describe("onTerminate is told who began and why", () => {
  test.each(cases)("when $name", async ({ options, message, act, end }) => {
    const session = new Recorded(options, message);
    await turns();
    await act(session);
    await turns();
    expect(session.ends.map(inShort)).toEqual([end]);
    const { cause } = session.ends[0]!;
    if (cause === undefined) return;
    expect(cause).toBeInstanceOf(HawserError);
    expect(cause.errCode).toBe(errorTable[cause.code].errCode);
  });

  test("with the same error that onError got", async () => {
    const session = new Recorded();
    session.receive(broken);
    session.stream.arriveEnd();
    await turns();
    expect(session.errors).toHaveLength(1);
    expect(session.ends[0]!.cause).toBe(session.errors[0]);
  });

  test("with what a callback threw as the cause of the cause", async () => {
    const mine = new RangeError("mine");
    const session = new Recorded({}, () => {
      throw mine;
    });
    session.receive(text("a"));
    answer(session);
    await turns();
    expect(session.errors).toEqual([mine]);
    expect(session.ends[0]!.cause).toMatchObject({ code: "HWS_HANDLER_FAILED", cause: mine });
  });

  test("also when the handler was busy at the end: its failure then is no cause", async () => {
    const { promise, reject } = deferred();
    const session = new Recorded({}, () => promise);
    session.receive(text("a"));
    // The handler is called, and waits.
    await turns();
    session.connection.close(4000);
    answer(session, 4000);
    await turns();
    reject(new Error("too late"));
    await turns();
    expect(session.ends.map(inShort)).toEqual([[4000, "local", undefined]]);
  });
});

describe("an orderly close by the peer is not broken by maxLifetime", () => {
  const keepalive = { ...LIFE, maxLifetime: 1 };

  test("while a callback is busy with the messages before it", async () => {
    const { promise, resolve } = deferred();
    const session = new Recorded({ keepalive }, () => promise);
    for (const frame of [text("a"), text("b"), close(4000)]) session.receive(frame);
    await turns();
    passTicks(session, 9);
    resolve();
    await turns();
    session.stream.arriveEnd();
    await turns();
    expect(session.calls.filter(([what]) => what === "message")).toHaveLength(2);
    expect(session.ends.map(inShort)).toEqual([[4000, "peer", undefined]]);
  });

  test("while more messages came before it than are delivered in a turn", async () => {
    const session = new Recorded({ keepalive }, () => undefined);
    await turns();
    session.receive(Buffer.concat([...Array.from({ length: 1000 }, () => text("a")), close(4000)]));
    passTicks(session, 9);
    await turns(20);
    session.stream.arriveEnd();
    await turns();
    expect(session.calls.filter(([what]) => what === "message")).toHaveLength(1000);
    expect(session.ends.map(inShort)).toEqual([[4000, "peer", undefined]]);
  });
});

describe("a close timeout", () => {
  /** A session that closes and whose time is over. `act`: what the peer does before. */
  async function late(act: (session: Recorded) => void, options: SessionOptions = {}): Promise<Recorded> {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    try {
      const session = new Recorded({
        closeTimeout: 100,
        limitCounters: zeroCounters(connectionLimitNames),
        ...options,
      });
      await turns();
      act(session);
      await turns();
      for (let i = 0; i < 3; i++) {
        vi.advanceTimersByTime(100);
        await turns();
      }
      expect(session.settings.limitCounters.closeTimeout).toBe(1);
      expect(vi.getTimerCount()).toBe(0);
      return session;
    } finally {
      vi.useRealTimers();
    }
  }

  test("is the cause when the peer has not answered", async () => {
    const session = await late(({ connection }) => connection.close(1000));
    expect(session.ends.map(inShort)).toEqual([[1006, "local", "HWS_CLOSE_TIMEOUT"]]);
  });

  test("is no cause when the peer has answered, and has only not ended its side", async () => {
    const session = await late((one) => one.receive(close(4000)));
    expect(session.ends.map(inShort)).toEqual([[4000, "peer", undefined]]);
  });

  test("is the cause when data was cut, which counts as dropped: also a message that was partly taken", async () => {
    const session = await late(
      (one) => {
        one.stream.stick();
        one.connection.send(outgoing(fill(1, 50_000)));
        one.connection.send(outgoing("waits"));
        one.receive(close(1000));
      },
      { stream: new Wire({ highWaterMark: 1 }) },
    );
    expect(session.ends.map(inShort)).toEqual([[1000, "peer", "HWS_CLOSE_TIMEOUT"]]);
    expect(session.connection.counters).toEqual({ accepted: 2, written: 0, dropped: 2, pending: 0 });
  });

  test("is not the cause when there was one before", async () => {
    const session = await late((one) => one.receive(broken));
    expect(session.ends.map(inShort)).toEqual([[1006, "local", "HWS_RESERVED_OPCODE"]]);
  });
});

describe("a peer that reads slowly while its connection closes", () => {
  const MESSAGES = 30;

  /** Sends all messages, one of which fills the stream, and closes. */
  function sendAndClose(): Recorded {
    const stream = new Wire({ highWaterMark: 1 });
    const limitCounters = zeroCounters(connectionLimitNames);
    const session = new Recorded({ closeTimeout: 100, stream, limitCounters });
    stream.stick();
    for (let i = 0; i < MESSAGES; i++) session.connection.send(outgoing(fill(i, 20_000)));
    session.connection.close(1000, "bye");
    return session;
  }

  test("gets everything, although it takes eight times closeTimeout", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const session = sendAndClose();
    for (let ms = 0; !session.sent.some(([kind]) => kind === "close") && ms < 1000; ms += 25) {
      vi.advanceTimersByTime(25);
      await turns();
      session.stream.takeOne();
    }
    expect(session.stream.destroyed).toBe(false);
    answer(session);
    await turns();
    vi.useRealTimers();
    expect(session.ends.map(inShort)).toEqual([[1000, "local", undefined]]);
    expect(session.connection.counters).toEqual({ accepted: MESSAGES, written: MESSAGES, dropped: 0, pending: 0 });
    expect(session.settings.limitCounters.closeTimeout).toBe(0);
    expect(session.sent).toHaveLength(MESSAGES + 1);
  });

  test("is cut after closeTimeout when it reads no more", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const session = sendAndClose();
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(25);
      await turns();
      session.stream.takeOne();
    }
    const { written } = session.connection.counters;
    // What it took before may be in flight: 200,000 bytes.
    for (let ms = 0; ms < 170; ms += 10) {
      vi.advanceTimersByTime(10);
      await turns();
    }
    vi.useRealTimers();
    expect(session.ends.map(inShort)).toEqual([[1006, "local", "HWS_CLOSE_TIMEOUT"]]);
    // The last message that was written waits in the stream.
    expect(session.connection.counters).toEqual({
      accepted: MESSAGES,
      written: written - 1,
      dropped: MESSAGES - written + 1,
      pending: 0,
    });
    expect(session.settings.limitCounters.closeTimeout).toBe(1);
  });
});

describe("a peer for which too much waits", () => {
  test("is cut after closeTimeout, however much it may have to read: it gets less time than one that was not given up", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const stream = new Wire({ highWaterMark: 1 });
    const session = new Recorded({ closeTimeout: 100, stream, maxSendQueue: 1_000_000, sendQueuePolicy: "terminate" });
    // The system takes eight megabytes, and then no more.
    for (let i = 0; i < 8; i++) session.connection.send(outgoing(fill(i, 1_000_000)));
    await turns();
    stream.stick();
    for (let i = 0; i < 4; i++) session.connection.send(outgoing(fill(i, 1_000_000)));
    await turns();
    expect(session.connection.status).toBe("Closing");
    for (let ms = 0; ms < 120; ms += 10) {
      vi.advanceTimersByTime(10);
      await turns();
    }
    vi.useRealTimers();
    expect(session.ends.map(inShort)).toEqual([[1006, "local", "HWS_SEND_QUEUE_FULL"]]);
  });
});

describe("Closing", () => {
  const sender = {
    size: 0,
    buffer: { writer: { isFull: false, bytesWritten: 0, takenBytes: 0, destroy: () => undefined } },
  };
  const liveness = { writtenAtLastReceived: 0 };
  const settings = { closeTimeout: 1000, limitCounters: { closeTimeout: 0 } };

  test("makes an error of a code only for the event, and without a stack: a flood of lost connections must not cost", () => {
    const closing = new Closing("network", sender, settings, liveness);
    closing.noteCause("HWS_STREAM_ENDED");
    const { cause } = closing.onStreamClose(false);
    expect(cause?.code).toBe("HWS_STREAM_ENDED");
    expect(cause?.stack).not.toContain("\n    at ");
  });

  test.each<[CloseCause | undefined, string | undefined]>([
    [undefined, "HWS_CLOSE_TIMEOUT"],
    ["destroyed", undefined],
    ["HWS_SHUTDOWN", "HWS_SHUTDOWN"],
  ])("keeps the first cause: %s", (first, expected) => {
    const closing = new Closing("local", sender, settings, liveness);
    closing.noteCause(first);
    closing.noteLoss("HWS_CLOSE_TIMEOUT");
    expect(closing.onStreamClose(false).cause?.code).toBe(expected);
  });
});

test("the close frame of an error has the code and the reason of its row", () => {
  expect(closeBodyOf("HWS_MESSAGE_TOO_BIG").toString()).toBe(`${String.fromCharCode(3)}\ufffdmessage too big`);
  expect([...closeBodyOf("HWS_INTERNAL")]).toEqual([1011 >> 8, 1011 & 0xff]);
});
