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
 * A body that hands its bytes over as they arrive, in place of `onMessage`. After an error, or after `stop`, the reader
 * does not call it again.
 */
export interface StreamedBody extends MessageBody {
  /** The message is complete; a text was UTF-8. */
  end(): void;
}
