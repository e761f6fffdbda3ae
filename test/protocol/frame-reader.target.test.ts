import { isAscii, isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import { FrameReader, type FrameSink } from "../../src/protocol/frame-reader.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { fill, join, utf8 } from "../support/bytes.ts";
import { CountingReserve } from "../support/counting-reserve.ts";
import { asClient, encode } from "../support/frames.ts";
import { cases, seed } from "../support/fuzz.ts";
import { RecordingSink } from "../support/recording-sink.ts";

const MIB = 1024 * 1024;
/** The memory that all sockets share. */
const SHARED = 65_536;

/** What was delivered: the kind, and the bytes as one character each. */
type Entry = readonly [kind: number, bytes: string];

/** Keeps bytes, and makes strings of texts, as a connection does. */
class Keeper implements FrameSink {
  readonly #kept: (readonly [kind: number, bytes: Uint8Array | string])[] = [];
  readonly #textAsString: boolean;
  errors: string[] = [];

  constructor(textAsString: boolean) {
    this.#textAsString = textAsString;
  }

  /** All that was delivered, read at the end: nothing may have changed it meanwhile. */
  get entries(): Entry[] {
    return this.#kept.map(([kind, bytes]) => [
      kind,
      typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("latin1"),
    ]);
  }

  onMessage(opcode: number, bytes: Bytes, start: number, end: number, ascii: boolean): void {
    const isText = opcode === 1;
    if (ascii !== (isText && isAscii(bytes.subarray(start, end)))) throw new Error(`ascii is ${ascii}`);
    this.#kept.push([
      opcode,
      isText && this.#textAsString ? bytes.latin1Slice(start, end) : bytes.subarray(start, end),
    ]);
  }

  onText(text: string): void {
    this.#kept.push([1, text]);
  }

  onTransformed(): void {
    throw new Error("no extension");
  }

  onFrame(): void {}

  onPing(payload: Bytes): void {
    this.#kept.push([9, Buffer.from(payload).toString("latin1")]);
  }

  onPong(payload: Bytes): void {
    this.#kept.push([10, Buffer.from(payload).toString("latin1")]);
  }

  onClose(): void {}

  onError(error: Error): void {
    this.errors.push((error as unknown as { code: string }).code);
  }
}

/** Reads a stream as a plain socket does: to the target of the reader, if there is one, else to the shared memory. */
function readAsSocket(reader: FrameReader, stream: Uint8Array, sizes: readonly number[]): { targeted: number } {
  const shared = asBytes(Buffer.alloc(SHARED, 0xee));
  let targeted = 0;
  for (let at = 0, i = 0; at < stream.length; i++) {
    const { target } = reader;
    const memory = target ?? shared;
    const chunk = stream.subarray(at, at + Math.min(memory.length, sizes[i % sizes.length]!));
    memory.set(chunk);
    if (target !== undefined) targeted += chunk.length;
    reader.push(memory, chunk.length, true);
    shared.fill(0xee);
    at += chunk.length;
  }
  return { targeted };
}

function bytesOf(length: number, salt: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8) * 13 + salt * 31) & 0xff);
}

/** A text of this many bytes: ASCII, or with characters of two, three and four bytes. */
function textOf(length: number, wide: boolean): Uint8Array {
  const text = Buffer.from((wide ? "x\u00e9\u20ac\u{1f600}" : "abcdefghij").repeat(length / 10 + 1)).subarray(
    0,
    length,
  );
  // The last character may be cut.
  for (let i = Math.max(0, length - 4); i < length; i++) if (wide) text[i] = 0x20;
  for (let i = length - 5; wide && i >= 0 && text[i]! >= 0x80; i--) text[i] = 0x20;
  return text;
}

const length = fc.oneof(
  { weight: 2, arbitrary: fc.nat({ max: 200 }) },
  { weight: 3, arbitrary: fc.integer({ min: 10_000, max: 100_000 }) },
  { weight: 2, arbitrary: fc.constantFrom(65_535, 65_536, 65_537, 131_072) },
  { weight: 2, arbitrary: fc.integer({ min: 100_000, max: 700_000 }) },
);
const key = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => [...bytes]);

/** A message in fragments, with a ping after each of them. */
const message = fc.tuple(
  fc.constantFrom<"binary" | "ascii" | "wide">("binary", "ascii", "wide"),
  fc.array(fc.tuple(length, key), { minLength: 1, maxLength: 3 }),
);
const cuts = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 30_000 }),
    fc.integer({ min: 30_000, max: 400_000 }),
    fc.constant(Number.MAX_SAFE_INTEGER),
  ),
  { minLength: 1, maxLength: 6 },
);

function framesOf([kind, fragments]: readonly [string, readonly (readonly [number, readonly number[]])[]]): {
  readonly frames: Uint8Array[];
  readonly entries: Entry[];
} {
  const payload = (size: number, i: number): Uint8Array =>
    kind === "binary" ? bytesOf(size, i) : textOf(size, kind === "wide");
  const parts = fragments.map(([size], i) => payload(size, i));
  const opcode = kind === "binary" ? 2 : 1;
  const ping = asClient(encode({ opcode: 9, payload: utf8("ping") }));
  const pings = parts.slice(1).map((): Entry => [9, "ping"]);
  return {
    frames: parts.flatMap((part, i) => {
      const last = i === parts.length - 1;
      const frame = asClient(encode({ fin: last, opcode: i === 0 ? opcode : 0, payload: part }), fragments[i]![1]);
      return last ? [frame] : [frame, ping];
    }),
    entries: [...pings, [opcode, Buffer.concat(parts).toString("latin1")]],
  };
}

/** The index of the first entry that differs. A difference of all bytes would be unreadable. */
function firstDifference(one: readonly Entry[], other: readonly Entry[]): number {
  if (one.length !== other.length) return Math.min(one.length, other.length);
  return one.findIndex(([kind, bytes], i) => kind !== other[i]![0] || bytes !== other[i]![1]);
}

const options: ReaderOptions = { role: "server", maxMessageSize: 16 * MIB, isUtf8, isAscii };

describe("a stream that is read to the reader's targets", () => {
  test.each([true, false])(
    "gives the messages that were sent, wherever it is cut (texts as strings: %s)",
    (strings) => {
      const property = fc.property(
        fc.array(message, { minLength: 1, maxLength: 4 }),
        cuts,
        fc.constantFrom(0, 300_000, Infinity),
        (messages, sizes, limit) => {
          const sent = messages.map(framesOf);
          const reserve = new CountingReserve(limit);
          const sink = new Keeper(strings);
          const reader = new FrameReader(sink, { ...options, reserve, textAsString: strings, targetFrom: 1000 });
          readAsSocket(reader, join(sent.flatMap(({ frames }) => frames)), sizes);
          expect(sink.errors).toEqual([]);
          expect(
            firstDifference(
              sink.entries,
              sent.flatMap(({ entries }) => entries),
            ),
          ).toBe(-1);
          expect(reserve.taken).toBe(0);
        },
      );
      fc.assert(property, { seed, numRuns: cases(60) });
    },
  );

  test.each([0, 1, 65_535, 65_536, MIB, 16 * MIB])("reads a message of %i bytes, and the frames after it", (size) => {
    const payload = bytesOf(size, 3);
    const frames = [
      encode({ opcode: 2, payload }),
      encode({ opcode: 1, payload: utf8("after") }),
      encode({ opcode: 2, payload }),
    ].map((frame) => asClient(frame));
    const sink = new Keeper(true);
    const reserve = new CountingReserve();
    const { targeted } = readAsSocket(new FrameReader(sink, { ...options, reserve }), join(frames), [MIB]);
    const expected: Entry = [2, Buffer.from(payload).toString("latin1")];
    expect(firstDifference(sink.entries, [expected, [1, "after"], expected])).toBe(-1);
    expect(reserve.taken).toBe(0);
    // What comes with the first read is copied once, and the rest is not.
    expect(targeted).toBeGreaterThanOrEqual(2 * (size - SHARED) - SHARED);
  });

  test("has no target between two messages, nor for the rest of a short frame", () => {
    const reader = new FrameReader(new Keeper(true), options);
    expect(reader.target).toBeUndefined();
    const frame = asClient(encode({ opcode: 2, payload: fill(7, 30_000) }));
    reader.push(frame.subarray(0, 20_000));
    expect(reader.target).toBeUndefined();
    reader.push(frame.subarray(20_000));
    expect(reader.target).toBeUndefined();
  });

  test("fails at the first byte that is not UTF-8, not at the end of the message", () => {
    const payload = textOf(MIB, true);
    payload[300_000] = 0xff;
    const stream = asClient(encode({ opcode: 1, payload }));
    const sink = new Keeper(true);
    const reserve = new CountingReserve();
    const reader = new FrameReader(sink, { ...options, reserve });
    readAsSocket(reader, stream.subarray(0, 14 + 300_000), [10_000]);
    expect(sink.errors).toEqual([]);
    expect(reserve.taken).toBe(MIB - 300_000);
    readAsSocket(reader, stream.subarray(14 + 300_000, 14 + 300_001), [1]);
    expect(sink.errors).toEqual(["HWS_INVALID_UTF8"]);
    expect([reserve.taken, reader.target]).toEqual([0, undefined]);
    readAsSocket(reader, stream.subarray(14 + 300_001), [MIB]);
    expect(sink.entries).toEqual([]);
  });
});

describe("what is reserved and has not arrived is given back", () => {
  /** A reader in the middle of a fragment of a mebibyte, and what it has reserved. */
  function inTheMiddle(sink: FrameSink): { readonly reader: FrameReader; readonly reserve: CountingReserve } {
    const reserve = new CountingReserve();
    const reader = new FrameReader(sink, { ...options, maxMessageSize: 2 * MIB, reserve });
    const frame = asClient(encode({ fin: false, opcode: 2, payload: fill(7, MIB) }));
    readAsSocket(reader, frame.subarray(0, 100_000), [SHARED]);
    expect(reserve.taken).toBe(MIB - 100_000 + 14);
    return { reader, reserve };
  }
  const rest = asClient(encode({ opcode: 2, payload: fill(7, MIB) })).subarray(100_000);

  test("when the message is complete", () => {
    const { reader, reserve } = inTheMiddle(new RecordingSink());
    readAsSocket(reader, rest, [SHARED]);
    expect(reserve.taken).toBe(0);
  });

  test("when the reader is stopped", () => {
    const { reader, reserve } = inTheMiddle(new RecordingSink());
    reader.stop();
    expect([reserve.taken, reader.target]).toEqual([0, undefined]);
    // The bytes that arrive in the old target are discarded.
    reader.push(fill(7, 1000), 1000, true);
    expect(reserve.taken).toBe(0);
  });

  test.each([
    ["a frame that breaks a rule", asClient(encode({ opcode: 2, payload: fill(7, 1) }))],
    ["a message above the limit", asClient(encode({ fin: false, opcode: 0, payload: fill(7, MIB + 1) }))],
    ["a close frame", asClient(encode({ opcode: 8, payload: fill(0, 0) }))],
  ])("when the next frame is %s", (_what, next) => {
    const { reader, reserve } = inTheMiddle(new RecordingSink());
    readAsSocket(reader, rest, [SHARED]);
    readAsSocket(reader, asClient(encode({ fin: false, opcode: 0, payload: fill(7, MIB - 1) })).subarray(0, 90_000), [
      MIB,
    ]);
    readAsSocket(reader, join([fill(7, MIB - 1 - 90_000 + 14), next]), [MIB]);
    expect(reserve.taken).toBe(0);
  });

  test("when the sink throws, and the reader is stopped then", () => {
    const sink = new RecordingSink(() => {
      throw new Error("no");
    });
    const { reader, reserve } = inTheMiddle(sink);
    const ping = asClient(encode({ opcode: 9, payload: utf8("ping") }));
    readAsSocket(reader, rest, [SHARED]);
    expect(() => readAsSocket(reader, ping, [SHARED])).toThrow("no");
    reader.stop();
    expect(reserve.taken).toBe(0);
  });

  test.each(["onFrame", "bodyFor"] as const)("and is not reserved when %s has stopped the reader", (callback) => {
    const reserve = new CountingReserve();
    const sink = new RecordingSink();
    const stop = (): undefined => {
      reader.stop();
    };
    if (callback === "onFrame") sink.onFrame = stop;
    const bodyFor = callback === "bodyFor" ? stop : (): undefined => undefined;
    const reader = new FrameReader(sink, { ...options, reserve, bodyFor });
    reader.push(asClient(encode({ fin: false, opcode: 2, payload: fill(7, MIB) })).subarray(0, 60_000));
    expect([reserve.asked, reader.unfinishedBytes]).toEqual([[], 0]);
  });

  test.each([8, 9, 10])("and nothing more is called when onFrame has stopped the reader (opcode %i)", (opcode) => {
    const sink = new RecordingSink();
    sink.onFrame = () => reader.stop();
    const reader = new FrameReader(sink, options);
    reader.push(asClient(encode({ opcode, payload: fill(0, 0) })));
    expect(sink.calls).toEqual([]);
  });
});
