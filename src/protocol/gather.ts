import { type Bytes, NOTHING, allocate } from "./bytes.ts";
import { FIRST_GATHER, GATHER_GROWTH } from "./limits.ts";

/**
 * One growing buffer for a message that comes in several chunks or fragments. There is no list of views: what it
 * reserves is `FIRST_GATHER`, or what has come times `GATHER_GROWTH`, at most, however small the pieces are
 * (CVE-2026-48779).
 */
export class Gather {
  /** Until the first byte has come it is nothing: a length alone reserves no memory. */
  #bytes = NOTHING;
  #length = 0;
  readonly #fragmented: boolean;

  /** @param fragmented whether more frames may follow the first */
  constructor(fragmented: boolean) {
    this.#fragmented = fragmented;
  }

  /** The number of bytes gathered so far. */
  get length(): number {
    return this.#length;
  }

  /** The memory; its first `length` bytes are the message. */
  get bytes(): Bytes {
    return this.#bytes;
  }

  /**
   * Adds `chunk[start, end)`.
   *
   * @param expected the bytes that are known to come behind these: the rest of the frame
   */
  append(chunk: Bytes, start: number, end: number, expected: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) this.#grow(length, length + expected);
    this.#bytes.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), this.#length);
    this.#length = length;
  }

  #grow(needed: number, known: number): void {
    // The rest of a frame is reserved at once, but beyond the first reserve never more than a few times what has come.
    const reserved = Math.min(known, Math.max(FIRST_GATHER, needed * GATHER_GROWTH));
    // How much more follows a fragment nobody knows: doubling keeps copying linear.
    const size = this.#fragmented ? Math.max(reserved, this.#bytes.length * 2) : reserved;
    const grown = allocate(size);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
