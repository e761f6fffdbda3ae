import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import type { DataOpcode } from "../../src/protocol/opcodes.ts";
import { FrameReader, type FrameSink } from "../../src/protocol/frame-reader.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { MAX_SHORT_PAYLOAD, SHORT_HEADER, unmaskShortTexts } from "../../src/protocol/short-texts.ts";
import { copy, cutAt, fill, hex, join, toHex, utf8 } from "../support/bytes.ts";
import { KEY, asClient, encode } from "../support/frames.ts";
import { cases, seed } from "../support/fuzz.ts";
import { RecordingSink } from "../support/recording-sink.ts";

const NO_KEY = [0, 0, 0, 0];

/** The maximum number of bytes that are read as one run. */
const TOGETHER = 1024;

function client(text: string, key: readonly number[] = KEY): Bytes {
  return asClient(encode({ opcode: 1, payload: utf8(text) }), key);
}

/** A key with four different bytes, unique in the run. */
function keyOf(i: number): number[] {
  return [i + 1, 0x80 + i, 0xfe - i, 0x3c ^ i].map((byte) => byte & 0xff);
}

/** Frames one after the other, with other bytes around them, and where each begins. */
function run(frames: readonly Uint8Array[]): { bytes: Bytes; starts: number[]; end: number } {
  const starts: number[] = [];
  let at = 5;
  for (const frame of frames) {
    starts.push(at);
    at += frame.length;
  }
  // The bytes after it would be a text too: they must not be read.
  return { bytes: join([hex("81 81 81 81 81"), ...frames, client("after")]), starts, end: at };
}

/** How a sink gets texts: as strings or as bytes. */
type Told = readonly [how: "string" | "bytes" | "binary" | "ping" | "pong" | "close" | "fail", what: string];

class Teller implements FrameSink {
  readonly told: Told[] = [];
  readonly #then: (told: Told) => void;

  constructor(then: (told: Told) => void = () => undefined) {
    this.#then = then;
  }

  onMessage(opcode: DataOpcode, bytes: Bytes, start: number, end: number): void {
    if (opcode === 1) this.#tell("bytes", bytes.utf8Slice(start, end));
    else this.#tell("binary", toHex(bytes.subarray(start, end)));
  }

  onText(text: string): void {
    this.#tell("string", text);
  }

  onTransformed(): void {
    throw new Error("no extension");
  }

  onFrame(): void {}

  onPing(payload: Bytes): void {
    this.#tell("ping", toHex(payload));
  }

  onPong(payload: Bytes): void {
    this.#tell("pong", toHex(payload));
  }

  onClose(code: number): void {
    this.#tell("close", `${code}`);
  }

  onError({ code, closeCode }: { code: string; closeCode?: number }): void {
    this.#tell("fail", `${code} ${closeCode}`);
  }

  #tell(how: Told[0], what: string): void {
    this.told.push([how, what]);
    this.#then(this.told.at(-1)!);
  }
}

function tell(chunks: readonly Uint8Array[], options: Partial<ReaderOptions> = {}): Told[] {
  const sink = new Teller();
  const reader = new FrameReader(sink, { role: "server", textAsString: true, ...options });
  for (const chunk of chunks) reader.push(copy(chunk));
  return sink.told;
}

describe("unmasking a run of short ASCII texts", () => {
  test.each([0, 1, 2, 3, 4, 5, 31, 63, 64, 65, 124, 125])(
    "leaves a text of %i bytes as if its key had been 0, and touches nothing beside",
    (length) => {
      const texts = ["a", "x".repeat(length), "\u0000\u007f", "x".repeat(length)];
      const { bytes, starts, end } = run(texts.map((text, i) => client(text, keyOf(i))));
      expect(unmaskShortTexts(bytes, starts[0]!, end)).toBe(end);
      expect(toHex(bytes)).toBe(toHex(run(texts.map((text) => client(text, NO_KEY))).bytes));
    },
  );

  test("has a header of six bytes, and a text of at most 125 after it", () => {
    expect([SHORT_HEADER, MAX_SHORT_PAYLOAD]).toEqual([client("").length, 125]);
  });

  test("ends before a text that is cut off, at any place, and does not change it", () => {
    const frames = ["", "hello", "x".repeat(70), "", "y"].map((text, i) => client(text, keyOf(i)));
    const plain = ["", "hello", "x".repeat(70), "", "y"].map((text) => client(text, NO_KEY));
    const { starts, end } = run(frames);
    for (let cut = starts[0]!; cut <= end; cut++) {
      const { bytes } = run(frames);
      const whole = [...starts, end].filter((boundary) => boundary <= cut).length - 1;
      const expected = run(frames.map((frame, i) => (i < whole ? plain[i]! : frame))).bytes;
      expect(unmaskShortTexts(bytes, starts[0]!, cut), `cut at ${cut}`).toBe([...starts, end][whole]);
      expect(toHex(bytes), `cut at ${cut}`).toBe(toHex(expected));
    }
  });

  test.each([0, 1, 2])("ends before a text that is not ASCII, whose key is 0 from then on: number %i", (which) => {
    const texts = ["one", "two", "three"].map((text, i) => (i === which ? "sm\u00f8rrebr\u00f8d" : text));
    const { bytes, starts, end } = run(texts.map((text, i) => client(text, keyOf(i))));
    const expected = run(texts.map((text, i) => client(text, i <= which ? NO_KEY : keyOf(i)))).bytes;
    expect(unmaskShortTexts(bytes, starts[0]!, end)).toBe(starts[which]);
    expect(toHex(bytes)).toBe(toHex(expected));
    // A second read from there has the same result.
    expect(unmaskShortTexts(bytes, starts[which]!, end)).toBe(starts[which]);
    expect(toHex(bytes)).toBe(toHex(expected));
  });

  test("detects a byte above 0x7f at any place in a text", () => {
    for (let at = 0; at < MAX_SHORT_PAYLOAD; at++) {
      const payload = fill(0x20, MAX_SHORT_PAYLOAD);
      payload[at] = 0x80;
      const frame = asClient(encode({ opcode: 1, payload }));
      expect(unmaskShortTexts(frame, 0, frame.length), `at ${at}`).toBe(0);
    }
  });

  test.each([
    ["a binary frame", asClient(encode({ opcode: 2, payload: utf8("abc") }))],
    ["a first fragment", asClient(encode({ fin: false, opcode: 1, payload: utf8("abc") }))],
    ["a last fragment", asClient(encode({ opcode: 0, payload: utf8("abc") }))],
    ["a ping", asClient(encode({ opcode: 9, payload: utf8("abc") }))],
    ["a close frame", asClient(encode({ opcode: 8, payload: hex("03 e8") }))],
    ["a text with a reserved bit", hex("c1 83 01 02 03 04 60 60 60")],
    ["a text that is not masked", hex("81 03 61 62 63 64 65 66 67")],
    ["a text that is not masked and empty", hex("81 00 81 00 81 00 81 00")],
    ["a text of 126 bytes", client("x".repeat(126))],
    ["a text of 65,536 bytes, of which the beginning has come", client("x".repeat(65_536)).subarray(0, 300)],
    ["125 bytes in a longer form than needed", hex("81 fe 00 7d 01 02 03 04", fill(0x60, 125))],
  ])("ends before what is not a short final text: %s", (_what, other) => {
    const { bytes, starts, end } = run([client("a"), client("b"), other, client("c")]);
    const expected = run([client("a", NO_KEY), client("b", NO_KEY), other, client("c")]).bytes;
    expect(unmaskShortTexts(bytes, starts[0]!, end)).toBe(starts[2]);
    expect(unmaskShortTexts(bytes, starts[2]!, end)).toBe(starts[2]);
    expect(toHex(bytes)).toBe(toHex(expected));
  });

  test("is empty without bytes", () => {
    expect(unmaskShortTexts(hex(""), 0, 0)).toBe(0);
    expect(unmaskShortTexts(client("abc"), 9, 9)).toBe(9);
  });

  test.each([0, 1, 2, 57, 125])("reads 1 KiB of texts of %i bytes at most, and only whole ones", (length) => {
    const frame = client("x".repeat(length));
    const count = Math.ceil((3 * TOGETHER) / frame.length);
    const { bytes, starts } = run(Array.from({ length: count }, () => frame));
    const before = copy(bytes);
    const end = starts[0]! + count * frame.length;
    const to = unmaskShortTexts(bytes, starts[0]!, end);
    expect(to).toBe(starts[0]! + Math.floor(TOGETHER / frame.length) * frame.length);
    expect(toHex(bytes.subarray(to))).toBe(toHex(before.subarray(to)));
    expect(unmaskShortTexts(bytes, to, end)).toBe(to + (to - starts[0]!));
  });
});

describe("a reader that makes strings of short texts", () => {
  test.each([
    [0, "string"],
    [1, "string"],
    [124, "string"],
    [125, "string"],
    [126, "bytes"],
    [200, "bytes"],
    [65_536, "bytes"],
  ] as const)("delivers an ASCII text of %i bytes as %s, alone and between others", (length, how) => {
    const text = "x".repeat(length);
    expect(tell([client(text)])).toEqual([[how, text]]);
    expect(tell([join([client("a"), client(text), client("b"), client("c")])])).toEqual([
      ["string", "a"],
      [how, text],
      ["string", "b"],
      ["string", "c"],
    ]);
  });

  test("delivers a text that is not ASCII as bytes, in its place", () => {
    const texts = ["one", "", "zwei \u20ac", "three", "\u{1f600}", "\u00e9", "four"];
    expect(tell([join(texts.map((text, i) => client(text, keyOf(i))))])).toEqual(
      texts.map((text) => [/^[a-z]*$/.test(text) ? "string" : "bytes", text]),
    );
  });

  test("refuses a text that is not UTF-8, after the texts before it", () => {
    const bad = asClient(encode({ opcode: 1, payload: hex("61 ff 62") }));
    expect(tell([join([client("a"), client("b"), bad, client("c")])])).toEqual([
      ["string", "a"],
      ["string", "b"],
      ["fail", "HWS_INVALID_UTF8 1007"],
    ]);
  });

  test("delivers more texts than one run has, each once and in order", () => {
    const texts = Array.from({ length: 400 }, (_, i) => `${i}`.padEnd(i % 126, "."));
    const all = join(texts.map((text, i) => client(text, keyOf(i))));
    expect(all.length).toBeGreaterThan(10 * TOGETHER);
    expect(tell([all])).toEqual(texts.map((text) => ["string", text]));
  });

  test("delivers texts that do not change when their memory is used again", () => {
    const sink = new Teller();
    const reader = new FrameReader(sink, { role: "server", textAsString: true });
    const chunk = join([client("first"), client("second"), client("third")]);
    reader.push(chunk);
    chunk.fill(0xee);
    expect(sink.told.map(([, text]) => text)).toEqual(["first", "second", "third"]);
  });

  test.each([1, 2, 3, 40])("delivers nothing more once text %i of a run has stopped it", (last) => {
    const texts = Array.from({ length: 60 }, (_, i) => `text ${i + 1}`);
    const sink = new Teller(([, text]) => {
      if (text === `text ${last}`) reader.stop();
    });
    const reader = new FrameReader(sink, { role: "server", textAsString: true });
    reader.push(join([...texts.map((text) => client(text)), asClient(encode({ opcode: 9, payload: utf8("p") }))]));
    reader.push(client("later"));
    expect(sink.told).toEqual(texts.slice(0, last).map((text) => ["string", text]));
  });

  test("is failed by the bytes after a run, once the run has been delivered", () => {
    expect(tell([join([client("a"), client("b"), asClient(hex("83 00")), client("c")])])).toEqual([
      ["string", "a"],
      ["string", "b"],
      ["fail", "HWS_RESERVED_OPCODE 1002"],
    ]);
  });

  test("is failed by a text inside a fragmented message, and does not touch that text", () => {
    const sink = new Teller();
    const reader = new FrameReader(sink, { role: "server", textAsString: true });
    const first = asClient(encode({ fin: false, opcode: 1, payload: utf8("begun") }));
    const inside = join([client("inside"), client("and after")]);
    const chunk = join([first, inside]);
    reader.push(chunk);
    expect(sink.told).toEqual([["fail", "HWS_CONTINUATION_EXPECTED 1002"]]);
    expect(toHex(chunk.subarray(first.length))).toBe(toHex(inside));
  });

  test("does not read short texts from the payload of a continuation frame", () => {
    const payload = join([client("one", NO_KEY), client("two", NO_KEY)]);
    const parts = [
      encode({ fin: false, opcode: 2, payload: hex("") }),
      encode({ fin: false, opcode: 0, payload }),
      encode({ opcode: 0, payload }),
    ];
    const all = join(parts.map((part) => asClient(part, NO_KEY)));
    for (let cut = 0; cut < all.length; cut++) {
      expect(tell(cutAt(join([all, client("c")]), [cut]))).toEqual([
        ["binary", toHex(join([payload, payload]))],
        ["string", "c"],
      ]);
    }
  });

  test("does so again after a fragmented message", () => {
    const fragments = [
      encode({ fin: false, opcode: 1, payload: utf8("be") }),
      encode({ opcode: 0, payload: utf8("gun") }),
    ];
    const all = join([client("a"), ...fragments.map((frame) => asClient(frame)), client("b"), client("c")]);
    expect(tell([all])).toEqual([
      ["string", "a"],
      ["bytes", "begun"],
      ["string", "b"],
      ["string", "c"],
    ]);
  });

  test.each([0, 1, 60, 124])("still refuses what is above a maxMessageSize of %i", (maxMessageSize) => {
    const fits = "x".repeat(maxMessageSize);
    expect(tell([join([client(fits), client(fits), client(`${fits}y`), client("")])], { maxMessageSize })).toEqual([
      ["bytes", fits],
      ["bytes", fits],
      ["fail", "HWS_MESSAGE_TOO_BIG 1009"],
    ]);
    expect(tell([client("x".repeat(125))], { maxMessageSize })).toEqual([["fail", "HWS_MESSAGE_TOO_BIG 1009"]]);
  });

  test("makes strings when the limit allows every short text, and refuses a longer one", () => {
    const fits = "x".repeat(125);
    expect(tell([join([client(fits), client(fits), client(`${fits}y`)])], { maxMessageSize: 125 })).toEqual([
      ["string", fits],
      ["string", fits],
      ["fail", "HWS_MESSAGE_TOO_BIG 1009"],
    ]);
  });

  test("makes none in the role of a client, nor without the option", () => {
    const frame = encode({ opcode: 1, payload: utf8("abc") });
    expect(tell([join([frame, frame])], { role: "client" })).toEqual([
      ["bytes", "abc"],
      ["bytes", "abc"],
    ]);
    expect(tell([client("abc")], { textAsString: false })).toEqual([["bytes", "abc"]]);
  });

  test("refuses a masked text in the role of a client", () => {
    // RFC 6455 5.1: a server must not mask.
    expect(tell([join([client("abc"), client("def")])], { role: "client" })).toEqual([
      ["fail", "HWS_MASK_FORBIDDEN 1002"],
    ]);
  });
});

/** The frames of a message or a control frame, and the expected calls of a reader. */
interface Item {
  readonly frames: readonly Bytes[];
  readonly told: readonly [kind: "text" | "binary" | "ping" | "pong", what: string];
}

const ascii = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 12 }) },
  { weight: 2, arbitrary: fc.nat({ max: 130 }).map((length) => "t".repeat(length)) },
);
const key = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => [...bytes]);
const item: fc.Arbitrary<Item> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.tuple(ascii, key).map(([text, k]): Item => ({ frames: [client(text, k)], told: ["text", text] })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.string({ unit: "grapheme", maxLength: 40 }), key)
      .map(([text, k]): Item => ({ frames: [client(text, k)], told: ["text", new TextDecoder().decode(utf8(text))] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(2, 9, 10), key)
      .map(([payload, opcode, k]): Item => {
        const kind = opcode === 2 ? "binary" : opcode === 9 ? "ping" : "pong";
        return { frames: [asClient(encode({ opcode, payload }), k)], told: [kind, toHex(payload)] };
      }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(ascii, ascii, key).map(([one, other, k]): Item => {
      const frames = [
        encode({ fin: false, opcode: 1, payload: utf8(one) }),
        encode({ opcode: 0, payload: utf8(other) }),
      ];
      return { frames: frames.map((frame) => asClient(frame, k)), told: ["text", one + other] };
    }),
  },
);

describe("any mixture of frames, cut anywhere", () => {
  test("is delivered unchanged, the same with short texts as strings and without", () => {
    let strings = 0;
    const property = fc.property(
      fc.array(item, { minLength: 1, maxLength: 80, size: "max" }),
      fc.array(fc.nat(4000), { maxLength: 6 }),
      (items, cuts) => {
        const chunks = cutAt(join(items.flatMap(({ frames }) => frames)), cuts);
        const expected = items.map(({ told }) => told);
        for (const texts of [true, false]) {
          const sink = new RecordingSink();
          const reader = new FrameReader(sink, { role: "server", textAsString: texts });
          for (const chunk of chunks) reader.push(copy(chunk));
          expect(sink.calls, `texts: ${texts}`).toEqual(expected);
        }
        strings += tell(chunks).filter(([how]) => how === "string").length;
      },
    );
    fc.assert(property, { seed, numRuns: cases(400) });
    expect(strings).toBeGreaterThan(cases(400));
  });

  test("delivers short ASCII texts as strings, unless they are cut", () => {
    const property = fc.property(fc.array(item, { minLength: 1, maxLength: 80, size: "max" }), (items) => {
      const told = tell([join(items.flatMap(({ frames }) => frames))]);
      const expected = items.map(({ frames, told: [kind, what] }) => {
        const short = frames.length === 1 && what.length <= 125 && /^\p{ASCII}*$/u.test(what);
        return [kind !== "text" ? kind : short ? "string" : "bytes", what];
      });
      expect(told).toEqual(expected);
    });
    fc.assert(property, { seed, numRuns: cases(300) });
  });

  test("is read only from the given start to the given end of the memory", () => {
    const sink = new Teller();
    const reader = new FrameReader(sink, { role: "server", textAsString: true });
    const frame = join([client("a"), client("b")]);
    reader.push(asBytes(Buffer.concat([frame, client("not there")])), frame.length);
    reader.push(client("c"));
    expect(sink.told.map(([, text]) => text)).toEqual(["a", "b", "c"]);
  });
});
