import { HawserError } from "../errors/errors.ts";
import { type Bytes, allocate } from "../protocol/bytes.ts";

/** The bytes at the end of a sync flush, which are not sent (RFC 7692 7.2.1). */
export const FLUSH_LENGTH = 4;

/**
 * What is decompressed after a payload: the four bytes that were not sent (RFC 7692 7.2.2), an empty block with BFINAL set,
 * and one byte more. If zlib reads all but that byte, the payload ended with its flush: it is complete. zlib itself does not
 * say whether a payload ended inside a block.
 */
export const TAIL: Bytes = allocate(10);
TAIL.set([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff, 0x00]);

/**
 * The most parts of a payload that each end with BFINAL set and are followed by more (RFC 7692 7.2.1). zlib starts anew after
 * each of them, which costs more than a short part itself. Known senders make none.
 */
export const MAX_PARTS = 4;

/** The most bytes that a message of `size` bytes can become, with a sync flush: more than zlib's `deflateBound`. */
export function boundOf(size: number): number {
  return size + Math.ceil(size / 8) + Math.ceil(size / 16) + 64;
}

/**
 * The most bytes that zlib makes of `size` bytes that do not get smaller, whatever its settings: its own bound for blocks of
 * fixed codes, with the end of a flush. Stored blocks may be as short as 127 bytes, with 5 bytes more each.
 */
export function deflatedAtMost(size: number): number {
  return size + Math.ceil(size / 8) + Math.ceil(size / 256) + Math.ceil(size / 512) + 16;
}

/** The error for memory of a message to send, or of a received one. */
type MemoryErrorCode = "HWS_SEND_FAILED" | "HWS_MEMORY_TRANSFERRED";

/**
 * Node ends the process if it gets a range that is not in its memory, and an application may transfer memory at any time.
 *
 * @throws {HawserError} with this code if `end` is not in the memory
 */
export function checkMemory(code: MemoryErrorCode, bytes: Bytes, end: number): void {
  if (end > bytes.length) throw new HawserError(code, "the memory of a message was transferred");
}

/** Whether a payload ends with the last four bytes of its flush, which its sender should have removed. zlib reads them too. */
export function hasFlush(payload: Bytes, start: number, end: number): boolean {
  return (
    end - start > FLUSH_LENGTH &&
    payload[end - 1] === 0xff &&
    payload[end - 2] === 0xff &&
    payload[end - 3] === 0 &&
    payload[end - 4] === 0
  );
}

/**
 * Whether a payload is complete after `TAIL` was written from this position: zlib has read all but the last byte, or nothing,
 * because the payload itself ended with BFINAL set.
 */
export function isComplete(unread: number, from: number): boolean {
  return unread === 1 || unread === TAIL.length - from;
}
