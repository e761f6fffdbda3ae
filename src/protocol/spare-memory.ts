import { type Bytes, allocate, memoryOf } from "./bytes.ts";
import { MAX_SPARE_MEMORY, MIN_SPARE_MEMORY } from "./limits.ts";

/**
 * Memory of large texts that became strings, and of large frames that were sent, for the next ones: the system must provide each
 * page of new memory, which costs as much as a copy. The memory of received bytes is never kept: the application has it.
 */
const spare: Bytes[] = [];
let total = 0;

/** The size of memory for later use is a multiple of this. */
const SPARE_STEP = 4096;

/**
 * Memory of at most this many times the size that is needed is used: the limits count bytes of messages, not their memory.
 */
const MAX_EXCESS = 1.25;

/** Returns memory for at least `size` bytes, which may have been used before. The caller must overwrite all bytes that it uses. */
export function takeSpareMemory(size: number): Bytes {
  if (size < MIN_SPARE_MEMORY) return allocate(size);
  const found = spare.findIndex(({ length }) => length >= size && length <= size * MAX_EXCESS);
  // Messages of about the same size can use the same memory.
  if (found < 0) return allocate(Math.ceil(size / SPARE_STEP) * SPARE_STEP);
  const [memory] = spare.splice(found, 1);
  total -= memory!.length;
  return memory!;
}

/** Keeps all memory of `bytes` for later use, in place of the oldest if there is too much. Nobody else may use it any more. */
export function keepSpareMemory(bytes: Bytes): void {
  const memory = memoryOf(bytes);
  if (memory.length < MIN_SPARE_MEMORY || memory.length > MAX_SPARE_MEMORY) return;
  // Memory of a size that no text needs any more must not stay for ever.
  while (total + memory.length > MAX_SPARE_MEMORY) total -= spare.shift()!.length;
  total += memory.length;
  spare.push(memory);
}
