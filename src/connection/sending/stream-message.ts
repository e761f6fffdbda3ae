import { PieceDeflater } from "../../compression/zlib-streams.ts";
import { InvalidArgumentError, withoutStack } from "../../errors/errors.ts";
import { type Bytes, EMPTY } from "../../protocol/bytes.ts";
import { FIN, ReservedBit } from "../../protocol/frame-header.ts";
import { type DataOpcode, Opcode } from "../../protocol/opcodes.ts";
import { FRAGMENT_SIZE, Fragment } from "./fragment.ts";
import { type FragmentWriter, nextTurn } from "./fragment-writer.ts";
import { describe } from "../../util/describe.ts";
import { Compression, type MessageOptions, type OutgoingMessage } from "./outgoing-message.ts";
import { type StreamSource, sourceOf } from "./stream-source.ts";

/** After this many chunks other connections get their turn, and what has come is sent: the source may give empty chunks for ever. */
const MAX_CHUNKS = 1024;

/** The next chunk does not come in this turn. It is no object: a source of the application's may give anything. */
const NOT_YET = Symbol("not yet");

/** The last frame of a streamed message. The frames before it were written: no policy may drop it. */
export class LastFragment implements OutgoingMessage {
  readonly opcode = Opcode.binary;
  readonly payload: Bytes;
  readonly key = undefined;
  readonly compression = Compression.forbidden;
  /** The first byte of the frame. */
  readonly firstByte: number;

  constructor(firstByte: number, payload: Bytes) {
    this.firstByte = firstByte | FIN;
    this.payload = payload;
  }
}

/**
 * A message whose bytes come from a stream of the application's. They are sent as they come, in fragments, and no message comes between
 * them (RFC 6455 5.4). It waits in the preparation queue for its turn, and the messages after it wait there for it.
 */
export class StreamMessage implements OutgoingMessage {
  readonly opcode: DataOpcode = Opcode.binary;
  /** It has no bytes that wait. */
  readonly payload = EMPTY;
  readonly key: string | undefined;
  readonly compression: Compression;
  readonly #source: StreamSource;
  readonly #fragment = new Fragment();
  #deflater: PieceDeflater | undefined;
  /** Settles when the turn ends in which the bytes came that wait. */
  #turn: Promise<typeof NOT_YET> | undefined;
  #hasBegun = false;
  #isOver = false;

  /** @throws {InvalidArgumentError} if somebody else reads the stream */
  constructor(stream: object, { key, compression }: MessageOptions) {
    this.#source = sourceOf(stream);
    this.key = key;
    this.compression = compression;
  }

  /** It is not sent to its end: its source is freed. */
  cancel(reason = cancelReason()): void {
    if (this.#isOver) return;
    this.#end();
    this.#source.cancel(reason);
  }

  /**
   * Sends it. Its turn has come.
   *
   * @returns the last fragment, which was not written; undefined: it was cancelled. Rejects if the source fails
   */
  async send(writer: FragmentWriter): Promise<LastFragment | undefined> {
    try {
      await writer.whenWritable();
      await this.#sendChunks(writer);
      return this.#isOver ? undefined : await this.#lastFragment(writer);
    } catch (error) {
      if (this.#isOver) return undefined;
      // A source that has given something else than bytes is not at its end.
      this.cancel(error as Error);
      throw error;
    } finally {
      this.#end();
    }
  }

  /** Sends what comes, until the source ends: when a fragment is full, and when no more comes in this turn. */
  async #sendChunks(writer: FragmentWriter): Promise<void> {
    let next = this.#next();
    for (let chunks = 1; !this.#isCancelled(); chunks++) {
      let result: unknown;
      while ((result = await this.#within(next)) === NOT_YET) await this.#sendFragment(writer);
      if (this.#isCancelled()) return;
      const { done, value } = checkResult(result);
      if (done === true) return;
      for (const part of this.#fragment.parts(value)) {
        this.#fragment.add(part);
        if (this.#fragment.length >= FRAGMENT_SIZE) await this.#sendFragment(writer);
        if (this.#isCancelled()) return;
      }
      if (chunks % MAX_CHUNKS === 0) await (this.#fragment.length > 0 ? this.#sendFragment(writer) : nextTurn());
      next = this.#next();
    }
  }

  /** A method, because it changes while something is awaited. */
  #isCancelled(): boolean {
    return this.#isOver;
  }

  #next(): Promise<unknown> {
    const next = this.#source.next();
    // If the message is cancelled, nobody waits for it.
    next.catch(nothing);
    return next;
  }

  /** The next result; `NOT_YET`: it does not come in this turn, and others wait to be sent. */
  #within(next: Promise<unknown>): Promise<unknown> {
    if (this.#fragment.length === 0) return next;
    this.#turn ??= nextTurn().then(() => {
      this.#turn = undefined;
      return NOT_YET;
    });
    return Promise.race([next, this.#turn]);
  }

  async #sendFragment(writer: FragmentWriter): Promise<void> {
    const bytes = this.#fragment.take();
    const firstByte = this.#beginFrame(writer, bytes);
    const payload = this.#deflater === undefined ? bytes : await this.#deflater.deflate(bytes, false);
    await writer.whenWritable();
    if (!this.#isOver) await writer.write(firstByte, payload);
  }

  async #lastFragment(writer: FragmentWriter): Promise<LastFragment | undefined> {
    this.#fragment.end();
    const bytes = this.#fragment.take();
    const firstByte = this.#beginFrame(writer, bytes);
    const payload = this.#deflater === undefined ? bytes : await this.#deflater.deflate(bytes, true);
    await writer.whenWritable();
    return this.#isOver ? undefined : new LastFragment(firstByte, payload);
  }

  /** The first byte of the next frame, without FIN. Only the first frame says what the message is, and whether it is compressed (RFC 7692 6.1). */
  #beginFrame({ compressor }: FragmentWriter, bytes: Bytes): number {
    if (this.#hasBegun) return Opcode.continuation;
    this.#hasBegun = true;
    if (compressor === undefined || this.compression === Compression.forbidden || !compressor.isWorth(bytes))
      return this.#fragment.opcode;
    // The peer has this message in its window, and our other deflaters do not.
    compressor.forgetHistory();
    this.#deflater = new PieceDeflater(compressor.parameters);
    return this.#fragment.opcode | ReservedBit.rsv1;
  }

  #end(): void {
    this.#isOver = true;
    this.#deflater?.close();
  }
}

/**
 * What an iterator has given.
 *
 * @throws {InvalidArgumentError} for what none may give: `for await` throws too
 */
function checkResult(result: unknown): IteratorResult<unknown, unknown> {
  // A function is an object too. It is neither done, nor has it a value that can be sent.
  if (typeof result === "object" && result !== null) return result as IteratorResult<unknown, unknown>;
  throw new InvalidArgumentError(`send: expected { done, value } from the stream's next(), got ${describe(result)}`);
}

/** Why the source of a message is cancelled: the connection has ended, or refuses the message. It has no stack: sources keep it. */
function cancelReason(): Error {
  return withoutStack(() => new DOMException("The message is not sent to its end", "AbortError"));
}

function nothing(): void {
  // It is told when it is awaited.
}
