import { describe, expect, test } from "vitest";
import { type Bytes, allocate } from "../../src/protocol/bytes.ts";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import { maskInto } from "../../src/protocol/mask.ts";
import type { StreamedBody } from "../../src/protocol/message-body.ts";
import { ReservedBit } from "../../src/protocol/frame-header.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { copy, hex, toHex } from "../support/bytes.ts";
import { asClient } from "../support/frames.ts";
import { RecordingSink } from "../support/recording-sink.ts";

/** Hands over each piece as it comes, as a copy. */
class Stream implements StreamedBody {
  readonly pieces: string[] = [];
  ended = 0;
  length = 0;

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
function stream(chunks: readonly Uint8Array[], options: Partial<ReaderOptions> = {}) {
  const streams: Stream[] = [];
  const sink = new RecordingSink();
  const bodyFor = (): Stream => streams[streams.push(new Stream()) - 1]!;
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

  test("needs none when it lies whole in a chunk, and may decline one", () => {
    expect(stream([asClient(hex("81 01 61"))])).toEqual({ calls: [["text", "a"]], streams: [] });
    const pieces = [asClient(hex("01 01 61")), asClient(hex("80 01 62"))];
    expect(stream(pieces, { bodyFor: () => undefined }).calls).toEqual([["text", "ab"]]);
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

  test("has the limits of a message", () => {
    const [one, more] = [asClient(hex("02 02 01 02")), asClient(hex("80 02 03 04"))];
    expect(stream([one, more], { maxMessageSize: 3 })).toEqual({
      calls: [["fail", "HWS_MESSAGE_TOO_BIG", 1009]],
      streams: [["0102", 0]],
    });
    expect(stream([one], { maxMessageSize: 1 }).streams).toEqual([]);
    expect(stream([one, more], { maxFragments: 1 }).calls).toEqual([["fail", "HWS_TOO_MANY_FRAGMENTS", 1009]]);
  });

  test("has none where it is transformed: it is passed on when it is complete", () => {
    const pieces = [asClient(hex("41 01 61")), asClient(hex("80 01 62"))];
    expect(stream(pieces, { transformBit: ReservedBit.rsv1 })).toEqual({
      calls: [["transformed text", "6162"]],
      streams: [],
    });
  });
});
