import { Readable } from "node:stream";
import vm from "node:vm";
import { describe, expect, test } from "vitest";
import { bytesIn, outgoingMessage } from "../../../src/connection/sending/outgoing-message.ts";
import { InvalidArgumentError } from "../../../src/errors/errors.ts";

const BYTES = [1, 2, 3, 4, 5, 6, 7, 8];
const memory = Uint8Array.from(BYTES).buffer;

/** The payload of the message that is sent. */
function payloadOf(message: unknown): unknown {
  return outgoingMessage(message).payload;
}

/** The payload of a message that must become bytes. */
function bytesOf(message: unknown): Uint8Array {
  const payload = payloadOf(message);
  if (!(payload instanceof Uint8Array)) throw new Error("no bytes");
  return payload;
}

class Channel {
  readonly name = "general";
}

describe("a string", () => {
  // shows 4D-3-send-by-argument
  test.each(["", "hello", "{}", "à\ud800"])("is sent as it is: %j", (text) => {
    expect(payloadOf(text)).toBe(text);
  });
});

describe("bytes", () => {
  test.each([
    ["a Buffer", Buffer.from(memory, 2, 4), [3, 4, 5, 6]],
    ["a Uint8Array", new Uint8Array(memory, 1, 3), [2, 3, 4]],
    ["a Uint8ClampedArray", new Uint8ClampedArray(memory, 7), [8]],
    ["a view of wider elements", new Uint16Array(memory, 2, 2), [3, 4, 5, 6]],
    ["a BigInt64Array", new BigInt64Array(memory), BYTES],
    ["a DataView", new DataView(memory, 3, 2), [4, 5]],
    ["an ArrayBuffer", memory, BYTES],
    ["an empty ArrayBuffer", new ArrayBuffer(0), []],
  ])("come as a view of the same memory: %s", (_name, message, expected) => {
    const payload = bytesOf(message);
    expect(Buffer.isBuffer(payload)).toBe(true);
    expect([...payload]).toEqual(expected);
    expect(payload.buffer).toBe(ArrayBuffer.isView(message) ? message.buffer : message);
  });

  test("may lie in a SharedArrayBuffer", () => {
    const shared = new SharedArrayBuffer(3);
    new Uint8Array(shared).set([7, 8, 9]);
    expect([...bytesOf(shared)]).toEqual([7, 8, 9]);
    expect([...bytesOf(new Uint8Array(shared, 1))]).toEqual([8, 9]);
  });

  test.each<readonly [string, (memory: ArrayBuffer) => unknown]>([
    ["an ArrayBuffer", (memory) => memory],
    ["a Uint8Array", (memory) => new Uint8Array(memory)],
    ["a Buffer", (memory) => Buffer.from(memory)],
    ["a DataView", (memory) => new DataView(memory)],
  ])("of which the memory was transferred are refused: %s", (_what, viewOf) => {
    const memory = new ArrayBuffer(16);
    const message = viewOf(memory);
    structuredClone(memory, { transfer: [memory] });
    expect(() => outgoingMessage(message)).toThrow(InvalidArgumentError);
    expect(outgoingMessage(Buffer.alloc(0)).payload).toHaveLength(0);
  });

  test("may be a Blob or a File, which are read later", () => {
    const blob = new Blob(["x"]);
    expect(payloadOf(blob)).toMatchObject({ size: 1 });
    expect(payloadOf(new File([], "empty"))).toMatchObject({ size: 0 });
  });

  test("are bytes even with a toJSON", () => {
    const bytes = Object.assign(Uint8Array.of(1), { toJSON: () => "no" });
    expect([...bytesOf(bytes)]).toEqual([1]);
  });
});

describe("an object", () => {
  class Point {
    readonly x = 1;
    toJSON(): unknown {
      return { point: this.x };
    }
  }

  // shows 4D-3-send-object
  test.each([
    ["a plain object", { a: 1, b: [true, null], c: undefined }],
    ["an empty object", {}],
    ["an array", [1, undefined, () => {}]],
    ["an instance of a class", new Channel()],
    ["an object without a prototype", Object.assign(Object.create(null) as object, { a: "€" })],
    ["an object of another realm", vm.runInNewContext("({ a: [1] })") as object],
    ["a Date, which has toJSON", new Date(0)],
    ["an object of a class with toJSON", new Point()],
    ["a URL, which has toJSON", new URL("http://example.com/")],
    ["an object whose toJSON gives a string", { toJSON: () => "text" }],
    ["an object whose toJSON gives null", { toJSON: () => null }],
    ["an object whose toJSON takes the key", { toJSON: (key: string) => [key] }],
  ])("is sent as exactly what JSON.stringify gives: %s", (_name, message) => {
    expect(payloadOf(message)).toBe(JSON.stringify(message));
  });
});

describe("anything else is a TypeError that says what was expected", () => {
  // shows 4D-3-send-type-error
  test.each<readonly [string, unknown, string]>([
    ["undefined", undefined, "got undefined"],
    ["null", null, "got null"],
    ["a number", 7, "got number"],
    ["NaN", NaN, "got number"],
    ["a boolean", false, "got boolean"],
    ["a bigint", 7n, "got bigint"],
    ["a symbol", Symbol("x"), "got symbol"],
    ["a function", () => {}, "got function"],
    ["a class", Channel, "got function"],
    ["a Map", new Map([[1, 2]]), "an instance of Map"],
    ["a Set", new Set(), "an instance of Set"],
    ["a Promise", Promise.resolve("x"), "an instance of Promise"],
    ["an Error", new Error("x"), "an instance of Error"],
    ["a RegExp", /x/, "an instance of RegExp"],
    ["a String object", new String("x"), "an instance of String"],
    ["a Proxy of a Buffer", new Proxy(Buffer.from("x"), {}), "a Proxy of a Buffer"],
    ["a Proxy of a Uint8Array", new Proxy(new Uint8Array(1), {}), "instance of Uint8Array"],
    ["an object with the prototype of Blob", Object.create(Blob.prototype) as object, "instance of Blob"],
    ["an object whose toJSON gives undefined", { toJSON: () => undefined }, "toJSON"],
    ["an object whose toJSON gives a function", { toJSON: () => () => {} }, "toJSON"],
  ])("%s", (_name, message, said) => {
    const sending = (): unknown => payloadOf(message);
    expect(sending).toThrow(InvalidArgumentError);
    expect(sending).toThrow(TypeError);
    expect(sending).toThrow(/^message: /);
    expect(sending).toThrow(said);
  });

  test("so is a cyclic object, and one with a bigint, as in JSON.stringify", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    expect(() => payloadOf(cyclic)).toThrow(TypeError);
    expect(() => payloadOf({ big: 1n })).toThrow(TypeError);
  });

  test("what a toJSON throws is thrown to the caller", () => {
    const thrown = new RangeError("mine");
    const message = {
      toJSON(): never {
        throw thrown;
      },
    };
    expect(() => payloadOf(message)).toThrow(thrown);
  });
});

describe("a property of the bytes themselves", () => {
  /** Says something else about the bytes than the platform does. */
  function lying<T extends object>(bytes: T, property: PropertyDescriptor): T {
    for (const name of ["length", "byteLength", "byteOffset"]) Object.defineProperty(bytes, name, property);
    return bytes;
  }

  test.each([
    ["is longer", { value: 1_000_000 }],
    ["is shorter", { value: 1 }],
    ["is not a number", { value: "2" }],
    ["is a getter that throws", { get: () => expect.fail("read") }],
    ["is right once", { get: stepping() }],
  ] as const)("that %s is not believed: the true bytes are sent", (_what, property) => {
    const bytes = Buffer.from(BYTES);
    for (const view of [
      lying(Buffer.from(bytes), property),
      lying(Uint8Array.from(bytes), property),
      lying(new DataView(Uint8Array.from(bytes).buffer), property),
    ])
      expect([...bytesOf(view)]).toEqual(BYTES);
  });

  test("of a class of Buffers is not believed either", () => {
    const bytes = Buffer.from(BYTES);
    Object.setPrototypeOf(bytes, Object.create(Buffer.prototype as object, { length: { get: () => 99 } }) as object);
    expect([...bytesOf(bytes)]).toEqual(BYTES);
  });

  test("of a Blob is read once", () => {
    const blob = new Blob(["abc"]);
    Object.defineProperty(blob, "size", { get: stepping(3) });
    const { payload } = outgoingMessage(blob);
    const sizes = [1, 2, 3].map(() => (payload as Blob).size);
    expect(sizes).toEqual([3, 3, 3]);
  });

  /** A getter whose result grows with each call. */
  function stepping(from = BYTES.length): () => number {
    let next = from;
    return () => next++;
  }
});

test("a stream is refused with an error that says where it can be sent", () => {
  for (const stream of [new ReadableStream(), { [Symbol.asyncIterator]: () => undefined }])
    expect(() => outgoingMessage(stream)).toThrow("a stream can be sent only on one open connection, with its `send`");
});

test("the bytes of a chunk are found in any view or memory, and not in a Blob", () => {
  expect(bytesIn(new DataView(Uint8Array.of(1, 2, 3).buffer, 1))).toEqual(Buffer.from([2, 3]));
  expect([bytesIn(new Blob(["a"])), bytesIn({})]).toEqual([undefined, undefined]);
});

test("a stream that is refused is cancelled, so that its file is closed", () => {
  const node = Readable.from(["a"]);
  let reason: unknown;
  const web = new ReadableStream({ cancel: (why) => void (reason = why) });
  for (const stream of [node, web]) expect(() => outgoingMessage(stream)).toThrow("not before a client is connected");
  expect(node.destroyed).toBe(true);
  expect(reason).toBeInstanceOf(Error);
  // Somebody else reads it: it is not ours to cancel.
  const locked = new ReadableStream({ cancel: () => expect.unreachable("is cancelled") });
  locked.getReader();
  expect(() => outgoingMessage(locked)).toThrow("one open connection");
});
