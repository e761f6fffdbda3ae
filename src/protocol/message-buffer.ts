import { type Bytes, EMPTY, allocate } from "./bytes.ts";
import { FIRST_MESSAGE_BUFFER, MESSAGE_BUFFER_GROWTH } from "./limits.ts";
import type { MessageBody } from "./message-body.ts";
import { unmaskInto } from "./mask.ts";

/**
 * One growing buffer for a message that comes in several chunks or fragments. There is no list of views: what it
 * reserves is `FIRST_GATHER`, or what has come times `GATHER_GROWTH`, at most, however small the pieces are
 * (CVE-2026-48779).
 */
export class MessageBuffer implements MessageBody {
  /** Until the first byte has come it is nothing: a length alone reserves no memory. */
  #memory = EMPTY;
  /** Where in the memory the message begins: so that it lies modulo eight as it did where it was read. */
  #from = 0;
  #length = 0;
  readonly #fragmented: boolean;
  readonly #most: number;

  /**
   * @param fragmented whether more frames may follow the first
   * @param most bytes that the message may have: more is not reserved. Default: no limit
   */
  constructor(fragmented: boolean, most = Infinity) {
    this.#fragmented = fragmented;
    this.#most = most;
  }

  /** The number of bytes gathered so far. */
  get length(): number {
    return this.#length;
  }

  /** The memory; its first `length` bytes are the message. */
  get bytes(): Bytes {
    return this.#from === 0 ? this.#memory : this.#memory.subarray(this.#from);
  }

  /**
   * Adds `chunk[start, end)`.
   *
   * @param expected the bytes that are known to come behind these: the rest of the frame
   */
  append(chunk: Bytes, start: number, end: number, expected: number): void {
    const at = this.#reserve(chunk, start, end, expected);
    this.#memory.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), at);
  }

  /** Adds `chunk[start, end)`, unmasked with `key` on the way: one pass where two would do. */
  appendMasked(chunk: Bytes, start: number, end: number, expected: number, key: number): void {
    const at = this.#reserve(chunk, start, end, expected);
    unmaskInto(this.#memory, at, chunk, start, end, key);
  }

  /** Makes room for `chunk[start, end)` and returns where in the memory it goes. */
  #reserve(chunk: Bytes, start: number, end: number, expected: number): number {
    const length = this.#length + end - start;
    if (this.#from + length > this.#memory.length)
      this.#grow(length, length + expected, (chunk.byteOffset + start) & 7);
    const at = this.#from + this.#length;
    this.#length = length;
    return at;
  }

  #grow(needed: number, known: number, place: number): void {
    if (this.#length === 0) this.#from = place;
    // The rest of a frame is reserved at once, but beyond the first reserve never more than a few times what has come.
    const reserved = Math.min(known, Math.max(FIRST_MESSAGE_BUFFER - this.#from, needed * MESSAGE_BUFFER_GROWTH));
    // How much more follows a fragment nobody knows: doubling keeps copying linear.
    const doubled = this.#fragmented ? (this.#memory.length - this.#from) * 2 : 0;
    const size = Math.max(needed, Math.min(Math.max(reserved, doubled), this.#most));
    const grown = allocate(this.#from + size);
    grown.set(this.#memory.subarray(this.#from, this.#from + this.#length), this.#from);
    this.#memory = grown;
  }
}
