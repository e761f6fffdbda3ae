import { type Bytes, allocate } from "./bytes.ts";
import { MAX_SPARE_MEMORY, MIN_SPARE_MEMORY } from "./limits.ts";

/**
 * Memory of large texts that became strings, for the next ones: the system must provide each page of new memory, which costs
 * as much as a copy. The memory of bytes is never kept: the application has it.
 */
const spare: Bytes[] = [];
let total = 0;

/** The bytes that are kept. */
export function spareMemory(): number {
  return total;
}

/** Returns memory for at least `size` bytes, which may have been used before. The caller must overwrite all bytes that it uses. */
export function takeSpareMemory(size: number): Bytes {
  const found = size < MIN_SPARE_MEMORY ? -1 : spare.findIndex(({ length }) => length >= size);
  if (found < 0) return allocate(size);
  const [memory] = spare.splice(found, 1);
  total -= memory!.length;
  return memory!;
}

/** Keeps memory for later use, if there is not too much of it. Nobody else may use it any more. */
export function keepSpareMemory(memory: Bytes): void {
  if (memory.length < MIN_SPARE_MEMORY || total + memory.length > MAX_SPARE_MEMORY) return;
  total += memory.length;
  spare.push(memory);
}
