import { type Bytes, allocate, memoryOf } from "./bytes.ts";
import { MAX_SPARE_MEMORY, MIN_SPARE_MEMORY } from "./limits.ts";

/**
 * Memory of large texts that became strings, or were strings and were sent, for the next ones: the system must provide each
 * page of new memory, which costs as much as a copy. The memory of bytes is never kept: the application has it.
 */
const spare: Bytes[] = [];
let total = 0;

/** The size of memory for later use is a multiple of this. */
const SPARE_STEP = 4096;

/** The bytes that are kept. */
export function spareMemory(): number {
  return total;
}

/** Returns memory for at least `size` bytes, which may have been used before. The caller must overwrite all bytes that it uses. */
export function takeSpareMemory(size: number): Bytes {
  if (size < MIN_SPARE_MEMORY) return allocate(size);
  const found = spare.findIndex(({ length }) => length >= size);
  // Messages of about the same size can use the same memory.
  if (found < 0) return allocate(Math.ceil(size / SPARE_STEP) * SPARE_STEP);
  const [memory] = spare.splice(found, 1);
  total -= memory!.length;
  return memory!;
}

/** Keeps all memory of `bytes` for later use, if there is not too much of it. Nobody else may use it any more. */
export function keepSpareMemory(bytes: Bytes): void {
  const memory = memoryOf(bytes);
  if (memory.length < MIN_SPARE_MEMORY || total + memory.length > MAX_SPARE_MEMORY) return;
  total += memory.length;
  spare.push(memory);
}
