import { type ErrorRow, errorTable } from "../../src/errors/table.ts";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import type { Call } from "../../test/support/recording-sink.ts";
import { Random } from "../engine/random.ts";
import { InvariantError, type Mutator, type Target, holds } from "../engine/target.ts";
import { mutateStream, simplerStreams } from "../grammar/mutate-frames.ts";
import { compareWithWs, same } from "./parser/oracle.ts";
import { type ReadMode, readIn } from "./parser/reading.ts";

/** Values for `maxMessageSize`, near the sizes at which the reader works differently. */
const LIMITS: readonly number[] = [1 << 20, 1, 64, 124, 125, 126, 1000, 65_536];

/** Bytes of an input before the stream: the options of the reader, and where the stream is cut. */
const HEAD = 2;

/** The frame reader: whatever it reads, and wherever that is cut, it calls its sink as documented, or fails with a documented error. */
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
    readInAllModes(stream, options, cuts);
  },
};

function readInAllModes(stream: Buffer, options: ReaderOptions, cuts: number): void {
  const whole: ReadMode = { name: "whole", sizes: [stream.length], lent: false, textAsString: false };
  const expected = readIn(stream, options, whole);
  checkFailure(expected);
  for (const mode of modesOf(stream.length, cuts)) {
    const calls = readIn(stream, options, mode);
    if (!same(calls, expected))
      throw new InvariantError("the result depends on how the stream is read", { mode, expected, calls });
  }
  const stopAfter = 1 + (cuts % Math.max(1, expected.length));
  const stopped = readIn(stream, options, { ...whole, textAsString: true, stopAfter });
  holds(same(stopped, expected.slice(0, stopAfter)), "a reader continues after it was stopped", { stopAfter, stopped });
  compareWithWs(stream, options, expected, (more) => readIn(Buffer.concat([stream, more]), options, whole));
}

/** In one chunk, in several, and byte by byte; with lent memory and without, and to targets; with texts as strings and as bytes. */
function modesOf(length: number, cuts: number): ReadMode[] {
  const random = new Random(cuts);
  const pieces = [];
  for (let left = length; left > 0; left -= pieces.at(-1) ?? 0) {
    pieces.push(Math.min(left, random.between(1, random.pick([3, 10, 40]))));
  }
  const bytes = Array<number>(length).fill(1);
  return [
    { name: "whole, given, for strings", sizes: [length], lent: false, textAsString: true },
    { name: "whole, lent", sizes: [length], lent: true, textAsString: false },
    { name: "whole, lent, for strings", sizes: [length], lent: true, textAsString: true },
    { name: "in pieces, given", sizes: pieces, lent: false, textAsString: false },
    { name: "in pieces, given, for strings", sizes: pieces, lent: false, textAsString: true },
    { name: "in pieces, lent", sizes: pieces, lent: true, textAsString: false },
    { name: "in pieces, lent, for strings", sizes: pieces, lent: true, textAsString: true },
    { name: "in pieces, to targets", sizes: pieces, lent: true, targeted: true, textAsString: false },
    { name: "in pieces, to targets, for strings", sizes: pieces, lent: true, targeted: true, textAsString: true },
    // For single bytes two of the four combinations are enough.
    { name: "byte by byte, given", sizes: bytes, lent: false, textAsString: false },
    { name: "byte by byte, lent, for strings", sizes: bytes, lent: true, textAsString: true },
  ];
}

/** Checks that a failure is documented, and has the close code of its row in the table. */
function checkFailure(calls: readonly Call[]): void {
  for (const call of calls) {
    if (call[0] !== "fail") continue;
    const [, code, closeCode] = call;
    const row: ErrorRow = errorTable[code];
    holds(row.componentSignature === "hwpr" && row.closeCode === closeCode, "an undocumented failure", call);
  }
}

/** A check of UTF-8 that is independent of the library and of `isUtf8` of Node. */
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
