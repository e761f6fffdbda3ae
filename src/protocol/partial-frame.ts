import { type Bytes, allocate } from "./bytes.ts";
import { MAX_CONTROL_PAYLOAD, MAX_HEADER } from "./limits.ts";

/** What is kept of a frame at most, in bytes: a control frame is kept whole. */
export const MAX_PARTIAL_FRAME = MAX_HEADER + MAX_CONTROL_PAYLOAD;

/** Pieces of memory that wait to be used again at most: what is beyond was for a burst. */
const MAX_SPARE = 64;

/** Memory of its own for each cut frame would cost more than reading it: this is 0.23 times that. */
const spare: Bytes[] = [];

/** `MAX_CARRY` bytes of memory, for the beginning of a frame that the end of a chunk has cut off. */
export function takePartialFrame(): Bytes {
  return spare.pop() ?? allocate(MAX_PARTIAL_FRAME);
}

/** Gives back what `takeCarry` returned. Nobody may have kept a view of it. */
export function returnPartialFrame(carry: Bytes): void {
  if (spare.length < MAX_SPARE) spare.push(carry);
}

/** Copies `from[start, end)` to `at`: of so few bytes a loop is done before a view would be made. */
export function copyShort(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  for (let i = start; i < end; i++) to[at + i - start] = from[i]!;
}
