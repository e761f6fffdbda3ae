import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { byteLengthOf, payloadOf } from "../../../src/client/browser/payload.ts";
import { InvalidArgumentError } from "../../../src/errors/errors.ts";

test("the bytes of a text are those of its UTF-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(byteLengthOf(text)).toBe(Buffer.byteLength(text));
    }),
  );
});

test("texts and objects are texts, with their bytes", () => {
  expect(payloadOf("é", undefined)).toEqual({ message: "é", size: 2 });
  expect(payloadOf({ a: ["é"] }, {})).toEqual({ message: '{"a":["é"]}', size: 12 });
});

test("an instance of a class is sent as its JSON, also if that is empty", () => {
  class Ping {
    toString(): string {
      return "ping";
    }
  }
  expect(payloadOf(new Ping(), undefined)).toEqual({ message: "{}", size: 2 });
  expect(payloadOf(new Date(0), undefined).message).toBe('"1970-01-01T00:00:00.000Z"');
});

test("bytes are sent without a copy, and only those of the view", () => {
  const memory = new Uint8Array([1, 2, 3, 4]);
  const { message, size } = payloadOf(new DataView(memory.buffer, 1, 2), undefined);
  expect([message, size]).toEqual([new Uint8Array([2, 3]), 2]);
  expect((message as Uint8Array).buffer).toBe(memory.buffer);
});

test.each([
  ["an ArrayBuffer", new Uint8Array([7]).buffer],
  ["an ArrayBuffer of another window", runInNewContext("new Uint8Array([7]).buffer") as unknown],
  ["a view of another window", runInNewContext("new Uint8Array([7])") as unknown],
])("%s is bytes", (_what, message) => {
  expect(payloadOf(message, undefined)).toEqual({ message: new Uint8Array([7]), size: 1 });
});

test.each([
  ["shared memory", (memory: SharedArrayBuffer) => memory],
  ["a view of shared memory", (memory: SharedArrayBuffer) => new Uint8Array(memory)],
])("%s is copied: the platform does not take it", (_what, make) => {
  const memory = new SharedArrayBuffer(1);
  new Uint8Array(memory)[0] = 7;
  const { message } = payloadOf(make(memory), undefined);
  expect(message).toEqual(new Uint8Array([7]));
  expect((message as Uint8Array).buffer).toBeInstanceOf(ArrayBuffer);
});

test("an object that says its JSON itself is no stream", () => {
  const message = { [Symbol.asyncIterator]: () => undefined, toJSON: () => "own" };
  expect(payloadOf(message, undefined).message).toBe('"own"');
});

test("a Blob is sent as it is", () => {
  const blob = new Blob(["abc"]);
  expect(payloadOf(blob, undefined)).toEqual({ message: blob, size: 3 });
});

test.each([[1], [null], [undefined], [true], [() => 1], [new Map()], [Promise.resolve()], [new Error("x")]])(
  "%o cannot be sent",
  (message) => {
    expect(() => payloadOf(message, undefined)).toThrow(InvalidArgumentError);
  },
);

test.each([[null], ["key"], [1]])("%o are no options of send", (options) => {
  expect(() => payloadOf("text", options)).toThrow(InvalidArgumentError);
});

test.each([
  ["a ReadableStream", new ReadableStream()],
  [
    "an async generator",
    (async function* () {
      yield await Promise.resolve(1);
    })(),
  ],
  ["an object with Symbol.asyncIterator", { [Symbol.asyncIterator]: () => undefined }],
])("%s cannot be sent by a browser, and is refused: the error says what to do", (_what, message) => {
  expect(() => payloadOf(message, undefined)).toThrow(InvalidArgumentError);
  expect(() => payloadOf(message, undefined)).toThrow("message: a browser cannot send a stream: send a Blob, or its");
});
