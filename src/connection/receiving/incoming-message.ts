import { isAscii } from "node:buffer";

import { deflatedAtMost } from "../../compression/sync-flush.ts";
import { HawserError, ProtocolError, withoutStack } from "../../errors/errors.ts";
import type { ProtocolErrorCode } from "../../errors/table.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import type { StreamedBody } from "../../protocol/message-body.ts";
import { MessageBuffer } from "../../protocol/message-buffer.ts";
import { type DataOpcode, Opcode } from "../../protocol/opcodes.ts";
import type { ReaderRules } from "../../protocol/reader-rules.ts";
import { CompressedMessage, PendingMessage } from "./compressed-message.ts";
import type { ReadFlow } from "./read-flow.ts";
import type { ReceivingSettings } from "./settings.ts";

/** With `autoResponse`, the handler is asked when more bytes than this have come, or all: a request has fewer, also compressed. */
const MAX_REQUEST = 256;

/** What a message that may be streamed needs of its connection. */
export interface IncomingOwner {
  /** The limits, and how what is not streamed is decoded. */
  readonly settings: ReceivingSettings & { readonly autoResponse: object | undefined };
  /** Counts the bytes that wait. */
  ensureReadFlow(): ReadFlow;
  /** Answers a message that is a request of `autoResponse`, and returns whether it is one. */
  takesRequest(opcode: DataOpcode, payload: Bytes, transformed: boolean): boolean;
  /** Whether a message is delivered. It is counted. */
  acceptsMessage(): boolean;
  /** A part of a message has come: the connection is in use. */
  noteProgress(): void;
  /** The handler is asked what to do with a message, when its turn comes. */
  onMessageStart(message: IncomingMessage): void;
  /** The handler wants a message as a whole, and it has come since then. */
  onGathered(data: Bytes | string | CompressedMessage): void;
  /** A message cannot be decoded, or is too big. */
  onUndecodable(error: unknown): void;
}

/**
 * A message of a connection whose handler has `onMessageStart`. It waits until the handler has said whether it wants it as a stream. Then
 * its bytes are read one after the other, or gathered for `onMessage`. Until they are read, `ReadFlow` counts them, and pauses reading.
 */
export class IncomingMessage extends PendingMessage implements StreamedBody {
  /** Text or binary. */
  readonly opcode: DataOpcode;
  /** Its payload is compressed. */
  readonly transformed: boolean;
  /** In the queue of the handler: `ReadFlow` counts its bytes. */
  readonly length = 0;
  readonly #owner: IncomingOwner;
  readonly #rules: ReaderRules;
  #stage: "held" | "waiting" | "streaming" | "gathering" | "over" = "held";
  /** The bytes that have come and were not read. */
  #buffer = new MessageBuffer(true);
  /** The bytes that have come. */
  #arrived = 0;
  /** The bytes that its frames have, as far as their headers have come. */
  #announced = 0;
  #isComplete = false;
  #error: HawserError | undefined;
  #wake: () => void = nothing;
  #onCut: (error: HawserError) => void = nothing;

  constructor(opcode: DataOpcode, transformed: boolean, owner: IncomingOwner, rules: ReaderRules) {
    super();
    this.opcode = opcode;
    this.transformed = transformed;
    this.#owner = owner;
    this.#rules = rules;
  }

  // Called by the reader.

  get waitingBytes(): number {
    return this.#stage === "gathering" ? this.#buffer.length : 0;
  }

  beginFrame(length: number): ProtocolErrorCode | undefined {
    this.#announced = this.#arrived + length;
    if (this.#stage === "gathering") return this.#isTooBig(this.#maxGathered) ? "HWS_MESSAGE_TOO_BIG" : undefined;
    const most = this.#stage === "streaming" ? this.#maxStreamed : Math.max(this.#maxStreamed, this.#maxGathered);
    return this.#isTooBig(most) ? "HWS_STREAM_TOO_BIG" : undefined;
  }

  append(chunk: Bytes, start: number, end: number, expected: number): void {
    if (this.#stage !== "over") this.#buffer.append(chunk, start, end, this.#expected(expected));
    this.#noteArrived(end - start);
  }

  appendMasked(chunk: Bytes, start: number, end: number, expected: number, key: number): void {
    if (this.#stage !== "over") this.#buffer.appendMasked(chunk, start, end, this.#expected(expected), key);
    this.#noteArrived(end - start);
  }

  end(): void {
    this.#isComplete = true;
    if (this.#stage === "held") {
      if (this.#owner.takesRequest(this.opcode, this.#bytes, this.transformed)) return this.discard();
      this.#begin();
    } else if (this.#stage === "gathering") {
      this.#stage = "over";
      this.#owner.onGathered(this.#data);
    } else this.#wake();
  }

  cut(cause: Error | undefined): void {
    // What has come wholly is delivered.
    if (this.#isComplete || this.#stage === "over") return;
    this.fail(withoutStack(() => new HawserError("HWS_MESSAGE_CUT", undefined, { cause })));
  }

  // Called when the handler has been asked.

  /** Why it will not be read to its end; undefined: nothing is in the way. */
  get error(): HawserError | undefined {
    return this.#error;
  }

  /** Whether nobody reads it any more: it was read to its end, discarded or cut. */
  get isOver(): boolean {
    return this.#stage === "over";
  }

  /** The most bytes that a stream of it may give. */
  get maxSize(): number {
    return this.#owner.settings.maxStreamSize;
  }

  /**
   * From now on it is read as it comes.
   *
   * @param onCut is called if it will not be read to its end
   */
  take(onCut: (error: HawserError) => void): void {
    this.#onCut = onCut;
    if (this.#error !== undefined) return onCut(this.#error);
    if (this.#stage === "over") return;
    this.#stage = "streaming";
    if (this.#isTooBig(this.#maxStreamed)) this.#refuse("HWS_STREAM_TOO_BIG");
  }

  /** The next bytes, in memory of their own; undefined: it has ended. Rejects if it is cut. */
  async read(): Promise<Bytes | undefined> {
    const flow = this.#owner.ensureReadFlow();
    while (this.#buffer.length === 0 && this.#stage !== "over" && !this.#isComplete) {
      flow.waitsForPeer = true;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    flow.waitsForPeer = false;
    if (this.#error !== undefined) throw this.#error;
    if (this.#buffer.length === 0) return undefined;
    return this.#takeBuffer();
  }

  /** The reader has come to the end. */
  finish(): void {
    this.#stage = "over";
  }

  /** Nobody wants what has not been read. The rest is discarded when it comes. */
  discard(): void {
    if (this.#stage === "over") return;
    const isGathered = this.#stage === "gathering";
    this.#stage = "over";
    if (isGathered) this.#buffer.release();
    else this.#takeBuffer();
    this.#wake();
  }

  /** It cannot be read to its end. */
  fail(error: HawserError): void {
    if (this.#stage === "over") return;
    this.#error = error;
    this.discard();
    this.#onCut(error);
  }

  /** The peer has sent what must not be accepted: the connection fails. */
  refuse(error: HawserError): void {
    this.fail(error);
    this.#owner.onUndecodable(error);
  }

  /** The handler wants it as a whole. Returns it if it has come; otherwise it is gathered, and delivered then. */
  gather(): Bytes | string | CompressedMessage | undefined {
    if (this.#stage === "over") return undefined;
    if (this.#isTooBig(this.#maxGathered)) {
      this.#refuse("HWS_MESSAGE_TOO_BIG");
      return undefined;
    }
    const received = this.#takeBuffer();
    const { transformedBuffers, textBuffers, otherBuffers } = this.#rules;
    const plain = this.opcode === Opcode.text ? textBuffers : otherBuffers;
    this.#buffer = new MessageBuffer(true, this.transformed ? transformedBuffers : plain);
    this.#buffer.append(received, 0, received.length, 0);
    this.#stage = this.#isComplete ? "over" : "gathering";
    try {
      return this.#isComplete ? this.#data : undefined;
    } catch (error) {
      this.#owner.onUndecodable(error);
      return undefined;
    }
  }

  get #bytes(): Bytes {
    return this.#buffer.bytes.subarray(0, this.#buffer.length);
  }

  /** The message as it is delivered. */
  get #data(): Bytes | string | CompressedMessage {
    const { settings } = this.#owner;
    const bytes = this.#bytes;
    if (this.transformed) return new CompressedMessage(this.opcode, bytes, settings, false);
    return settings.decode.bytes(this.opcode, bytes, 0, bytes.length, this.opcode === Opcode.text && isAscii(bytes));
  }

  get #maxStreamed(): number {
    return this.transformed ? deflatedAtMost(this.maxSize) : this.maxSize;
  }

  get #maxGathered(): number {
    return this.transformed ? this.#rules.maxTransformedSize : this.#rules.maxMessageSize;
  }

  #refuse(code: ProtocolErrorCode): void {
    this.refuse(withoutStack(() => new ProtocolError(code)));
  }

  #isTooBig(most: number): boolean {
    return this.#announced > most;
  }

  /** A stream needs no memory for what has not come. */
  #expected(expected: number): number {
    return this.#stage === "gathering" ? expected : 0;
  }

  #noteArrived(bytes: number): void {
    this.#arrived += bytes;
    if (this.#stage === "over") return;
    this.#owner.noteProgress();
    if (this.#stage === "gathering") return;
    const flow = this.#owner.ensureReadFlow();
    flow.noteStreamed(bytes);
    if (this.#stage === "held" && (this.#owner.settings.autoResponse === undefined || this.#arrived > MAX_REQUEST))
      this.#begin();
    this.#wake();
  }

  #begin(): void {
    this.#stage = "waiting";
    if (this.#owner.acceptsMessage()) this.#owner.onMessageStart(this);
    else this.discard();
  }

  /** The bytes that wait, which are not counted any more. */
  #takeBuffer(): Bytes {
    const bytes = this.#bytes;
    this.#buffer = new MessageBuffer(true);
    if (bytes.length > 0) this.#owner.ensureReadFlow().noteTaken(bytes.length);
    return bytes;
  }
}

function nothing(): void {
  // Nobody waits.
}
