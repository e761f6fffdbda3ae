import { type Bytes, allocate } from "../../protocol/bytes.ts";

/** Bytes of one slab: some hundred short answers, and what one write gives the kernel at most. */
const SLAB_SIZE = 64 * 1024;

/**
 * Memory for short frames, cut from front to back and shared by all connections of the process. Space that the kernel
 * has taken at once is used again; a slab that is full is left to the garbage collector.
 */
export interface Slab {
  /** The memory. */
  readonly bytes: Bytes;
  /** Bytes in use from the front. */
  used: number;
}

let current: Slab = { bytes: allocate(SLAB_SIZE), used: 0 };

/** The slab with room for `size` bytes after its `used`. `size` is at most `LARGEST_CUT` and a frame's header. */
export function slabFor(size: number): Slab {
  if (current.bytes.length - current.used < size) current = { bytes: allocate(SLAB_SIZE), used: 0 };
  return current;
}

/** Bytes of payload that are cut from a slab at most; larger ones have memory of their own. */
export const LARGEST_CUT = SLAB_SIZE / 4;
