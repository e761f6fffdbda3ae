import { type Bytes, EMPTY, allocate } from "./bytes.ts";
import { FIRST_MESSAGE_BUFFER, MESSAGE_BUFFER_GROWTH } from "./limits.ts";
import { unmaskInto } from "./mask.ts";

/**
 * One growing buffer for a message that comes in several chunks or fragments. There is no list of views: what it
 * reserves is `FIRST_GATHER`, or what has come times `GATHER_GROWTH`, at most, however small the pieces are
 * (CVE-2026-48779).
 */
export class MessageBuffer {
  /** Empty until the first byte is received: a length alone reserves no memory. */
  #memory = EMPTY;
  /** The offset of the message in the memory: modulo eight the same as in the chunk, so that it can be unmasked by eight bytes. */
  #from = 0;
  #length = 0;
  readonly #fragmented: boolean;
  readonly #most: number;

  /**
   * @param fragmented whether more frames may follow the first
   * @param most the most bytes of the message: more is never reserved. Default: no limit
   */
  constructor(fragmented: boolean, most = Infinity) {
    this.#fragmented = fragmented;
    this.#most = most;
  }

  /** The number of bytes added so far. */
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
   * @param expected the bytes that are known to follow these: the rest of the frame
   */
  append(chunk: Bytes, start: number, end: number, expected: number): void {
    const at = this.#reserve(chunk, start, end, expected);
    this.#memory.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), at);
  }

  /** Adds `chunk[start, end)`, and unmasks it with `key` in the same pass. */
  appendMasked(chunk: Bytes, start: number, end: number, expected: number, key: number): void {
    const at = this.#reserve(chunk, start, end, expected);
    unmaskInto(this.#memory, at, chunk, start, end, key);
  }

  /** Reserves memory for `chunk[start, end)`. Returns the offset where it belongs. */
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
    // The rest of a frame is reserved at once, but never more than a few times the bytes that were received.
    const reserved = Math.min(known, Math.max(FIRST_MESSAGE_BUFFER - this.#from, needed * MESSAGE_BUFFER_GROWTH));
    // How much follows a fragment is not known: doubling keeps the cost of copying linear.
    const doubled = this.#fragmented ? (this.#memory.length - this.#from) * 2 : 0;
    const size = Math.max(needed, Math.min(Math.max(reserved, doubled), this.#most));
    const grown = allocate(this.#from + size);
    grown.set(this.#memory.subarray(this.#from, this.#from + this.#length), this.#from);
    this.#memory = grown;
  }
}
