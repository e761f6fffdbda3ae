import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import type { DataOpcode } from "../../src/protocol/opcodes.ts";
import { FrameReader, type FrameSink } from "../../src/protocol/frame-reader.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { fill, hex, join, toHex, utf8 } from "../support/bytes.ts";
import { asClient, encode } from "../support/frames.ts";
import { cases, seed } from "../support/fuzz.ts";

/** The size of the memory that is lent: what a socket reads at most. */
const LENT = 65_536;

/** A message or a control frame: its type, and its bytes. */
type Entry = readonly [kind: number, bytes: Uint8Array];

/** Keeps messages without copying them. */
class Keeper implements FrameSink {
  readonly kept: Entry[] = [];

  onMessage(opcode: DataOpcode, bytes: Bytes, start: number, end: number): void {
    this.kept.push([opcode, bytes.subarray(start, end)]);
  }

  onText(text: string): void {
    this.kept.push([1, utf8(text)]);
  }

  onTransformed(): void {
    throw new Error("no extension");
  }

  onFrame(): void {}

  onPing(payload: Bytes): void {
    // Valid until the call returns.
    this.kept.push([9, Uint8Array.from(payload)]);
  }

  onPong(payload: Bytes): void {
    this.kept.push([10, Uint8Array.from(payload)]);
  }

  onClose(code: number): void {
    this.kept.push([8, Uint8Array.of(code >>> 8, code & 0xff)]);
  }

  onError(error: Error): void {
    throw error;
  }
}

/** Keeps binary messages, and makes strings of texts before the call returns, as a connection with strings does. */
class Decoder extends Keeper {
  override onMessage(opcode: DataOpcode, bytes: Bytes, start: number, end: number): void {
    if (opcode === 1) this.kept.push([1, utf8(bytes.utf8Slice(start, end))]);
    else super.onMessage(opcode, bytes, start, end);
  }
}

/** Pushes the stream in chunks of the sizes through one memory, which is overwritten after each push. */
function lend(
  sink: FrameSink,
  stream: Uint8Array,
  sizes: readonly number[],
  options: Partial<ReaderOptions> = {},
): void {
  const reader = new FrameReader(sink, { role: "server", ...options });
  const memory = asBytes(Buffer.alloc(LENT, 0xee));
  for (let at = 0, i = 0; at < stream.length; i++) {
    const chunk = stream.subarray(at, at + sizes[i % sizes.length]!);
    memory.set(chunk);
    reader.push(memory, chunk.length, true);
    memory.fill(0xee);
    at += chunk.length;
  }
}

/** The same with chunks that the reader may keep. */
function give(
  sink: FrameSink,
  stream: Uint8Array,
  sizes: readonly number[],
  options: Partial<ReaderOptions> = {},
): void {
  const reader = new FrameReader(sink, { role: "server", ...options });
  for (let at = 0, i = 0; at < stream.length; i++) {
    const chunk = asBytes(Buffer.from(stream.subarray(at, at + sizes[i % sizes.length]!)));
    reader.push(chunk);
    at += chunk.length;
  }
}

function digest(entries: readonly Entry[]): string[] {
  // Hexadecimal digits of everything would take most of the test's time.
  return entries.map(([kind, bytes]) => `${kind} ${Buffer.from(bytes).toString("latin1")}`);
}

/** Bytes that differ between near places, and between payloads. */
function bytesOf(length: number, salt: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8) * 13 + salt * 31) & 0xff);
}

const key = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => [...bytes]);

const binary = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.nat({ max: 200 }) },
      { weight: 3, arbitrary: fc.integer({ min: 1000, max: 1100 }) },
      { weight: 2, arbitrary: fc.constantFrom(0, 125, 126, 127, 5000, 20_000) },
      { weight: 1, arbitrary: fc.constantFrom(65_522, 65_535, 65_536, 70_001, 150_000) },
    ),
    fc.nat({ max: 255 }),
  )
  .map(([length, salt]) => bytesOf(length, salt));

const text = fc
  .tuple(
    fc.oneof(fc.string({ unit: "binary-ascii", maxLength: 40 }), fc.string({ unit: "grapheme", maxLength: 40 })),
    fc.constantFrom(1, 1, 1, 1, 3, 10, 100, 3000),
  )
  .map(([part, times]) => utf8(part.repeat(times)));

const control = fc
  .tuple(fc.constantFrom(9, 10), fc.uint8Array({ maxLength: 125 }), key)
  .map(([opcode, payload, k]) => ({
    frame: asClient(encode({ opcode, payload }), k),
    entry: [opcode, payload] as Entry,
  }));

/** The sent stream, and the expected result. */
interface Part {
  readonly frames: readonly Uint8Array[];
  readonly entries: readonly Entry[];
}

const whole: fc.Arbitrary<Part> = fc
  .oneof(fc.tuple(fc.constant(1), text), fc.tuple(fc.constant(2), binary))
  .chain(([opcode, payload]) =>
    key.map((k): Part => ({ frames: [asClient(encode({ opcode, payload }), k)], entries: [[opcode, payload]] })),
  );

/** A message in two or three fragments with a control frame after the first. */
const fragmented: fc.Arbitrary<Part> = fc
  .tuple(
    fc.oneof(
      fc.tuple(fc.constant(1), fc.array(text, { minLength: 2, maxLength: 3 })),
      fc.tuple(fc.constant(2), fc.array(binary, { minLength: 2, maxLength: 3 })),
    ),
    control,
    key,
  )
  .map(([[opcode, parts], { frame, entry }, k]): Part => {
    const frames = parts.map((payload, i) =>
      asClient(encode({ fin: i === parts.length - 1, opcode: i === 0 ? opcode : 0, payload }), k),
    );
    return { frames: [frames[0]!, frame, ...frames.slice(1)], entries: [entry, [opcode, join(parts)]] };
  });

const stream = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: whole },
    { weight: 3, arbitrary: control.map(({ frame, entry }): Part => ({ frames: [frame], entries: [entry] })) },
    { weight: 2, arbitrary: fragmented },
  ),
  { minLength: 1, maxLength: 25, size: "max" },
);

const sizes = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 300 }) },
    { weight: 2, arbitrary: fc.integer({ min: 300, max: 10_000 }) },
    { weight: 3, arbitrary: fc.integer({ min: 10_000, max: LENT }) },
    { weight: 2, arbitrary: fc.constant(LENT) },
  ),
  { minLength: 1, maxLength: 8 },
);

/** Reads any stream through lent memory and through owned chunks, and compares both with what was sent. */
function checkKept(make: () => Keeper, options: Partial<ReaderOptions>): void {
  const property = fc.property(stream, sizes, (parts, cuts) => {
    const bytes = join(parts.flatMap(({ frames }) => frames));
    const expected = digest(parts.flatMap(({ entries }) => entries));
    const [lent, own] = [make(), make()];
    lend(lent, bytes, cuts, options);
    give(own, bytes, cuts, options);
    // One by one: the difference of two lists of all bytes would be unreadable.
    expect(lent.kept.length).toBe(expected.length);
    expect(
      digest(lent.kept).findIndex((one, i) => one !== expected[i]),
      "from lent chunks",
    ).toBe(-1);
    expect(
      digest(own.kept).findIndex((one, i) => one !== expected[i]),
      "from owned chunks",
    ).toBe(-1);
  });
  fc.assert(property, { seed, numRuns: cases(150) });
}

describe("messages that are kept", () => {
  test("are intact when the memory they came in is used again: bytes as views, texts as strings", () => {
    checkKept(() => new Decoder(), { textAsString: true });
  });

  test("are intact when the memory they came in is used again: bytes and texts as views", () => {
    checkKept(() => new Keeper(), { textAsString: false });
  });

  test.each([
    ["a binary message", 2, fill(0xb5, 20)],
    ["an empty binary message", 2, fill(0, 0)],
    ["a long binary message", 2, fill(0xb5, 5000)],
    ["an ASCII text", 1, utf8("hello")],
    ["a long ASCII text", 1, utf8("hello".repeat(100))],
    ["a text that is not ASCII", 1, utf8("Gr\u00fc\u00dfe")],
  ])("do not lie in memory that was lent: %s, alone and after others", (_what, opcode, payload) => {
    for (const before of [0, 1, 3]) {
      const sink = new Keeper();
      const frame = asClient(encode({ opcode, payload }));
      const others = Array.from({ length: before }, () => asClient(encode({ opcode: 1, payload: utf8("before") })));
      lend(sink, join([...others, frame, frame]), [LENT]);
      expect(sink.kept.slice(before).map(([, bytes]) => toHex(bytes))).toEqual([toHex(payload), toHex(payload)]);
    }
  });
});

describe("a chunk that is lent", () => {
  test("is read up to its end: the bytes after it in its memory are no message", () => {
    const sink = new Keeper();
    const reader = new FrameReader(sink, { role: "server", textAsString: true });
    const [one, two] = ["one", "two"].map((word) => asClient(encode({ opcode: 1, payload: utf8(word) })));
    const old = asClient(encode({ opcode: 2, payload: fill(1, 300) }));
    for (const cut of [1, 2, 5, 6, 8]) {
      // The memory still has what was read before.
      const memory = join([one!, two!.subarray(0, cut), old]);
      reader.push(memory, one!.length + cut, true);
      reader.push(join([two!.subarray(cut), old]), two!.length - cut, true);
    }
    expect(sink.kept.map(([, bytes]) => Buffer.from(bytes).toString())).toEqual(
      Array.from({ length: 5 }, () => ["one", "two"]).flat(),
    );
  });

  test.each([1, 2, 3])("of %i bytes is read to its end also where a header is cut several times", (size) => {
    const sink = new Decoder();
    const reader = new FrameReader(sink, { role: "server", textAsString: true });
    const frames = join([
      asClient(encode({ opcode: 1, payload: utf8("text") })),
      asClient(encode({ opcode: 2, payload: fill(5, 300) })),
      asClient(encode({ opcode: 9, payload: utf8("ping") })),
      asClient(encode({ opcode: 2, payload: hex("") })),
    ]);
    for (let at = 0; at < frames.length; at += size) {
      const chunk = frames.subarray(at, at + size);
      // The bytes after it look like the rest of a header.
      reader.push(join([chunk, fill(0x01, 200)]), chunk.length, true);
    }
    expect(sink.kept.map(([kind, bytes]) => [kind, toHex(bytes)])).toEqual([
      [1, toHex(utf8("text"))],
      [2, toHex(fill(5, 300))],
      [9, toHex(utf8("ping"))],
      [2, ""],
    ]);
  });

  test.each([0, 1, 8, 9, 60, 125])("cuts a control frame of %i bytes anywhere, once and twice", (length) => {
    const [ping, after] = [bytesOf(length, 1), bytesOf(20, 2)];
    const frame = asClient(encode({ opcode: 9, payload: ping }));
    const all = join([frame, asClient(encode({ opcode: 2, payload: after }))]);
    const expected = digest([
      [9, ping],
      [2, after],
    ]);
    for (let cut = 1; cut <= frame.length; cut++) {
      for (const second of [1, 3, 20, LENT]) {
        const sink = new Keeper();
        lend(sink, all, [cut, second, LENT]);
        expect(digest(sink.kept), `cut at ${cut} and ${second} after it`).toEqual(expected);
      }
    }
  });

  test("that is empty calls nothing", () => {
    const sink = new Keeper();
    const reader = new FrameReader(sink, { role: "server", textAsString: true });
    reader.push(join([asClient(encode({ opcode: 1, payload: utf8("old") }))]), 0, true);
    expect(sink.kept).toEqual([]);
  });

  test("shows a ping its payload while the ping is answered", () => {
    const seen: string[] = [];
    const sink = new Keeper();
    sink.onPing = (payload) => seen.push(toHex(payload));
    const frame = asClient(encode({ opcode: 9, payload: utf8("ping") }));
    lend(sink, join([frame, frame, frame]), [17]);
    expect(seen).toEqual(Array.from({ length: 3 }, () => toHex(utf8("ping"))));
  });

  test("may be followed by one that is not, whose messages are views of it", () => {
    const sink = new Keeper();
    const reader = new FrameReader(sink, { role: "server" });
    const frame = asClient(encode({ opcode: 2, payload: fill(3, 9) }));
    const memory = join([frame]);
    reader.push(memory, frame.length, true);
    memory.fill(0xee);
    const own = join([frame]);
    reader.push(own);
    expect(sink.kept.map(([, bytes]) => toHex(bytes))).toEqual([toHex(fill(3, 9)), toHex(fill(3, 9))]);
    expect(sink.kept[1]![1].buffer).toBe(own.buffer);
  });

  test("of many binary messages is copied once, not once for each", () => {
    const sink = new Keeper();
    const frame = asClient(encode({ opcode: 2, payload: fill(4, 10) }));
    lend(sink, join(Array.from({ length: 100 }, () => frame)), [LENT]);
    expect(new Set(sink.kept.map(([, bytes]) => bytes.buffer)).size).toBe(1);
  });

  test.each([1, 2, 50])("delivers nothing more once message %i in it has stopped the reader", (last) => {
    const sink = new Keeper();
    const reader = new FrameReader(sink, { role: "server", textAsString: true });
    const keep = sink.onMessage.bind(sink);
    sink.onMessage = (...message) => {
      keep(...message);
      if (sink.kept.length === last) reader.stop();
    };
    const frame = asClient(encode({ opcode: 2, payload: fill(4, 10) }));
    const memory = join(Array.from({ length: 60 }, () => frame));
    reader.push(memory, memory.length, true);
    reader.push(memory, memory.length, true);
    expect(sink.kept).toHaveLength(last);
  });
});
