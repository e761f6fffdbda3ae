import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { type WSMessageStartEvent, startsMessages } from "../../../src/connection/dispatch/message-start.ts";
import { hex, join, utf8 } from "../../support/bytes.ts";
import { asClient, encode } from "../../support/frames.ts";
import { type Deferred, type React, Session, binary, broken, close, deferred, text } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

/** The first frame of a binary message, one between, and the last one. */
const first = asClient(hex("02 01 61"));
const more = asClient(hex("00 01 62"));
const last = asClient(hex("80 01 63"));

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A session whose handler takes each message as a stream. `texts`: what it has read. */
function reading(react: React = {}, own?: ConstructorParameters<typeof Session>[1]) {
  const texts: string[] = [];
  const session = new Session(
    { start: async (_ws, event) => void texts.push(await textOf(event.stream)), ...react },
    own,
  );
  return { session, texts };
}

describe("a handler with onMessageStart", () => {
  test("reads a message as it comes, and the next one begins after it", async () => {
    const parts: string[] = [];
    const session = new Session({
      start: async (_ws, event) => {
        for await (const part of event.stream) parts.push(Buffer.from(part).toString());
        parts.push("end");
      },
    });
    session.receive(first);
    await turns();
    expect(parts).toEqual(["a"]);
    session.receive(more);
    await turns();
    session.receive(last, binary("64"));
    await turns();
    expect(parts).toEqual(["a", "b", "c", "end", "d", "end"]);
    expect(session.calls).toEqual([["open"], ["start"], ["start"]]);
  });

  test("may pipe the stream through others of the platform: their types agree", async () => {
    const seen: string[] = [];
    const session = new Session({
      start: async (_ws, event) => {
        for await (const part of event.stream.pipeThrough(new TextDecoderStream())) seen.push(part);
      },
    });
    session.receive(text("é"));
    await turns(10);
    expect(seen).toEqual(["é"]);
  });

  test("is told whether it is a text, whose bytes are UTF-8", async () => {
    const seen: unknown[] = [];
    const session = new Session({
      start: async (_ws, event) => void seen.push(event.type, event.isText, await textOf(event.stream)),
    });
    session.receive(text("é"), binary("ff"), text(""));
    await turns();
    expect(seen).toEqual(["messagestart", true, "é", "messagestart", false, "\ufffd", "messagestart", true, ""]);
  });

  test.each<[string, React["start"]]>([
    ["does not ask for the stream", () => undefined],
    ["does not ask for the stream, in its own time", async () => turns(2)],
    ["returns null", () => null],
  ])("gets the message as a whole in onMessage if it %s", async (_what, start) => {
    const session = new Session({ start: start! });
    session.receive(first, more);
    await turns();
    session.receive(last, text("next"));
    await turns(8);
    const whole = ["message", Buffer.from("abc")];
    expect(session.calls).toEqual([["open"], ["start"], whole, ["start"], ["message", "next"]]);
  });

  test("gets a message as a whole that has come wholly before it has decided", async () => {
    const session = new Session({ start: () => turns(2), message: () => turns(2) });
    session.receive(text("one"), binary("01"), text(""));
    await turns(20);
    expect(session.calls.filter(([name]) => name === "message").map(([, data]) => data)).toEqual([
      "one",
      Buffer.from([1]),
      "",
    ]);
    expect(session.calls.filter(([name]) => name === "overlap")).toEqual([]);
  });

  test("may return a WritableStream or a Writable: the bytes are written to it, and it is ended", async () => {
    const written: string[] = [];
    const toWeb = (): WritableStream =>
      new WritableStream({
        write: (chunk: Uint8Array) => void written.push(Buffer.from(chunk).toString()),
        close: () => void written.push("closed"),
      });
    const toNode = (): Writable =>
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          written.push(chunk.toString());
          done();
        },
        final: (done) => {
          written.push("ended");
          done();
        },
      });
    const answers = [toWeb, toNode, async () => toWeb()];
    const session = new Session({ start: () => answers.shift()?.() });
    for (let i = 0; i < 3; i++) {
      session.receive(first);
      await turns(10);
      session.receive(last);
      await turns(10);
    }
    expect(written).toEqual(["a", "c", "closed", "a", "c", "ended", "a", "c", "closed"]);
  });

  test("may cancel the stream: the rest is discarded, and the next message comes after it", async () => {
    const session = new Session({
      start: async (_ws, event) => {
        if (event.isText) return;
        for await (const _part of event.stream) break;
      },
    });
    session.receive(first, more);
    await turns();
    session.receive(more, last, text("next"));
    await turns();
    expect(session.calls).toEqual([["open"], ["start"], ["start"], ["message", "next"]]);
  });

  test("is not called twice at a time: the next message waits until a stream that is read later has ended", async () => {
    const events: WSMessageStartEvent[] = [];
    const kept: ReadableStreamDefaultReader<Uint8Array>[] = [];
    const session = new Session({
      start: (_ws, event) => void (events.push(event), kept.push(event.stream.getReader())),
    });
    session.receive(binary("61"), binary("62"));
    await turns();
    expect(events).toHaveLength(1);
    const chunks = [await kept[0]?.read(), await kept[0]?.read()];
    expect(chunks).toEqual([
      { done: false, value: Buffer.from("a") },
      { done: true, value: undefined },
    ]);
    await turns();
    expect(events).toHaveLength(2);
  });

  test.each([
    ["returns", (): undefined => undefined],
    ["settles", async () => turns(2)],
  ])("gets a message as a whole whose stream nobody has begun to read when it %s", async (_what, settle) => {
    const kept: ReadableStream<Uint8Array>[] = [];
    const start: React["start"] = (_ws, { stream }) => (kept.push(stream), settle());
    const session = new Session({ start });
    session.receive(first, more);
    await turns(8);
    session.receive(last, text("next"));
    await turns(8);
    const whole = ["message", Buffer.from("abc")];
    expect(session.calls).toEqual([["open"], ["start"], whole, ["start"], ["message", "next"]]);
    for (const stream of kept) await expect(textOf(stream)).rejects.toThrow("begin to read it");
  });

  test("cannot take the stream when it is too late", async () => {
    const events: WSMessageStartEvent[] = [];
    const session = new Session({ start: (_ws, event) => void events.push(event) });
    session.receive(binary("61"));
    await turns();
    expect(() => events[0]?.stream).toThrow("before onMessageStart settles");
  });

  test("is asked after its other callbacks have settled", async () => {
    const opened = deferred();
    const { session, texts } = reading({ open: () => opened.promise });
    session.receive(first, last);
    await turns();
    expect([texts, session.calls]).toEqual([[], [["open"]]]);
    opened.resolve();
    await turns();
    expect(texts).toEqual(["ac"]);
  });

  test.each([
    ["throws", () => Promise.reject(new Error("boom"))],
    ["throws at once", () => expect.unreachable("boom")],
    ["returns something else", () => ({ write: 1 })],
  ])("that %s has failed: the connection is closed with 1011", async (_what, start) => {
    const session = new Session({ start });
    session.receive(first);
    await turns();
    expect(session.calls.at(-1)?.[0]).toBe("error");
    expect(session.frames).toEqual([[8, true, "\u0003\ufffd"]]);
    session.receive(last, close(1011));
    session.stream.arriveEnd();
    await turns();
    expect(session.calls.map(([name]) => name)).toEqual(["open", "start", "error", "terminate"]);
  });

  test.each<[string, (writable: Writable) => void, number]>([
    ["has ended", (writable) => void writable.end(), 0],
    ["is destroyed", (writable) => void writable.destroy(), 0],
    ["ends itself", (writable) => void writable.end(), 1],
    ["destroys itself", (writable) => void writable.destroy(), 1],
  ])("that returns a Writable that %s has failed, and the peer need not send more", async (_what, end, when) => {
    const writable = new Writable({
      write: (_chunk, _encoding, done) => {
        if (when === 1) end(writable);
        done();
      },
    });
    writable.on("error", () => undefined);
    if (when === 0) end(writable);
    const session = new Session({ start: () => writable });
    session.receive(first);
    await turns(10);
    expect(session.calls.map(([name]) => name)).toEqual(["open", "start", "error"]);
    expect(session.frames).toEqual([[8, true, "\u0003\ufffd"]]);
    session.stream.reset();
    await turns(10);
    expect(session.calls.at(-1)?.[0]).toBe("terminate");
  });

  test("whose destination fails has failed", async () => {
    const full = (): WritableStream => new WritableStream({ write: () => Promise.reject(new Error("disk full")) });
    const session = new Session({ start: full });
    session.receive(first);
    await turns(10);
    expect(session.frames).toEqual([[8, true, "\u0003\ufffd"]]);
  });
});

describe("a stream whose connection ends", () => {
  const ends: [string, (session: Session) => void, string | undefined][] = [
    ["a reset", (session) => session.stream.reset(), "HWS_STREAM_FAILED"],
    ["the end of the stream", (session) => session.stream.arriveEnd(), undefined],
    ["the peer's close frame", (session) => session.receive(close(1000)), undefined],
    ["a broken frame", (session) => session.receive(broken), "HWS_RESERVED_OPCODE"],
    ["close()", (session) => session.connection.close(1000), undefined],
    ["destroy()", (session) => session.connection.cut(), undefined],
  ];

  test.each(ends)("fails with HWS_MESSAGE_CUT after %s, and the handler has not failed", async (_what, end, cause) => {
    let error: { code?: string; cause?: { code?: string } } = {};
    const session = new Session({
      start: async (_ws, event) => {
        try {
          await textOf(event.stream);
        } catch (caught) {
          error = caught as typeof error;
          throw caught;
        }
      },
    });
    session.receive(first);
    await turns();
    end(session);
    await turns();
    expect([error.code, error.cause?.code]).toEqual(["HWS_MESSAGE_CUT", cause]);
    expect(session.told.filter((told) => typeof told !== "string")).toEqual([]);
    const codes = session.calls.filter(([name]) => name === "error").map(([, code]) => code);
    expect(codes).not.toContain(301);
  });

  test.each(ends)("aborts the stream that was returned, after %s", async (_what, end) => {
    let aborted: unknown;
    const session = new Session({ start: () => new WritableStream({ abort: (reason) => void (aborted = reason) }) });
    session.receive(first);
    await turns(8);
    end(session);
    await turns(8);
    expect(aborted).toMatchObject({ code: "HWS_MESSAGE_CUT" });
    expect(session.calls.map(([, code]) => code)).not.toContain(301);
  });

  test("still gives a message that has come wholly: our answer to the close frame waits for it", async () => {
    const gate: Deferred = deferred();
    const texts: string[] = [];
    const session = new Session({
      start: async (_ws, event) => {
        const { stream } = event;
        await gate.promise;
        texts.push(await textOf(stream));
      },
    });
    session.receive(join([asClient(encode({ opcode: 2, payload: utf8("whole") })), close(1000)]));
    await turns();
    expect(session.frames).toEqual([]);
    gate.resolve();
    await turns();
    expect(texts).toEqual(["whole"]);
    expect(session.frames.map(([opcode]) => opcode)).toEqual([8]);
  });

  test("is known to have ended to a handler that asks later", async () => {
    const gate = deferred();
    let failed: unknown;
    const session = new Session({
      start: async (_ws, event) => {
        await gate.promise;
        await textOf(event.stream).catch((error: unknown) => (failed = error));
      },
    });
    session.receive(first);
    session.stream.reset();
    await turns();
    gate.resolve();
    await turns();
    expect(failed).toMatchObject({ code: "HWS_MESSAGE_CUT" });
    expect(session.calls.at(-1)?.[0]).toBe("terminate");
  });
});

test("a handler has onMessageStart only if that is a function", () => {
  expect([{}, { onMessageStart: null }, { onMessageStart: () => undefined }].map(startsMessages)).toEqual([
    false,
    false,
    true,
  ]);
  const throws = {
    get onMessageStart(): never {
      throw new Error("boom");
    },
  };
  expect(startsMessages(throws)).toBe(false);
});
