import type { Bytes } from "./bytes.ts";
import { FIN, KEY_SIZE, MASKED, readKey } from "./frame-header.ts";
import { MAX_CONTROL_PAYLOAD } from "./limits.ts";
import { mask } from "./mask.ts";
import { Opcode } from "./opcodes.ts";

/** The first byte of an unfragmented text. */
const FINAL_TEXT = FIN | Opcode.text;

/** The bytes of the header of a short masked frame. */
export const SHORT_HEADER = 2 + KEY_SIZE;

/** The longest payload that such a header can describe (RFC 6455 5.2). */
export const MAX_SHORT_PAYLOAD = MAX_CONTROL_PAYLOAD;

/** The most bytes that are read together: a string cut from them keeps all of them in memory. */
const MAX_BATCH = 1024;

/**
 * Unmasks the short unfragmented ASCII texts that follow each other from `start` on, as a busy peer sends them. An
 * unmasked frame gets the key 0, so the frame that ends the run can be read again.
 *
 * @returns the offset after the last of them; `start` if there is none
 */
export function unmaskShortTexts(bytes: Bytes, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_BATCH);
  let at = start;
  while (limit - at >= SHORT_HEADER && bytes[at] === FINAL_TEXT) {
    const short = bytes[at + 1]! - MASKED;
    const body = at + SHORT_HEADER;
    if (short < 0 || short > MAX_SHORT_PAYLOAD || body + short > limit) return at;
    const key = readKey(bytes, at + 2);
    const all = mask(bytes, body, body + short, key);
    bytes[at + 2] = bytes[at + 3] = bytes[at + 4] = bytes[at + 5] = 0;
    if (all > 0x7f) return at;
    at = body + short;
  }
  return at;
}
