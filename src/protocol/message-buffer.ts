import { type Bytes, EMPTY, allocate } from "./bytes.ts";
import {
  FIRST_MESSAGE_BUFFER,
  MAX_TARGET,
  MESSAGE_BUFFER_GROWTH,
  MIN_TARGET,
  RESERVE_FROM,
  RESERVE_GROWTH,
} from "./limits.ts";
import type { MessageBody } from "./message-body.ts";
import { maskInto } from "./mask.ts";
import type { PayloadReserve } from "./payload-reserve.ts";
import { keepSpareMemory, takeSpareMemory } from "./spare-memory.ts";

/** How the memory of messages is reserved. */
export interface BufferOptions {
  /** The most bytes that the message may have; no more are reserved. Default: no limit. */
  readonly maxLength?: number;
  /** Allows more memory than what has arrived allows. Default: nothing does. */
  readonly reserve?: PayloadReserve | undefined;
  /** Whether the memory is used again after the message, because nobody keeps it. Default false. */
  readonly reusable?: boolean;
  /** From this many missing bytes on, a frame is read into the memory of its message. Default `MIN_TARGET`. */
  readonly targetFrom?: number | undefined;
  /** The most bytes that are read into that memory at once. Default `MAX_TARGET`. */
  readonly maxTarget?: number | undefined;
}

const DEFAULTS: BufferOptions = {};

/**
 * One growing buffer for a message that arrives in several chunks or fragments. There is no list of pieces: it reserves
 * at most `FIRST_MESSAGE_BUFFER`, or `MESSAGE_BUFFER_GROWTH` times what has arrived, however small the pieces are
 * (CVE-2026-48779). The rest of a frame is reserved at once if the `PayloadReserve` has that much.
 */
export class MessageBuffer implements MessageBody {
  /** Empty until the first byte arrives: a length alone reserves no memory. */
  #memory = EMPTY;
  /** Where the message begins in the memory. It keeps the alignment modulo eight of the chunk, for `maskInto`. */
  #offset = 0;
  #length = 0;
  /** The bytes that were taken from the reserve and have not arrived. */
  #taken = 0;
  /** Where the next bytes are read to: a view of the memory, after the bytes that have arrived. */
  #target: Bytes | undefined;
  readonly #fragmented: boolean;
  readonly #options: BufferOptions;

  /** @param fragmented whether more frames may follow the first */
  constructor(fragmented: boolean, options: BufferOptions = DEFAULTS) {
    this.#fragmented = fragmented;
    this.#options = options;
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
   * Returns the memory that the next bytes may be read to, if it is worth it: pass it to `append` or `appendMasked` as the
   * chunk, and nothing is copied. It is never longer than the rest of the frame.
   *
   * @param expected the rest of the frame
   */
  target(expected: number): Bytes | undefined {
    const at = this.#offset + this.#length;
    const { targetFrom = MIN_TARGET, maxTarget = MAX_TARGET } = this.#options;
    const size = Math.min(expected, this.#memory.length - at, maxTarget);
    this.#target = size < targetFrom ? undefined : this.#memory.subarray(at, at + size);
    return this.#target;
  }

  /**
   * Adds `chunk[start, end)`.
   *
   * @param expected the bytes that are known to follow: the rest of the frame
   */
  append(chunk: Bytes, start: number, end: number, expected: number): void {
    const at = this.#addLength(chunk, start, end, expected);
    if (!this.#isInPlace(chunk))
      this.#memory.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), at);
  }

  /** Adds `chunk[start, end)`, and unmasks it with `key` in the same pass. */
  appendMasked(chunk: Bytes, start: number, end: number, expected: number, key: number): void {
    const at = this.#addLength(chunk, start, end, expected);
    if (this.#isInPlace(chunk)) maskInto(chunk, start, chunk, start, end, key);
    else maskInto(this.#memory, at, chunk, start, end, key);
  }

  /** The message is complete and was used: its memory may be used again. */
  reuse(): void {
    if (this.#options.reusable === true) keepSpareMemory(this.#memory);
    this.#memory = EMPTY;
  }

  /** No more bytes are expected. */
  release(): void {
    if (this.#taken > 0) this.#giveBack(this.#taken);
  }

  /** Makes space for `chunk[start, end)` and returns its offset in the memory. */
  #addLength(chunk: Bytes, start: number, end: number, expected: number): number {
    if (this.#taken > 0) this.#giveBack(end - start);
    const length = this.#length + end - start;
    if (this.#offset + length > this.#memory.length)
      this.#grow(length, length + expected, (chunk.byteOffset + start) & 7);
    const at = this.#offset + this.#length;
    this.#length = length;
    return at;
  }

  /** Whether a chunk was read to where it belongs. A target is used once. */
  #isInPlace(chunk: Bytes): boolean {
    const target = this.#target;
    this.#target = undefined;
    return chunk === target;
  }

  #giveBack(arrived: number): void {
    const bytes = Math.min(arrived, this.#taken);
    this.#taken -= bytes;
    this.#options.reserve!.giveBack(bytes);
  }

  #grow(needed: number, known: number, alignment: number): void {
    if (this.#length === 0) this.#offset = alignment;
    const reserved = this.#sizeFor(needed, known);
    // The size of later fragments is not known: doubling keeps the cost of copying linear.
    const doubled = this.#fragmented ? (this.#memory.length - this.#offset) * 2 : 0;
    const size =
      this.#offset + Math.max(needed, Math.min(Math.max(reserved, doubled), this.#options.maxLength ?? Infinity));
    const grown = this.#options.reusable === true ? takeSpareMemory(size) : allocate(size);
    grown.set(this.#memory.subarray(this.#offset, this.#offset + this.#length), this.#offset);
    this.#memory = grown;
  }

  /** How much of the `known` bytes may be reserved when `needed` bytes have arrived. */
  #sizeFor(needed: number, known: number): number {
    // A length alone reserves nothing: never more than a few times what has arrived.
    const free = Math.min(known, Math.max(FIRST_MESSAGE_BUFFER - this.#offset, needed * MESSAGE_BUFFER_GROWTH));
    if (free === known || needed < RESERVE_FROM) return free;
    const most = Math.min(known, needed * RESERVE_GROWTH);
    if (this.#options.reserve?.take(most - needed) !== true) return free;
    this.#taken += most - needed;
    return most;
  }
}
