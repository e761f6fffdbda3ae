import type { Bytes } from "./bytes.ts";
import { DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE_SIZE } from "./limits.ts";
import type { StreamedBody } from "./message-body.ts";
import { RESERVED_BITS, type ReservedBit } from "./frame-header.ts";
import { mask, maskInto } from "./mask.ts";
import type { BufferOptions } from "./message-buffer.ts";
import type { DataOpcode } from "./opcodes.ts";
import type { PayloadReserve } from "./payload-reserve.ts";
import { MAX_SHORT_PAYLOAD } from "./short-texts.ts";
import type { Role } from "./state.ts";
import { checkUtf8, checkUtf8By } from "./utf8.ts";

/** From this many bytes on, unmasking and a native check are faster than one loop for both: 0.65 times its time at 1 MiB. */
const NATIVE_ASCII_FROM = 2048;

/** Returns what a message is written to, if it is not gathered. */
export type BodyFor = (opcode: DataOpcode, transformed: boolean) => StreamedBody | undefined;

/** The options of a reader. */
export interface ReaderOptions {
  /** The reader's own role. A client masks its frames, a server does not (RFC 6455 5.1). */
  readonly role: Role;
  /** The most bytes that a message may have, in all its fragments together. Default 1 MiB. */
  readonly maxMessageSize?: number;
  /** The same for transformed messages, as they are received: an extension may make one larger. Default `maxMessageSize`. */
  readonly maxTransformedSize?: number;
  /** The most fragments a message may have. Default 16,384. */
  readonly maxFragments?: number;
  /**
   * Whether the sink turns each text into a string at once. Short ASCII texts are then passed as strings, and the memory
   * of other texts is valid until the call returns. Default false.
   */
  readonly textAsString?: boolean;
  /** Returns true if the bytes are a complete UTF-8 text: the platform's own check is faster. Default: `checkUtf8`. */
  readonly isUtf8?: (bytes: Bytes) => boolean;
  /** Returns true if all bytes are ASCII: for many bytes the platform's own check is faster. Default: a loop. */
  readonly isAscii?: (bytes: Bytes) => boolean;
  /** Allows to reserve memory for the rest of a large frame at once. Default: memory grows only with what has arrived. */
  readonly reserve?: PayloadReserve;
  /** From this many missing bytes on, the reader has a `target` for the rest of a frame. Default 16 KiB. */
  readonly targetFrom?: number;
  /** The most bytes of a `target`. Default 256 KiB. */
  readonly maxTarget?: number | undefined;
  /**
   * The reserved bit that an extension has negotiated (RFC 6455 9.1). The first frame of a message may have it: the message is
   * passed as it is to `onTransformed`. Default: no frame may have a reserved bit.
   */
  readonly transformBit?: ReservedBit;
  /**
   * Asked when a message begins, also one that lies whole in a chunk. The message is written to the body that this returns;
   * without one it is gathered for `onMessage`. `transformed`: the first frame has the negotiated reserved bit, and the body gets
   * the payload as it was sent. The limits of the message are those of the body. Default: no message has a body.
   */
  readonly bodyFor?: BodyFor;
}

/** The rules of one or more readers, computed once. */
export class ReaderRules {
  /** Frames must be masked: the peer is a client (RFC 6455 5.1). */
  readonly expectsMasked: boolean;
  /** The most bytes a message may have. */
  readonly maxMessageSize: number;
  /** The most bytes a transformed message may have as it is received. */
  readonly maxTransformedSize: number;
  /** The most fragments a message may have. */
  readonly maxFragments: number;
  /** Short ASCII texts are passed as strings. */
  readonly batchesShortTexts: boolean;
  /** The sink does not keep the memory of a text. */
  readonly borrowsText: boolean;
  /** The reserved bit that the first frame of a message may have; 0: none. */
  readonly transformBit: number;
  /** A message that lies whole in a chunk is handed over there if it has at most this many bytes; -1: none is. */
  readonly maxWholeSize: number;
  /** The same for transformed messages. */
  readonly maxWholeTransformed: number;
  /** Returns the body that a message is written to, if it is not gathered. */
  readonly bodyFor: BodyFor | undefined;
  /** How the memory of texts in pieces is reserved. */
  readonly textBuffers: BufferOptions;
  /** How the memory of other messages in pieces is reserved. */
  readonly otherBuffers: BufferOptions;
  /** How the memory of transformed messages in pieces is reserved. */
  readonly transformedBuffers: BufferOptions;
  readonly #isAscii: ((bytes: Bytes) => boolean) | undefined;
  readonly #isUtf8: ((bytes: Bytes) => boolean) | undefined;

  constructor(options: ReaderOptions) {
    this.expectsMasked = options.role === "server";
    this.maxMessageSize = options.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
    this.maxTransformedSize = options.maxTransformedSize ?? this.maxMessageSize;
    this.maxFragments = options.maxFragments ?? DEFAULT_MAX_FRAGMENTS;
    // Only if every short text is within the limit, and only for a server: it reads masked frames.
    this.borrowsText = options.textAsString ?? false;
    this.bodyFor = options.bodyFor;
    const hasBodies = this.bodyFor !== undefined;
    this.maxWholeSize = hasBodies ? -1 : this.maxMessageSize;
    this.maxWholeTransformed = hasBodies ? -1 : this.maxTransformedSize;
    this.batchesShortTexts = this.borrowsText && this.expectsMasked && this.maxWholeSize >= MAX_SHORT_PAYLOAD;
    this.transformBit = options.transformBit ?? 0;
    const { maxMessageSize: maxLength } = this;
    const { reserve, targetFrom, maxTarget } = options;
    this.textBuffers = { maxLength, reserve, reusable: this.borrowsText, targetFrom, maxTarget };
    this.otherBuffers = { maxLength, reserve, reusable: false, targetFrom, maxTarget };
    this.transformedBuffers = { ...this.otherBuffers, maxLength: this.maxTransformedSize };
    this.#isAscii = options.isAscii;
    this.#isUtf8 = options.isUtf8;
  }

  /** The most bytes that the message may have that begins with a frame with this first byte. A body has a limit of its own. */
  maxSizeOf(firstByte: number): number {
    if (this.bodyFor !== undefined) return Infinity;
    return (firstByte & RESERVED_BITS) === 0 ? this.maxMessageSize : this.maxTransformedSize;
  }

  /** Checks the next bytes of a text as `checkUtf8` does, with the platform's own check if there is one. */
  checkUtf8(chunk: Bytes, start: number, end: number, state: number): number {
    if (this.#isUtf8 === undefined) return checkUtf8(chunk, start, end, state);
    return checkUtf8By(this.#isUtf8, chunk, start, end, state);
  }

  /**
   * Unmasks a part of a text in place.
   *
   * @returns a number below 0x80 if all its bytes are ASCII
   */
  unmaskText(chunk: Bytes, start: number, end: number, key: number): number {
    if (this.#isAscii === undefined || end - start < NATIVE_ASCII_FROM) return mask(chunk, start, end, key);
    maskInto(chunk, start, chunk, start, end, key);
    return this.#isAscii(chunk.subarray(start, end)) ? 0 : 0x80;
  }
}
