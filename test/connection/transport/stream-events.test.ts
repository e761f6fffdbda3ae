import { once } from "node:events";
import { Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type StreamListener, attach, expectClose } from "../../../src/connection/transport/stream-events.ts";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { utf8 } from "../../support/bytes.ts";
import { pair } from "../../support/socket-pair.ts";
import { Wire, turns } from "../../support/wire.ts";

/** Records its calls. */
function recorder(): StreamListener & { readonly heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    onData: (chunk) => void heard.push(`received ${chunk.latin1Slice(0, chunk.length)}`),
    onDrain: () => heard.push("drained"),
    onTaken: () => heard.push("taken"),
    onEnd: () => heard.push("ended"),
    onStreamError: (cause) => heard.push(`failed ${cause.message}`),
    onStreamClose: () => heard.push("closed"),
  };
}

function counts(stream: Wire): number[] {
  return ["data", "drain", "end", "error", "close"].map((event) => stream.listenerCount(event));
}

describe("a linked stream", () => {
  test("reports each chunk, its end and its close", async () => {
    const stream = new Wire();
    const to = recorder();
    attach(stream, to);
    stream.arrive(utf8("a"), utf8("b"));
    stream.arriveEnd();
    stream.end();
    await turns();
    expect(to.heard).toEqual(["received a", "received b", "ended", "closed"]);
  });

  test("reports a drain", async () => {
    const stream = new Wire({ highWaterMark: 1 });
    const to = recorder();
    attach(stream, to);
    stream.stick();
    const writer = new StreamWriter(stream);
    for (const bytes of ["ab", utf8("cd")]) {
      writer.write(bytes, false);
      expect(writer.isFull).toBe(true);
    }
    expect(stream.listenerCount("drain")).toBe(1);
    expect(to.heard).toEqual([]);
    stream.flow();
    await turns();
    expect(to.heard).toEqual(["drained"]);
  });

  test("has no drain listener while it is not full", () => {
    const stream = new Wire();
    attach(stream, recorder());
    const writer = new StreamWriter(stream);
    writer.write("ab", false);
    expect(writer.isFull).toBe(false);
    expect(stream.listenerCount("drain")).toBe(0);
  });

  test("takes a string as one byte a character, and bytes as they are", async () => {
    const stream = new Wire();
    attach(stream, recorder());
    const writer = new StreamWriter(stream);
    writer.write("\u0081\u0001a", false);
    writer.write(utf8("é"), false);
    await turns();
    expect(stream.taken.latin1Slice(0, stream.taken.length)).toBe("\u0081\u0001a\u00c3\u00a9");
  });

  test("that throws when it is written to or uncorked is destroyed", async () => {
    for (const method of ["write", "uncork"] as const) {
      const stream = new Wire();
      const to = recorder();
      attach(stream, to);
      stream[method] = () => {
        throw new Error("no more");
      };
      const writer = new StreamWriter(stream);
      if (method === "write") writer.write("a", false);
      else writer.uncork();
      expect(writer.isFull).toBe(true);
      await turns();
      expect(to.heard).toEqual(["failed no more", "closed"]);
    }
  });

  test("reports a failure, then its close: nothing is thrown", async () => {
    const stream = new Wire();
    const to = recorder();
    attach(stream, to);
    stream.reset();
    await turns();
    expect(to.heard).toEqual(["failed read ECONNRESET", "closed"]);
  });

  test("has the same listener functions for all connections", () => {
    const [one, other] = [new Wire(), new Wire()];
    attach(one, recorder());
    attach(other, recorder());
    for (const event of ["data", "end", "error", "close"]) {
      expect(one.listeners(event).at(-1)).toBe(other.listeners(event).at(-1));
    }
  });

  test("has one more listener of each kind, whatever happens", async () => {
    const stream = new Wire();
    const before = counts(stream);
    attach(stream, recorder());
    stream.arrive(utf8("a"));
    await turns();
    expect(counts(stream).map((count, i) => count - before[i]!)).toEqual([1, 0, 1, 1, 1]);
  });

  test("that is closed reports nothing more, and a late error is not thrown", async () => {
    const stream = new Wire();
    const to = recorder();
    attach(stream, to);
    stream.destroy();
    await turns();
    stream.emit("error", new Error("late"));
    stream.emit("data", utf8("late"));
    stream.emit("close");
    expect(to.heard).toEqual(["closed"]);
  });
});

describe("the wait for a close", () => {
  test.each([
    ["a plain socket of Node's needs no timer: it closes in any case", new Socket(), 0],
    ["a socket with a method of its own may never close", withOwnDestroy(new Socket()), 1],
  ])("%s", async (_title, stream, timers) => {
    const setTimer = vi.spyOn(globalThis, "setTimeout");
    const to = recorder();
    attach(stream, to);
    stream.destroy();
    expectClose(stream, () => undefined);
    expect(setTimer).toHaveBeenCalledTimes(timers);
    setTimer.mockRestore();
    await turns();
    expect(to.heard).toEqual(["closed"]);
  });
});

function withOwnDestroy(socket: Socket): Socket {
  const destroy = socket._destroy.bind(socket);
  socket._destroy = (error, done) => destroy(error, done);
  return socket;
}

describe("a socket of Node's own", () => {
  test("that may be half open has one listener to its end, and is written to after it", async () => {
    const { near, far } = await pair();
    const to = recorder();
    attach(near, to);
    // Those of Bun and Deno are not known, and keep what they have.
    if (near.listenerCount("data") === 0) expect(near.listenerCount("end")).toBe(1);
    far.end();
    await vi.waitFor(() => {
      expect(to.heard).toEqual(["ended"]);
    });
    const answer = once(far, "data");
    new StreamWriter(near).write("y", false);
    expect(String(await answer)).toBe("y");
  });

  test("that may not be half open keeps Node's listener", async () => {
    const { near } = await pair();
    near.allowHalfOpen = false;
    attach(near, recorder());
    expect(near.listenerCount("end")).toBe(2);
  });
});

describe.each(["emit", "push"] as const)("code that has replaced the %s of a socket", (method) => {
  test.each(["one socket", "all sockets"] as const)("keeps what was read, unchanged: of %s", async (which) => {
    const { near, far } = await pair();
    const kept: { chunk: Uint8Array; was: string }[] = [];
    const target = (which === "one socket" ? near : Socket.prototype) as unknown as Record<
      string,
      (...args: unknown[]) => boolean
    >;
    const original = target[method]!;
    target[method] = function (this: unknown, ...args: unknown[]): boolean {
      const chunk = method === "emit" ? args[1] : args[0];
      if (this === near && chunk instanceof Uint8Array) kept.push({ chunk, was: Buffer.from(chunk).toString("hex") });
      return original.apply(this, args);
    };
    onTestFinished(() => {
      Reflect.deleteProperty(target, method);
    });
    const to = recorder();
    attach(near, { ...to, onData: (chunk, end) => void chunk.fill(0, 0, end) });
    far.write("hello");
    await expect.poll(() => kept.length).toBeGreaterThan(0);
    await turns(1);
    expect(kept.map(({ chunk }) => Buffer.from(chunk).toString("hex"))).toEqual(kept.map(({ was }) => was));
  });
});
