import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { hex } from "../../support/bytes.ts";
import { asClient, encode } from "../../support/frames.ts";
import { Session, broken, close } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

/** The first frame of a binary message, and the last one. */
const first = asClient(hex("02 01 61"));
const last = asClient(hex("80 01 63"));

/** A destination whose writes do not settle, and what became of it. */
interface Stuck {
  readonly stream: Writable | WritableStream;
  /** What it was stopped with. */
  readonly stops: unknown[];
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

function stuckWeb(abort: () => unknown = () => undefined): Stuck {
  const stops: unknown[] = [];
  const stream = new WritableStream({
    write: (_chunk, { signal }) => {
      signal.addEventListener("abort", () => stops.push(signal.reason));
      return never();
    },
    abort: async () => {
      await abort();
    },
  });
  return { stream, stops };
}

function stuckNode(destroy: (error: Error | null, done: (error: Error | null) => void) => void = passOn): Stuck {
  const stops: unknown[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write: () => undefined,
    destroy: (error, done) => {
      stops.push(error);
      destroy(error, done);
    },
  });
  return { stream, stops };
}

function passOn(error: Error | null, done: (error: Error | null) => void): void {
  done(error);
}

/** One whose `destroy` itself throws, of a class of the application. */
function throwing(): Stuck {
  const stops: unknown[] = [];
  const stream = new Writable({ highWaterMark: 1, write: () => undefined });
  stream.destroy = (error) => {
    stops.push(error);
    throw new Error("destroy has thrown");
  };
  return { stream, stops };
}

const destinations: [string, () => Stuck][] = [
  ["a WritableStream whose write never settles", stuckWeb],
  ["a WritableStream whose abort never settles", () => stuckWeb(never)],
  ["a WritableStream whose abort rejects", () => stuckWeb(() => Promise.reject(new Error("abort has rejected")))],
  ["a Writable whose write never calls back", stuckNode],
  ["a Writable whose destroy never calls back: it never emits close", () => stuckNode(() => undefined)],
  [
    "a Writable whose _destroy throws",
    () =>
      stuckNode(() => {
        throw new Error("_destroy has thrown");
      }),
  ],
  ["a Writable whose destroy throws", throwing],
];

describe.each(destinations)("%s", (_what, make) => {
  test.each<[string, (session: Session) => void]>([
    ["a reset", (session) => session.stream.reset()],
    ["the end of the stream", (session) => session.stream.arriveEnd()],
    ["the peer's close frame", (session) => session.receive(close(1000))],
    ["a broken frame", (session) => session.receive(broken)],
    ["close()", (session) => session.connection.close(1000)],
    ["cut()", (session) => session.connection.cut()],
    ["destroy()", (session) => session.connection.destroy()],
  ])("is stopped at once, and the handler's work ends, after %s", async (_end, end) => {
    const { stream, stops } = make();
    const session = new Session({ start: () => stream });
    session.receive(first);
    await turns(8);
    end(session);
    await turns(8);
    expect(stops).toMatchObject([{ code: "HWS_MESSAGE_CUT" }]);
    session.stream.reset();
    await turns(8);
    expect(session.calls.at(-1)?.[0]).toBe("terminate");
    expect(session.told.filter((told) => typeof told === "string")).toEqual(["left", "finished"]);
    expect(session.calls.map(([, code]) => code)).not.toContain(301);
  });

  test("is stopped at once if it is returned after the connection was lost", async () => {
    const { stream, stops } = make();
    const session = new Session({ start: () => turns(4).then(() => stream) });
    session.receive(first);
    session.stream.reset();
    await turns(16);
    // Nothing was written to it: the controller of a WritableStream has no signal that somebody listens to.
    if (stream instanceof Writable) expect(stops).toMatchObject([{ code: "HWS_MESSAGE_CUT" }]);
    else await expect(stream.getWriter().closed).rejects.toMatchObject({ code: "HWS_MESSAGE_CUT" });
    expect(session.told).toContain("finished");
  });

  test("is stopped if the message is larger than maxStreamSize", async () => {
    const { stream, stops } = make();
    const session = new Session({ start: () => stream }, { maxStreamSize: 1 });
    session.receive(first);
    await turns(8);
    session.receive(last);
    await turns(8);
    expect(stops).toMatchObject([{ code: "HWS_MESSAGE_CUT", cause: { code: "HWS_STREAM_TOO_BIG" } }]);
    expect(session.calls.map(([name]) => name)).toEqual(["open", "start", "error"]);
  });
});

test.each([
  ["abort rejects", () => stuckWebIdle(() => Promise.reject(new Error("it is still there"))), "it is still there"],
  ["destroy throws", throwing, "destroy has thrown"],
])("if its %s, the owner is told", async (_what, make, message) => {
  const { stream } = make();
  const session = new Session({ start: () => stream });
  session.receive(first);
  await turns(8);
  session.stream.reset();
  await turns(8);
  expect(session.reported).toMatchObject([{ message }]);
});

/** It takes what is written: then its `abort` is called at once. */
function stuckWebIdle(abort: () => Promise<void>): Stuck {
  return { stream: new WritableStream({ abort }), stops: [] };
}

test("an abort that rejects with its own reason has not failed", async () => {
  const stream = new WritableStream({ abort: (reason) => Promise.reject(reason as Error) });
  const session = new Session({ start: () => stream });
  session.receive(first);
  await turns(8);
  session.stream.reset();
  await turns(8);
  expect([session.reported, session.calls.at(-1)?.[0]]).toEqual([[], "terminate"]);
});

test("a compressed message that is invalid stops a destination that waits for it", async () => {
  const stops: unknown[] = [];
  const stream = new Writable({
    write: (_chunk, _encoding, done) => done(),
    destroy: (error, done) => {
      stops.push(error);
      done(error);
    },
  });
  const deflate = {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
  };
  const session = new Session({ start: () => stream }, { deflate });
  session.receive(asClient(encode({ opcode: 0x42, payload: Uint8Array.of(7, 7) })));
  await expect.poll(() => stops).toMatchObject([{ code: "HWS_INVALID_COMPRESSION" }]);
});

test.each<[string, () => WritableStream | Writable]>([
  [
    "a WritableStream",
    () => {
      const stream = new WritableStream();
      stream.getWriter();
      return stream;
    },
  ],
  ["a Writable", () => new Writable({ write: () => undefined })],
])("%s of a handler that uses the stream or the destination itself has failed", async (_what, make) => {
  const stream = make();
  const session = new Session({
    start: (_ws, event) => {
      if (stream instanceof Writable) event.stream.getReader();
      return stream;
    },
  });
  session.receive(first);
  await turns(8);
  expect(session.frames).toEqual([[8, true, "\u0003\ufffd"]]);
  // A destination that nobody else uses is freed.
  if (stream instanceof Writable) expect(stream.destroyed).toBe(true);
});

test("a stuck destination of a message that has come wholly goes on: it is delivered, as any message", async () => {
  const writes: (() => void)[] = [];
  const stream = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void writes.push(done) });
  const session = new Session({ start: () => stream });
  session.receive(first, last);
  await turns(8);
  session.stream.reset();
  await turns(8);
  expect([stream.destroyed, session.told]).toEqual([false, ["left"]]);
  for (let i = 0; i < 4; i++) {
    writes.shift()?.();
    await turns(8);
  }
  expect([stream.writableFinished, session.told]).toEqual([true, ["left", "finished"]]);
});
