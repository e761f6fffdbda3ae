import { describe, expect, test } from "vitest";
import { type Bytes, allocate } from "../../src/protocol/bytes.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { maskInto } from "../../src/protocol/mask.ts";
import type { StreamedBody } from "../../src/protocol/message-body.ts";
import { ReservedBit } from "../../src/protocol/frame-header.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { copy, hex, join, toHex } from "../support/bytes.ts";
import { asClient } from "../support/frames.ts";
import { RecordingSink } from "../support/recording-sink.ts";

/** Hands over each piece as it comes, as a copy. */
class Stream implements StreamedBody {
  readonly pieces: string[] = [];
  ended = 0;
  length = 0;
  /** Of each `cut`: the message of its cause. */
  readonly cuts: (string | undefined)[] = [];
  readonly waitingBytes = 0;
  readonly #most: number;

  constructor(most = Infinity) {
    this.#most = most;
  }

  beginFrame(length: number): "HWS_STREAM_TOO_BIG" | undefined {
    return this.length + length > this.#most ? "HWS_STREAM_TOO_BIG" : undefined;
  }

  cut(cause: Error | undefined): void {
    this.cuts.push((cause as { code?: string } | undefined)?.code);
  }

  append(chunk: Bytes, start: number, end: number): void {
    this.appendMasked(chunk, start, end, 0, 0);
  }

  appendMasked(chunk: Bytes, start: number, end: number, _expected: number, key: number): void {
    const piece = allocate(end - start);
    maskInto(piece, 0, chunk, start, end, key);
    this.length += piece.length;
    this.pieces.push(toHex(piece));
  }

  end(): void {
    this.ended++;
  }
}

/** Reads the chunks, in memory that is overwritten after each, with a stream for each message in pieces. */
function stream(chunks: readonly Uint8Array[], options: Partial<ReaderOptions> = {}, most?: number) {
  const streams: Stream[] = [];
  const sink = new RecordingSink();
  const bodyFor = (): Stream => streams[streams.push(new Stream(most)) - 1]!;
  const reader = new FrameReader(sink, { role: "server", bodyFor, ...options });
  for (const chunk of chunks.map((bytes) => copy(bytes))) {
    reader.push(chunk, chunk.length, true);
    chunk.fill(0xee);
  }
  return { calls: sink.calls, streams: streams.map(({ pieces, ended }) => [pieces.join(" "), ended]) };
}

describe("a message with a body of its own", () => {
  test.each([1, 2])("is delivered as it comes, and then ended (opcode %i)", (opcode) => {
    const first = asClient(hex(Uint8Array.of(opcode, 3), "61 62 63"));
    const last = asClient(hex("80 02 64 65"));
    const chunks = [first.subarray(0, 8), first.subarray(8), asClient(hex("89 00")), last];
    expect(stream(chunks)).toEqual({ calls: [["ping", ""]], streams: [["6162 63 6465", 1]] });
    expect(stream(chunks.slice(0, 3)).streams).toEqual([["6162 63", 0]]);
  });

  test("is written to it also when it lies whole in a chunk", () => {
    const two = join([asClient(hex("81 01 61")), asClient(hex("82 01 62")), asClient(hex("82 00"))]);
    expect(stream([two], { textAsString: true })).toEqual({
      calls: [],
      streams: [
        ["61", 1],
        ["62", 1],
        ["", 1],
      ],
    });
  });

  test("is gathered where there is none for it", () => {
    const pieces = [asClient(hex("01 01 61")), asClient(hex("80 01 62")), asClient(hex("81 01 63"))];
    expect(stream(pieces, { bodyFor: () => undefined }).calls).toEqual([
      ["text", "ab"],
      ["text", "c"],
    ]);
    const big = { bodyFor: () => undefined, maxMessageSize: 1 };
    expect(stream([asClient(hex("81 02 61 62"))], big).calls).toEqual([["fail", "HWS_MESSAGE_TOO_BIG", 1009]]);
  });

  test("may be empty", () => {
    expect(stream([asClient(hex("02 00")), asClient(hex("80 00"))]).streams).toEqual([["", 1]]);
  });

  test("fails at the first byte that is not UTF-8, and is not ended", () => {
    const failed = [["fail", "HWS_INVALID_UTF8", 1007]];
    const pieces = [asClient(hex("01 01 61")), asClient(hex("00 7e 01 00 ff")), asClient(hex("80 00"))];
    expect(stream(pieces)).toEqual({ calls: failed, streams: [["61", 0]] });
    expect(stream([asClient(hex("01 01 c3")), asClient(hex("80 00"))])).toEqual({
      calls: failed,
      streams: [["c3", 0]],
    });
  });

  test("has the limit of its body, and neither maxMessageSize nor maxFragments", () => {
    const [one, more] = [asClient(hex("02 02 01 02")), asClient(hex("80 02 03 04"))];
    expect(stream([one, more], { maxMessageSize: 1, maxFragments: 1 }).streams).toEqual([["0102 0304", 1]]);
    expect(stream([one, more], {}, 3)).toEqual({
      calls: [["fail", "HWS_STREAM_TOO_BIG", 1009]],
      streams: [["0102", 0]],
    });
    expect(stream([asClient(hex("82 02 01 02"))], {}, 1).calls).toEqual([["fail", "HWS_STREAM_TOO_BIG", 1009]]);
  });

  test("is written to it as it is, where it is transformed", () => {
    const chunks = [asClient(hex("41 01 ff")), asClient(hex("80 01 62")), asClient(hex("c2 01 63"))];
    const asked: unknown[] = [];
    const bodyFor = (...question: unknown[]): Stream => {
      asked.push(question);
      return new Stream();
    };
    expect(stream(chunks, { transformBit: ReservedBit.rsv1 }).streams).toEqual([
      ["ff 62", 1],
      ["63", 1],
    ]);
    stream(chunks, { transformBit: ReservedBit.rsv1, bodyFor });
    expect(asked).toEqual([
      [1, true],
      [2, true],
    ]);
  });
});

describe("a body whose message is not read to its end", () => {
  /** A reader in the middle of a message, and its body. */
  function inTheMiddle() {
    const body = new Stream();
    const sink = new RecordingSink();
    const reader = new FrameReader(sink, { role: "server", bodyFor: () => body });
    reader.push(asClient(hex("01 01 61")));
    return { body, sink, reader };
  }

  test("is told why reading has stopped", () => {
    const stopped = inTheMiddle();
    stopped.reader.stop(Object.assign(new Error("gone"), { code: "GONE" }));
    const broken = inTheMiddle();
    broken.reader.push(asClient(hex("83 00")));
    const closed = inTheMiddle();
    closed.reader.push(asClient(hex("88 00")));
    expect([stopped, broken, closed].map(({ body }) => [body.cuts, body.ended])).toEqual([
      [["GONE"], 0],
      [["HWS_RESERVED_OPCODE"], 0],
      [[undefined], 0],
    ]);
  });

  test("still gets the rest when nobody wants it any more, and the messages after it are read", () => {
    const { body, reader, sink } = inTheMiddle();
    reader.cutStream();
    reader.push(join([asClient(hex("80 01 62")), asClient(hex("89 00"))]));
    expect([body.cuts, body.pieces, sink.calls]).toEqual([[undefined], ["61", "62"], [["ping", ""]]]);
    reader.cutStream();
    expect(body.cuts).toHaveLength(1);
  });

  test("is not cut where the message is gathered", () => {
    const sink = new RecordingSink();
    const reader = new FrameReader(sink, { role: "server" });
    reader.push(asClient(hex("01 01 61")));
    reader.cutStream();
    reader.push(asClient(hex("80 01 62")));
    expect(sink.calls).toEqual([["text", "ab"]]);
  });
});
