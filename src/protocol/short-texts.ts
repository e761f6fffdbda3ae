import type { Bytes } from "./bytes.ts";
import { FIN, KEY_SIZE, MASKED, readKey } from "./frame-header.ts";
import { MAX_CONTROL_PAYLOAD } from "./limits.ts";
import { mask } from "./mask.ts";
import { Opcode } from "./opcodes.ts";

/** The first byte of an unfragmented text. */
export const FINAL_TEXT = FIN | Opcode.text;

/** The bytes of the header of a short masked frame. */
export const SHORT_HEADER = 2 + KEY_SIZE;

/** The longest payload that such a header can describe (RFC 6455 5.2). */
export const MAX_SHORT_PAYLOAD = MAX_CONTROL_PAYLOAD;

/** The most bytes that are read together: a string cut from them keeps all of them in memory. */
const MAX_BATCH = 1024;

/**
 * Unmasks the short unfragmented ASCII texts that follow each other from `start` on, as a busy peer sends them. An
 * unmasked frame gets the key 0. So the frame after the last text can be read again: unmasking with 0 changes nothing.
 *
 * @returns the offset after the last of them; `start` if there is none
 */
export function unmaskShortTexts(bytes: Bytes, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_BATCH);
  let at = start;
  while (limit - at >= SHORT_HEADER && bytes[at] === FINAL_TEXT) {
    const length = bytes[at + 1]! - MASKED;
    const payload = at + SHORT_HEADER;
    if (length < 0 || length > MAX_SHORT_PAYLOAD || payload + length > limit) return at;
    const key = readKey(bytes, at + 2);
    const byteOr = mask(bytes, payload, payload + length, key);
    bytes[at + 2] = bytes[at + 3] = bytes[at + 4] = bytes[at + 5] = 0;
    if (byteOr > 0x7f) return at;
    at = payload + length;
  }
  return at;
}
