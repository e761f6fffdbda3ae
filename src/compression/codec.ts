import type { ProtocolErrorCode } from "../errors/table.ts";
import type { Bytes } from "../protocol/bytes.ts";

/** Compresses messages, one at a time (RFC 7692 7.2.1). */
export interface Deflater {
  /**
   * Compresses the message `bytes[start, end)`: its DEFLATE blocks end with a sync flush, without the last four bytes of it
   * (00 00 ff ff). No block has BFINAL set.
   *
   * The history (the window) of the messages since `reset()` may be used. So a receiver with a window must get each result, in
   * order: if a result is not sent, or if a message is compressed elsewhere, call `reset()` before the next message. A
   * deflater may also compress each message by itself, which is always valid.
   *
   * @returns a view of the deflater's own memory, valid until its next call
   * @throws {HawserError} (`HWS_SEND_FAILED`) if the memory is shorter than `end`: it was transferred
   */
  deflate(bytes: Bytes, start: number, end: number): Bytes;
  /** Forgets the history: the next message is compressed by itself. */
  reset(): void;
}

/** A deflater of one owner. */
export interface OwnDeflater extends Deflater {
  /** Frees its memory at once, and not only when it is collected. It must not be used any more. */
  close(): void;
}

/** Decompresses messages, each by itself: no history is kept (RFC 7692 7.2.2). */
export interface Inflater {
  /**
   * Decompresses the payload of a message. RFC 7692 7.2.1 is followed: blocks with BFINAL set are accepted, also if more
   * blocks follow, and so are empty blocks. An empty payload is an empty message. An error has no effect on the next message.
   *
   * @param payload has the payload: `payload[start, end)`
   * @param maxSize the most bytes that the message may have. Nothing more is decompressed or reserved
   * @returns a view of the inflater's own memory, valid until its next call; or `HWS_MESSAGE_TOO_BIG`, or
   *   `HWS_INVALID_COMPRESSION` for data that is not DEFLATE, or that ends early
   * @throws {HawserError} (`HWS_MEMORY_TRANSFERRED`) if the memory is shorter than `end`
   */
  inflate(payload: Bytes, start: number, end: number, maxSize: number): Bytes | ProtocolErrorCode;
}
