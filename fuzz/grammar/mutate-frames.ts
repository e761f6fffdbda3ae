import { mutate } from "../engine/mutate.ts";
import type { Random } from "../engine/random.ts";
import type { Mutator } from "../engine/target.ts";
import { TEXTS, closeBody } from "./close-body.ts";
import { type WireFrame, frameOf, parseFrames, withPayload, writeFrames } from "./frames.ts";

/** A change of a stream's frames. The list may be changed in place: it is a copy, never empty. */
type FrameMutation = (frames: WireFrame[], random: Random, other: readonly WireFrame[]) => void;

/** Sizes at which the form of the length, a limit or the reader's method changes. */
const SIZES: readonly number[] = [
  0, 1, 2, 3, 15, 63, 64, 65, 124, 125, 126, 127, 128, 254, 999, 1000, 1001, 1023, 1024, 1025, 2000,
];

/** Lengths for a header. */
const CLAIMS: readonly bigint[] = [
  ...[0n, 1n, 64n, 125n, 126n, 127n, 1000n, 65_535n, 65_536n, 1n << 20n, (1n << 20n) + 1n, 1n << 31n, 1n << 32n],
  ...[(1n << 53n) - 1n, 1n << 53n, (1n << 53n) + 1n, 1n << 62n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n],
];

/** Mutates the frames of a stream. `other` is a second stream. */
export const mutateStream: Mutator = (stream, random, other) => {
  const { frames, rest } = parseFrames(stream);
  const list = [...frames];
  if (list.length === 0) list.push(anyFrame(random, undefined));
  else random.pick(MUTATIONS)(list, random, parseFrames(other).frames);
  return writeFrames({ frames: list, rest: random.oneIn(20) ? Buffer.alloc(0) : rest });
};

/** Simpler streams: without one of the frames, with half of a payload, or without a mask. */
export function* simplerStreams(stream: Buffer): Generator<Buffer> {
  const { frames, rest } = parseFrames(stream);
  if (rest.length > 0) yield writeFrames({ frames, rest: Buffer.alloc(0) });
  for (const i of frames.keys()) yield writeFrames({ frames: frames.filter((_, k) => k !== i), rest });
  for (const [i, frame] of frames.entries()) {
    if (frame.payload.length > 0 && frame.claimed === BigInt(frame.payload.length))
      yield writeFrames({
        frames: frames.with(i, withPayload(frame, frame.payload.subarray(0, frame.payload.length >> 1))),
        rest,
      });
    if (frame.key?.some((byte) => byte !== 0) === true)
      yield writeFrames({ frames: frames.with(i, { ...frame, key: Buffer.alloc(4) }), rest });
  }
}

/** A random frame. Most of these are valid. It is masked like the rest of the stream. */
export function anyFrame(random: Random, key: Buffer | undefined): WireFrame {
  const payload = random.pick([
    () => Buffer.from("hello"),
    () => random.pick(TEXTS),
    () => Buffer.alloc(random.pick(SIZES), 0x61),
    () => random.bytes(random.below(20)),
  ])();
  const first = random.pick([0x81, 0x81, 0x82, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a, 0x88]);
  if (first === 0x88) return frameOf(first, closeBody(random), key);
  return frameOf(first, first > 0x88 ? payload.subarray(0, 125) : payload, key);
}

const MUTATIONS: readonly FrameMutation[] = [
  one((frame, random) => ({ ...frame, first: (frame.first & 0xf0) | random.below(16) })),
  one((frame) => ({ ...frame, first: frame.first ^ 0x80 })),
  one((frame, random) => ({ ...frame, first: frame.first ^ (0x10 << random.below(3)) })),
  one((frame, random) => ({ ...frame, key: frame.key === undefined ? random.bytes(4) : undefined })),
  one((frame, random) => ({ ...frame, key: random.pick([random.bytes(4), Buffer.alloc(4), frame.key]) })),
  one((frame, random) => ({ ...frame, form: random.pick([0, 2, 8]) })),
  one((frame, random) => ({ ...frame, form: random.pick([2, 8]), claimed: random.pick(CLAIMS) })),
  one((frame, random) => ({ ...frame, claimed: frame.claimed + BigInt(random.between(-2, 2)) })),
  one((frame, random) => withPayload(frame, resized(frame.payload, random.pick(SIZES)))),
  one((frame, random) => withPayload(frame, mutate(frame.payload, frame.payload, random, [], 4096))),
  one((frame, random) => withPayload(frame, mutate(frame.payload, frame.payload, random, [], 4096))),
  one((frame, random) => withPayload(frame, withText(frame.payload, random))),
  one((frame, random) => withPayload({ ...frame, first: 0x88 }, closeBody(random))),
  insertFrame,
  insertFrame,
  insertControl,
  dropFrame,
  doubleFrame,
  swapFrames,
  splitFrame,
  splitFrame,
  joinFragments,
  copyFrames,
  repeatFrame,
];

/** Changes one frame of the list. */
function one(change: (frame: WireFrame, random: Random) => WireFrame): FrameMutation {
  return (frames, random) => {
    const at = random.below(frames.length);
    const frame = frames[at];
    if (frame !== undefined) frames[at] = change(frame, random);
  };
}

function keyLike(frames: readonly WireFrame[], random: Random): Buffer | undefined {
  return random.pick(frames).key;
}

function insertFrame(frames: WireFrame[], random: Random): void {
  frames.splice(random.below(frames.length + 1), 0, anyFrame(random, keyLike(frames, random)));
}

/** A control frame may come between two fragments (RFC 6455 5.4). */
function insertControl(frames: WireFrame[], random: Random): void {
  const frame = frameOf(
    random.pick([0x89, 0x8a]),
    Buffer.alloc(random.pick([0, 1, 124, 125]), 0x70),
    keyLike(frames, random),
  );
  frames.splice(random.below(frames.length + 1), 0, frame);
}

function dropFrame(frames: WireFrame[], random: Random): void {
  frames.splice(random.below(frames.length), 1);
}

function doubleFrame(frames: WireFrame[], random: Random): void {
  const frame = random.pick(frames);
  frames.splice(random.below(frames.length + 1), 0, frame);
}

function swapFrames(frames: WireFrame[], random: Random): void {
  frames.push(...frames.splice(random.below(frames.length), 1));
}

/** Splits a frame into two fragments, at any byte: also inside a character. */
function splitFrame(frames: WireFrame[], random: Random): void {
  const at = random.below(frames.length);
  const frame = frames[at];
  if (frame === undefined) return;
  const cut = random.below(frame.payload.length + 1);
  const begin = withPayload({ ...frame, first: frame.first & 0x7f }, frame.payload.subarray(0, cut));
  const end = withPayload({ ...frame, first: frame.first & 0xf0 }, frame.payload.subarray(cut));
  frames.splice(at, 1, begin, end);
}

function joinFragments(frames: WireFrame[], random: Random): void {
  const at = random.below(frames.length);
  const [frame, next] = frames.slice(at, at + 2);
  if (frame === undefined || next === undefined) return;
  const first = frame.first | (next.first & 0x80);
  frames.splice(at, 2, withPayload({ ...frame, first }, Buffer.concat([frame.payload, next.payload])));
}

function copyFrames(frames: WireFrame[], random: Random, other: readonly WireFrame[]): void {
  const start = random.below(other.length);
  frames.splice(random.below(frames.length + 1), 0, ...other.slice(start, start + random.between(1, 4)));
}

/** Repeats a frame many times, for example an empty continuation frame, a ping or a short text. */
function repeatFrame(frames: WireFrame[], random: Random): void {
  const at = random.below(frames.length);
  const frame = frames[at];
  if (frame === undefined) return;
  const times = random.pick([2, 5, 20, 100, 300]);
  frames.splice(at, 0, ...Array<WireFrame>(frame.payload.length > 16 ? Math.min(times, 5) : times).fill(frame));
}

function resized(payload: Buffer, size: number): Buffer {
  return Buffer.concat([payload.subarray(0, size), Buffer.alloc(Math.max(0, size - payload.length), 0x61)]);
}

function withText(payload: Buffer, random: Random): Buffer {
  const at = random.below(payload.length + 1);
  return Buffer.concat([payload.subarray(0, at), random.pick(TEXTS), payload.subarray(at)]);
}
