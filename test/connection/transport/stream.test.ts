import { describe, expect, test } from "vitest";
import { type StreamListener, WriteResult, attach, uncork, write } from "../../../src/connection/transport/stream.ts";
import { utf8 } from "../../support/bytes.ts";
import { Wire, turns } from "../../support/wire.ts";

/** Records its calls. */
function recorder(): StreamListener & { readonly heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    onData: (chunk) => heard.push(`received ${chunk.latin1Slice(0, chunk.length)}`),
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
    expect(write(stream, "ab")).toBe(WriteResult.full);
    expect(write(stream, utf8("cd"))).toBe(WriteResult.full);
    expect(stream.listenerCount("drain")).toBe(1);
    expect(to.heard).toEqual([]);
    stream.flow();
    await turns();
    expect(to.heard).toEqual(["drained"]);
  });

  test("has no drain listener while it is not full", () => {
    const stream = new Wire();
    attach(stream, recorder());
    expect(write(stream, "ab")).toBe(WriteResult.kept);
    expect(stream.listenerCount("drain")).toBe(0);
  });

  test("takes a string as one byte a character, and bytes as they are", async () => {
    const stream = new Wire();
    attach(stream, recorder());
    write(stream, "\u0081\u0001a");
    write(stream, utf8("é"));
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
      expect(method === "write" ? write(stream, "a") : uncork(stream)).toBe(
        method === "write" ? WriteResult.full : false,
      );
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
