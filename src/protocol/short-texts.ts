import type { Bytes } from "./bytes.ts";
import { MAX_CONTROL_PAYLOAD } from "./limits.ts";
import { mask } from "./mask.ts";

/** A final text frame's first byte. */
const FINAL_TEXT = 0x81;

/** Bytes of the header of a masked frame of at most `MAX_SHORT` bytes: two, and the key. */
export const SHORT_HEADER = 6;

/** The most bytes of payload with such a header (RFC 6455 5.2). */
export const MAX_SHORT = MAX_CONTROL_PAYLOAD;

/** The most bytes that are read together: a text that the application keeps holds the memory of all of them. */
const MAX_TOGETHER = 1024;

/**
 * Unmasks the short ASCII texts that begin at `start`: final text frames that follow each other, as a busy peer sends them. The
 * key of an unmasked frame is set to 0, so that the frame that ends the run can be read again.
 *
 * @returns the offset after the last of them; `start` if there is none
 */
export function unmaskShortTexts(bytes: Bytes, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_TOGETHER);
  let at = start;
  while (limit - at >= SHORT_HEADER && bytes[at] === FINAL_TEXT) {
    const short = bytes[at + 1]! - 0x80;
    const body = at + SHORT_HEADER;
    if (short < 0 || short > MAX_SHORT || body + short > limit) return at;
    const key = bytes[at + 2]! | (bytes[at + 3]! << 8) | (bytes[at + 4]! << 16) | (bytes[at + 5]! << 24);
    const all = mask(bytes, body, body + short, key);
    bytes[at + 2] = bytes[at + 3] = bytes[at + 4] = bytes[at + 5] = 0;
    if (all > 0x7f) return at;
    at = body + short;
  }
  return at;
}
