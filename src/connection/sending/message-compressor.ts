import type { Deflater } from "../../compression/codec.ts";
import type { DeflatePool } from "../../compression/deflate-pool.ts";
import { type CompressionSettings, type DeflateSettings, THREAD_POOL_FROM } from "../../compression/settings.ts";
import { deflateLater } from "../../compression/zlib.ts";
import { type Bytes, allocate } from "../../protocol/bytes.ts";
import { attempt } from "../../util/attempt.ts";

/** Whether a message is so long that another thread compresses it. */
export function isLarge(payload: string | Bytes): boolean {
  return hasAtLeast(payload, THREAD_POOL_FROM);
}

function hasAtLeast(payload: string | Bytes, bytes: number): boolean {
  if (payload.length >= bytes) return true;
  // A character of a text needs at most three bytes.
  return typeof payload === "string" && payload.length * 3 >= bytes && Buffer.byteLength(payload) >= bytes;
}

/** Where a text is encoded before it is compressed. */
let scratch: Bytes | undefined;

/**
 * Compresses the messages of a connection as it was agreed in the handshake (RFC 7692). Connections without context takeover
 * share one; with it, each has one, which may have a deflater of the pool.
 */
export class MessageCompressor {
  /** Messages with fewer bytes are not compressed. */
  readonly threshold: number;
  /** Compresses messages by themselves, with the agreed window. Many receivers may get the result. */
  readonly alone: Deflater;
  /** The agreed window, and how hard it tries. */
  readonly parameters: DeflateSettings;
  readonly #pool: DeflatePool | undefined;

  /**
   * @param settings with the agreed window
   * @param alone keeps no history
   * @param pool has deflaters that remember the messages before; undefined: there is no context takeover
   */
  constructor(settings: CompressionSettings, alone: Deflater, pool?: DeflatePool) {
    this.threshold = settings.threshold;
    this.alone = alone;
    this.parameters = settings;
    this.#pool = pool;
  }

  /** Whether the next message may refer to those before it, without a loss for another connection. */
  get keepsHistory(): boolean {
    return this.#pool !== undefined && !this.#pool.mustTake(this);
  }

  /** Whether each message is compressed by itself. */
  get isStateless(): boolean {
    return this.#pool === undefined;
  }

  /** Whether a message is long enough to be compressed. */
  isWorth(payload: string | Bytes): boolean {
    return hasAtLeast(payload, this.threshold);
  }

  /**
   * Compresses a large message by itself, in another thread.
   *
   * @param bytesOf is called when that thread begins. Its result must not be changed or transferred until the promise is settled
   * @param isWanted is called before that. If it returns false, the thread does not begin
   * @returns undefined: the message did not get smaller, or was not wanted any more
   */
  async compressLater(bytesOf: () => Bytes, isWanted?: () => boolean): Promise<Bytes | undefined> {
    let length = 0;
    const begin = (): Bytes => {
      const bytes = bytesOf();
      length = bytes.length;
      return bytes;
    };
    const compressed = await deflateLater(begin, this.parameters, isWanted);
    return compressed !== undefined && compressed.length < length ? compressed : undefined;
  }

  /**
   * Compresses a message for this connection.
   *
   * @returns memory that is valid until the next message of any connection is compressed; undefined: the message did not get smaller
   */
  compress(payload: string | Bytes): Bytes | undefined {
    if (this.#pool === undefined) return compressBy(payload, this.alone);
    const deflater = this.#pool.deflaterOf(this, this.parameters.windowBits);
    const compressed = compressBy(payload, deflater);
    // The peer does not get this message compressed: later messages must not refer to it.
    if (compressed === undefined) deflater.reset();
    return compressed;
  }

  /** A message was sent that was compressed by itself: the peer has it in its window, and our deflater does not. */
  forgetHistory(): void {
    this.#pool?.release(this);
  }
}

/**
 * Compresses a message with a deflater.
 *
 * @returns memory that is valid until the next message of any connection is compressed; undefined: it did not get smaller
 */
export function compressBy(payload: string | Bytes, deflater: Deflater): Bytes | undefined {
  const length = typeof payload === "string" ? encode(payload) : payload.length;
  const bytes = typeof payload === "string" ? scratch! : payload;
  // If zlib gets no memory, the message goes out as it is.
  const compressed = attempt(() => deflater.deflate(bytes, 0, length));
  return compressed !== undefined && compressed.length < length ? compressed : undefined;
}

/** Encodes a text in the scratch memory, and returns its length in bytes. */
function encode(text: string): number {
  // A longer text is compressed in another thread.
  scratch ??= allocate(THREAD_POOL_FROM);
  return scratch.utf8Write(text);
}
