import type { Bytes } from "./bytes.ts";
import { DEFAULT_MAX_FRAGMENTS, DEFAULT_MAX_MESSAGE_SIZE } from "./limits.ts";
import { MAX_SHORT } from "./short-texts.ts";
import { checkUtf8, checkUtf8By } from "./utf8.ts";

/** How a reader reads. */
export interface ReaderOptions {
  /** The role of the reading side. A server's peer masks its frames, a client's peer does not (RFC 6455 5.1). */
  readonly role: "server" | "client";
  /** The most bytes a message may have, over all its fragments. Default 1 MiB. */
  readonly maxMessageSize?: number;
  /** The most fragments a message may have. Default 16,384. */
  readonly maxFragments?: number;
  /**
   * Whether the sink makes a string of each text at once. Then short ASCII texts are delivered as strings, which are made
   * together, and the memory of other texts is valid only until the call returns. Default false.
   */
  readonly textAsString?: boolean;
  /** The platform's own check for UTF-8, if it has one: it is faster. */
  readonly isUtf8?: (bytes: Bytes) => boolean;
}

/** The rules of one reader, or of many that read alike. */
export class ReaderRules {
  /** Frames must be masked: the peer is a client (RFC 6455 5.1). */
  readonly masked: boolean;
  /** The most bytes a message may have. */
  readonly maxMessageSize: number;
  /** The most fragments a message may have. */
  readonly maxFragments: number;
  /** Short ASCII texts are delivered as strings. */
  readonly joinsShortTexts: boolean;
  /** The receiver does not keep the memory of a text. */
  readonly borrowsText: boolean;
  readonly #isUtf8: ((bytes: Bytes) => boolean) | undefined;

  constructor(options: ReaderOptions) {
    this.masked = options.role === "server";
    this.maxMessageSize = options.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
    this.maxFragments = options.maxFragments ?? DEFAULT_MAX_FRAGMENTS;
    // Every short text must be within the limit, and a client's reader has no frames to unmask.
    this.borrowsText = options.textAsString ?? false;
    this.joinsShortTexts = this.borrowsText && this.masked && this.maxMessageSize >= MAX_SHORT;
    this.#isUtf8 = options.isUtf8;
  }

  /** The same as `checkUtf8`, with the platform's own check if there is one. */
  checkUtf8(chunk: Bytes, start: number, end: number, state: number): number {
    if (this.#isUtf8 === undefined) return checkUtf8(chunk, start, end, state);
    return checkUtf8By(this.#isUtf8, chunk, start, end, state);
  }
}
