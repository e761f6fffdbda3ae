import type { ProtocolErrorCode } from "../errors/table.ts";
import type { Bytes } from "./bytes.ts";

/** What the payload of a message is written to when it arrives in pieces. */
export interface MessageBody {
  /** The number of bytes written so far: the limit of a message is checked against it. */
  readonly length: number;
  /**
   * Adds `chunk[start, end)`. The chunk is valid until the call returns.
   *
   * @param expected the bytes that are known to follow: the rest of the frame
   */
  append(chunk: Bytes, start: number, end: number, expected: number): void;
  /** Adds `chunk[start, end)`, which is masked with `key`. */
  appendMasked(chunk: Bytes, start: number, end: number, expected: number, key: number): void;
}

/**
 * A body that hands its bytes over as they arrive, in place of `onMessage`. After `end` or `cut` of the reader's `stop`, the reader
 * does not call it again.
 */
export interface StreamedBody extends MessageBody {
  /** The bytes that wait in it, as `FrameReader.unfinishedBytes` counts them. */
  readonly waitingBytes: number;
  /** A frame of `length` bytes begins. Returns the limit that the message exceeds with it; undefined: none. */
  beginFrame(length: number): ProtocolErrorCode | undefined;
  /** The message is complete; a text was UTF-8, unless it is transformed. */
  end(): void;
  /** The rest of the message is of no use: it will not come, or nobody wants it. `cause`: why, if an error is the reason. */
  cut(cause: Error | undefined): void;
}
