import { expect } from "vitest";
import { FrameReader } from "../../src/protocol/frame-reader.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { byteByByte, copy, cutAt, join } from "./bytes.ts";
import { asClient, encode } from "./frames.ts";
import { type Call, RecordingSink } from "./recording-sink.ts";

const PING = { opcode: 9, payload: Uint8Array.of(0x21) };

/**
 * The calls of a new reader for these chunks. Checks that they are the same with short texts as strings.
 *
 * @param chunks - Are copied: a reader unmasks in place.
 * @param options - The reader's.
 */
export function read(chunks: readonly Uint8Array[], options: ReaderOptions): readonly Call[] {
  const calls = callsOf(chunks, options);
  // A check of the test would be called twice.
  if (options.isUtf8 === undefined)
    expect(callsOf(chunks, { ...options, textAsString: true }), "with short texts as strings").toEqual(calls);
  return calls;
}

function callsOf(chunks: readonly Uint8Array[], options: ReaderOptions): readonly Call[] {
  const sink = new RecordingSink();
  const reader = new FrameReader(sink, options);
  for (const chunk of chunks) reader.push(copy(chunk));
  return sink.calls;
}

/**
 * Reads whole frames three ways: in one chunk, byte by byte, and with bytes after them.
 *
 * @param bytes - Whole frames, or what is failed before the frame ends.
 * @param expected - The calls it must lead to, none other.
 * @param options - The reader's.
 */
export function threeWays(bytes: Uint8Array, expected: readonly Call[], options: ReaderOptions): void {
  expect(read([bytes], options), "whole").toEqual(expected);
  expect(read(byteByByte(bytes), options), "byte by byte").toEqual(expected);
  const last = expected.at(-1)?.[0];
  // After a close frame or a failure a ping is discarded; after all else it is read.
  const ping = encode(PING, options.role === "server" ? [1, 2, 3, 4] : undefined);
  const after: readonly Call[] = last === "close" || last === "fail" ? [] : [["ping", "21"]];
  const longer = join([bytes, ping, ping.subarray(0, 1)]);
  expect(read([longer], options), "with bytes after").toEqual([...expected, ...after]);
}

/**
 * Reads frames the three ways, as a client reads them and, masked, as a server does.
 *
 * @param frames - Each frame as a server sends it.
 * @param expected - The calls they must lead to.
 * @param options - The reader's, but for the role.
 */
export function bothRoles(
  frames: readonly Uint8Array[],
  expected: readonly Call[],
  options: Omit<ReaderOptions, "role"> = {},
): void {
  threeWays(join(frames), expected, { ...options, role: "client" });
  threeWays(join(frames.map((frame) => asClient(frame))), expected, { ...options, role: "server" });
}

/**
 * Reads the bytes in two chunks, cut once at each offset.
 *
 * @param bytes - Whole frames.
 * @param expected - The calls they must lead to, wherever the cut is.
 * @param options - The reader's.
 */
export function cutEverywhere(bytes: Uint8Array, expected: readonly Call[], options: ReaderOptions): void {
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(read(cutAt(bytes, [cut]), options), `cut at ${cut}`).toEqual(expected);
  }
}
