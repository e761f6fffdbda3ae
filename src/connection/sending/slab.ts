import { type Bytes, allocate } from "../../protocol/bytes.ts";
import { MAX_COPIED } from "../transport/stream-writer.ts";

/** The bytes of one slab: enough for some hundred short answers, and the most that one write passes to the system. */
const SLAB_SIZE = 4 * MAX_COPIED;

/**
 * Memory for short frames, which all connections of the process share. It is used from front to back. If the system takes
 * the bytes at once, their space is used again. The garbage collector frees a full slab.
 */
export interface Slab {
  /** The memory. */
  readonly bytes: Bytes;
  /** The number of bytes in use, counted from the front. */
  used: number;
}

let current: Slab = { bytes: allocate(SLAB_SIZE), used: 0 };

/** Returns a slab with space for `size` bytes after `used`. `size` is at most `MAX_COPIED` plus a frame's header. */
export function slabFor(size: number): Slab {
  if (current.bytes.length - current.used < size) current = { bytes: allocate(SLAB_SIZE), used: 0 };
  return current;
}
