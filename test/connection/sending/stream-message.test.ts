import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Connection } from "../../../src/connection/connection.ts";
import { sendMessage } from "../../../src/connection/send-message.ts";
import { FRAGMENT_SIZE } from "../../../src/connection/sending/fragment.ts";
import type { SendOptions } from "../../../src/connection/sending/message-options.ts";
import { HawserError } from "../../../src/errors/errors.ts";
import { fill } from "../../support/bytes.ts";
import { LateBlob } from "../../support/late-blob.ts";
import { outgoing } from "../../support/outgoing.ts";
import { Session, broken, close, ping } from "../../support/session.ts";
import { Wire, turns } from "../../support/wire.ts";

/** A source whose chunks the test gives one by one. */
class Source {
  #controller: ReadableStreamDefaultController<unknown> | undefined;
  /** Why it was cancelled. */
  cancelled: unknown;
  readonly stream = new ReadableStream<unknown>({
    start: (controller) => void (this.#controller = controller),
    cancel: (reason: unknown) => void (this.cancelled = reason),
  });

  async give(...chunks: unknown[]): Promise<void> {
    for (const chunk of chunks) this.#controller?.enqueue(chunk);
    await turns();
  }

  async end(): Promise<void> {
    this.#controller?.close();
    await turns();
  }

  async fail(error: Error): Promise<void> {
    this.#controller?.error(error);
    await turns();
  }
}

function send(session: Session, message: unknown, options?: SendOptions): boolean {
  return sendMessage(session.connection, message, options);
}

describe("a message from a stream", () => {
  test("is sent as it comes, in fragments: only the first says what it is (RFC 6455 5.4)", async () => {
    const session = new Session();
    const source = new Source();
    expect(send(session, source.stream)).toBe(true);
    await source.give("one");
    expect(session.connection.counters).toEqual({ accepted: 1, written: 0, dropped: 0, pending: 1 });
    await source.give("two", "three");
    await source.end();
    expect(session.frames).toEqual([
      [1, false, "one"],
      [0, false, "twothree"],
      [0, true, ""],
    ]);
    expect(session.connection.counters).toEqual({ accepted: 1, written: 1, dropped: 0, pending: 0 });
  });

  test("is one frame if all of it comes in one turn, and may be empty", async () => {
    const session = new Session();
    send(session, Readable.from([fill(0x61, 3), fill(0x62, 2)]));
    send(session, new Blob([]).stream());
    send(session, { [Symbol.asyncIterator]: () => Readable.from(["x"])[Symbol.asyncIterator]() });
    await turns(20);
    expect(session.frames).toEqual([
      [2, true, "aaabb"],
      [2, true, ""],
      [1, true, "x"],
    ]);
  });

  // shows 6455-5.4-3, 6455-5.4-4
  test("has control frames between its fragments, and other messages after it, in their order", async () => {
    const session = new Session();
    const [first, second] = [new Source(), new Source()];
    send(session, first.stream);
    send(session, "after");
    send(session, second.stream);
    send(session, { json: 1 });
    await first.give("a");
    session.receive(ping("p"));
    await second.give("c");
    await first.give("b");
    await first.end();
    await second.end();
    expect(session.frames).toEqual([
      [1, false, "a"],
      [10, true, "p"],
      [0, false, "b"],
      [0, true, ""],
      [1, true, "after"],
      [1, false, "c"],
      [0, true, ""],
      [1, true, '{"json":1}'],
    ]);
  });

  test("cuts a large chunk, and asks for no more while the peer does not read", async () => {
    const stream = new Wire({ highWaterMark: 1024 });
    const session = new Session({}, { stream });
    await turns();
    stream.stick();
    let asked = 0;
    const chunks = new ReadableStream(
      { pull: (controller) => controller.enqueue(fill(++asked, 3 * FRAGMENT_SIZE)) },
      { highWaterMark: 0 },
    );
    send(session, chunks);
    await turns(20);
    expect(asked).toBe(1);
    expect(session.connection.bufferedAmount).toBeLessThan(2 * FRAGMENT_SIZE);
    stream.takeOne();
    await turns(20);
    expect(asked).toBe(1);
    for (let i = 0; i < 12; i++) {
      stream.takeOne();
      await turns(10);
    }
    expect(asked).toBeGreaterThan(1);
    expect(session.connection.bufferedAmount).toBeLessThan(2 * FRAGMENT_SIZE);
  });

  test("counts as waiting until it is complete, and idleTimeout does not end it while it comes", async () => {
    const session = new Session(
      {},
      {
        keepalive: { tickMs: 1, pingInterval: Infinity, pingTimeout: Infinity, idleTimeout: 5, maxLifetime: Infinity },
      },
    );
    const source = new Source();
    send(session, source.stream);
    expect(session.connection.bufferedAmount).toBeGreaterThan(0);
    for (session.currentTick = 1; session.currentTick < 20; session.currentTick++) {
      await source.give("x");
      session.connection.checkPeer();
    }
    expect(session.connection.status).toBe("Connected");
    session.currentTick += 10;
    session.connection.checkPeer();
    await turns();
    expect(session.connection.status).toBe("Closing");
  });

  test("leaves other connections their turn, however many chunks the source gives at once", async () => {
    const session = new Session();
    let chunks = 0;
    let turn = 0;
    send(
      session,
      (async function* () {
        for (; turn < 3; chunks++) yield chunks % 2 === 0 ? "" : "x";
      })(),
    );
    setImmediate(() => turn++);
    for (; turn < 3; turn++) await turns(1);
    await turns();
    expect(chunks).toBeLessThan(1024 * 20);
  });

  test("waits for the messages that wait for a slow peer", async () => {
    const stream = new Wire({ highWaterMark: 1 });
    const session = new Session({}, { stream, sendQueuePolicy: "drop-oldest", maxSendQueue: 10, highWaterMark: 5 });
    await turns();
    stream.stick();
    for (const text of ["one", "two", "three"]) session.connection.send(outgoing(text));
    send(session, Readable.from(["stream"]));
    await turns(20);
    stream.flow();
    await turns(20);
    const texts = session.frames.map(([, , text]) => text);
    expect(texts.slice(-2)).toEqual(["three", "stream"]);
    const { accepted, written, dropped, pending } = session.connection.counters;
    expect([accepted, pending]).toEqual([written + dropped, 0]);
  });
});

describe("the end of a message from a stream", () => {
  test("an error of the source ends the connection with 1011, and is the cause", async () => {
    const causes: unknown[] = [];
    const session = new Session({
      error: (_ws, event) => void causes.push(...event.errors.map(({ message }) => message)),
    });
    const source = new Source();
    send(session, source.stream);
    send(session, "after");
    await source.give("begun");
    await source.fail(new Error("disk gone"));
    expect(session.frames).toEqual([
      [1, false, "begun"],
      [8, true, "\u0003\ufffd"],
    ]);
    expect(causes[1]).toBe("disk gone");
    expect(session.connection.counters).toEqual({ accepted: 2, written: 0, dropped: 2, pending: 0 });
  });

  test.each([
    ["an object", [{ a: 1 }]],
    ["bytes after a text", ["a", fill(1, 1)]],
  ])("so does %s in it, and the source is freed", async (_what, chunks) => {
    const session = new Session();
    const source = new Source();
    send(session, source.stream);
    await source.give(...chunks);
    expect(session.frames.at(-1)?.[0]).toBe(8);
    expect(source.cancelled).toBeInstanceOf(Error);
  });

  test.each([undefined, null, "text", 1])("so does a next() that gives %o, not an endless message", async (result) => {
    const session = new Session();
    send(session, { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(result) }) });
    await turns(20);
    expect(session.frames).toEqual([[8, true, "\u0003\ufffd"]]);
    expect(session.calls.at(-1)?.[0]).toBe("error");
  });

  test("close() waits for it", async () => {
    const session = new Session();
    const source = new Source();
    send(session, source.stream);
    await source.give("a");
    session.connection.close(1000);
    await source.give("b");
    expect(session.frames.map(([opcode]) => opcode)).toEqual([1, 0]);
    await source.end();
    expect(session.frames.map(([opcode]) => opcode)).toEqual([1, 0, 0, 8]);
    expect(source.cancelled).toBe(undefined);
  });

  test.each<[string, (connection: Connection, session: Session) => void]>([
    ["destroy()", (connection) => connection.cut()],
    ["a reset", (_connection, session) => session.stream.reset()],
    ["the end of the stream", (_connection, session) => session.stream.arriveEnd()],
    ["an error of the peer", (_connection, session) => session.receive(broken)],
    ["the peer's close frame", (_connection, session) => session.receive(close(1000))],
  ])("%s cuts it, and frees its source and those that wait", async (_what, end) => {
    const session = new Session();
    const sources = [new Source(), new Source()];
    for (const { stream } of sources) send(session, stream);
    await sources[0]?.give("a");
    end(session.connection, session);
    await turns();
    expect(sources.map(({ cancelled }) => (cancelled as Error).name)).toEqual(["AbortError", "AbortError"]);
    expect(session.connection.counters).toMatchObject({ accepted: 2, dropped: 2, pending: 0 });
    expect(session.frames.filter(([opcode]) => opcode < 8)).toEqual([[1, false, "a"]]);
  });

  test("the peer's close frame is answered at once, also if we have closed before", async () => {
    const session = new Session();
    const source = new Source();
    send(session, source.stream);
    await source.give("a");
    session.connection.close(1000);
    session.receive(close(1000));
    await turns();
    expect(session.frames.map(([opcode]) => opcode)).toEqual([1, 8]);
    expect((source.cancelled as Error).name).toBe("AbortError");
  });

  test("the peer's close frame drops one that waits for a Blob too", async () => {
    const session = new Session();
    const source = new Source();
    session.connection.send(outgoing(new LateBlob("blob")));
    send(session, source.stream);
    session.receive(close(1000));
    await turns();
    expect(session.frames.map(([opcode]) => opcode)).toEqual([8]);
    expect((source.cancelled as Error).name).toBe("AbortError");
  });

  test("a stream that is not accepted is cancelled, so that its file is closed", () => {
    const session = new Session();
    session.connection.cut();
    const readable = new Readable({ read: () => undefined });
    expect(send(session, readable)).toBe(false);
    expect(readable.destroyed).toBe(true);
  });

  test("a stream that somebody else reads is refused at once", () => {
    const session = new Session();
    const stream = new ReadableStream();
    stream.getReader();
    expect(() => send(session, stream)).toThrow("locked");
    expect(() => send(session, Readable.from([]), { key: 5 as unknown as string })).toThrow("key");
    expect(new HawserError("HWS_SEND_FAILED").message).toContain("stream");
  });
});
