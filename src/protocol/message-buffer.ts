import { type Bytes, EMPTY, allocate } from "./bytes.ts";
import { FIRST_MESSAGE_BUFFER, MESSAGE_BUFFER_GROWTH } from "./limits.ts";
import type { MessageBody } from "./message-body.ts";
import { unmaskInto } from "./mask.ts";

/**
 * One growing buffer for a message that arrives in several chunks or fragments. There is no list of pieces: it reserves
 * at most `FIRST_MESSAGE_BUFFER`, or `MESSAGE_BUFFER_GROWTH` times what has arrived, however small the pieces are
 * (CVE-2026-48779).
 */
export class MessageBuffer implements MessageBody {
  /** Empty until the first byte arrives: a length alone reserves no memory. */
  #memory = EMPTY;
  /** Where the message begins in the memory. It keeps the alignment modulo eight of the chunk, for `unmaskInto`. */
  #offset = 0;
  #length = 0;
  readonly #fragmented: boolean;
  readonly #maxLength: number;

  /**
   * @param fragmented whether more frames may follow the first
   * @param maxLength the most bytes that the message may have; no more are reserved. Default: no limit
   */
  constructor(fragmented: boolean, maxLength = Infinity) {
    this.#fragmented = fragmented;
    this.#maxLength = maxLength;
  }

  /** The number of bytes gathered so far. */
  get length(): number {
    return this.#length;
  }

  /** The memory; its first `length` bytes are the message. */
  get bytes(): Bytes {
    // The shared empty bytes are not handed out: an application that transfers them would detach them for all.
    if (this.#memory === EMPTY) return allocate(0);
    return this.#offset === 0 ? this.#memory : this.#memory.subarray(this.#offset);
  }

  /**
   * Adds `chunk[start, end)`.
   *
   * @param expected the bytes that are known to follow: the rest of the frame
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

  /** Reserves space for `chunk[start, end)` and returns its offset in the memory. */
  #reserve(chunk: Bytes, start: number, end: number, expected: number): number {
    const length = this.#length + end - start;
    if (this.#offset + length > this.#memory.length)
      this.#grow(length, length + expected, (chunk.byteOffset + start) & 7);
    const at = this.#offset + this.#length;
    this.#length = length;
    return at;
  }

  #grow(needed: number, known: number, alignment: number): void {
    if (this.#length === 0) this.#offset = alignment;
    // The rest of a frame is reserved at once, but never more than a few times what has arrived.
    const reserved = Math.min(known, Math.max(FIRST_MESSAGE_BUFFER - this.#offset, needed * MESSAGE_BUFFER_GROWTH));
    // The size of later fragments is not known: doubling keeps the cost of copying linear.
    const doubled = this.#fragmented ? (this.#memory.length - this.#offset) * 2 : 0;
    const size = Math.max(needed, Math.min(Math.max(reserved, doubled), this.#maxLength));
    const grown = allocate(this.#offset + size);
    grown.set(this.#memory.subarray(this.#offset, this.#offset + this.#length), this.#offset);
    this.#memory = grown;
  }
}
