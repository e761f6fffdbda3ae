import { type ErrorRow, errorTable } from "../../src/errors/table.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import type { Call } from "../../test/support/recording-sink.ts";
import { Random } from "../engine/random.ts";
import { Broken, type Mutator, type Target, holds } from "../engine/target.ts";
import { mutateStream, simplerStreams } from "../grammar/mutate-frames.ts";
import { compareWithWs, same } from "./parser/oracle.ts";
import { type Way, readOneWay } from "./parser/reading.ts";

/** Limits on a message's size, around what changes the way it is read. */
const LIMITS: readonly number[] = [1 << 20, 1, 64, 124, 125, 126, 1000, 65_536];

/** Bytes of an input before the stream: how it is read, and where it is cut. */
const HEAD = 2;

/** The reader: whatever comes, and however it is cut, it calls its sink as promised, or fails with a documented error. */
export const parser: Target = {
  name: "parser",
  notation: "hex",
  maxLength: 4096,
  batch: 32,
  mutators: [mutateFrames, mutateFrames, mutateFrames, mutateFrames, mutateFrames, changeHead],
  *simpler(input) {
    for (const stream of simplerStreams(input.subarray(HEAD))) yield Buffer.concat([input.subarray(0, HEAD), stream]);
  },
  run(input) {
    const [flags = 0, cuts = 0] = input;
    const stream = input.subarray(HEAD);
    const options: ReaderOptions = {
      role: (flags & 1) === 0 ? "server" : "client",
      maxMessageSize: LIMITS[(flags >> 1) & 7] ?? 1,
      ...((flags & 0x10) === 0 ? {} : { isUtf8: slowIsUtf8 }),
    };
    readAllWays(stream, options, cuts);
  },
};

function readAllWays(stream: Buffer, options: ReaderOptions, cuts: number): void {
  const whole: Way = { name: "whole", sizes: [stream.length], lent: false, texts: false };
  const expected = readOneWay(stream, options, whole);
  checkFailure(expected);
  for (const way of waysOf(stream.length, cuts)) {
    const calls = readOneWay(stream, options, way);
    if (!same(calls, expected)) throw new Broken("what is read depends on how", { way, expected, calls });
  }
  const stopAfter = 1 + (cuts % Math.max(1, expected.length));
  const stopped = readOneWay(stream, options, { ...whole, texts: true, stopAfter });
  holds(same(stopped, expected.slice(0, stopAfter)), "a reader that was stopped goes on", { stopAfter, stopped });
  compareWithWs(stream, options, expected, (more) => readOneWay(Buffer.concat([stream, more]), options, whole));
}

/** Whole, in pieces, byte by byte; lent and given; with texts as strings and as bytes. */
function waysOf(length: number, cuts: number): Way[] {
  const random = new Random(cuts);
  const pieces = [];
  for (let left = length; left > 0; left -= pieces.at(-1) ?? 0) {
    pieces.push(Math.min(left, random.between(1, random.pick([3, 10, 40]))));
  }
  const bytes = Array<number>(length).fill(1);
  return [
    { name: "whole, given, for strings", sizes: [length], lent: false, texts: true },
    { name: "whole, lent", sizes: [length], lent: true, texts: false },
    { name: "whole, lent, for strings", sizes: [length], lent: true, texts: true },
    { name: "in pieces, given", sizes: pieces, lent: false, texts: false },
    { name: "in pieces, given, for strings", sizes: pieces, lent: false, texts: true },
    { name: "in pieces, lent", sizes: pieces, lent: true, texts: false },
    { name: "in pieces, lent, for strings", sizes: pieces, lent: true, texts: true },
    // A byte is a byte, given or lent: two of the four are enough.
    { name: "byte by byte, given", sizes: bytes, lent: false, texts: false },
    { name: "byte by byte, lent, for strings", sizes: bytes, lent: true, texts: true },
  ];
}

/** A failure is one of the documented ones, with the close code of its row. */
function checkFailure(calls: readonly Call[]): void {
  for (const call of calls) {
    if (call[0] !== "fail") continue;
    const [, code, closeCode] = call;
    const row: ErrorRow = errorTable[code];
    holds(row.componentSignature === "hwpr" && row.closeCode === closeCode, "an undocumented failure", call);
  }
}

/** A check of UTF-8 that is neither the engine's nor Node's. */
function slowIsUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function mutateFrames(...[input, random, other]: Parameters<Mutator>): Buffer {
  const stream = mutateStream(input.subarray(HEAD), random, other.subarray(HEAD));
  return Buffer.concat([input.subarray(0, HEAD), stream]);
}

function changeHead(...[input, random]: Parameters<Mutator>): Buffer {
  const head = random.oneIn(2) ? [random.below(32), input[1] ?? 0] : [input[0] ?? 0, random.below(256)];
  return Buffer.concat([Buffer.from(head), input.subarray(HEAD)]);
}
