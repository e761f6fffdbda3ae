import type { Duplex } from "node:stream";

import type { DeflateAgreement } from "../compression/negotiation.ts";
import { type HawserError, asHawserError, handlerError, streamError } from "../errors/errors.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { CloseCode, serializeClose } from "../protocol/close-frame.ts";
import { type DataOpcode, Opcode } from "../protocol/opcodes.ts";
import type { FrameReader, FrameSink } from "../protocol/frame-reader.ts";
import type { Event, State } from "../protocol/state.ts";
import { answersPings, canSend, isEnding, nextState, canSendClose, canStartClose } from "../protocol/state.ts";
import { countLimit } from "./counters/limit-counters.ts";
import type { DispatcherOwner } from "./dispatch/dispatcher-owner.ts";
import type { HandlerCallbacks } from "./dispatch/handler-callbacks.ts";
import { HandlerDispatcher } from "./dispatch/handler-dispatcher.ts";
import { type CloseCause, Closing, closeBecause, closeBodyOf, endAtTimeLimit, failAtRate } from "./closing.ts";
import type { ErrorSource, Initiator } from "./dispatch/events.ts";
import type { ConnectionOwner, Place } from "./connection-owner.ts";
import { abortSignalOf } from "./dispatch/close-signal.ts";
import { readerOf } from "./incoming.ts";
import { Liveness } from "./keepalive/liveness.ts";
import type { Ping } from "./keepalive/ping.ts";
import { isJsonError } from "./receiving/json.ts";
import { RateLimiter } from "./receiving/rate-limiter.ts";
import { ReadFlow } from "./receiving/read-flow.ts";
import type { OutgoingMessage } from "./sending/outgoing-message.ts";
import type { Sender, SenderOwner } from "./sending/sender.ts";
import { senderOver } from "./sending/sender-over.ts";
import { SendResult } from "./sending/send-result.ts";
import { forgetLastText } from "./sending/text-frames.ts";
import { type ConnectionSettings, compressorOf } from "./settings.ts";
import { type Status, statusOf } from "./status.ts";
import { type StreamListener, attach, deliver } from "./transport/stream-events.ts";
import type { StreamWriter } from "./transport/stream-writer.ts";

/** One live connection over a stream, made when the opening handshake is done: its reader, its sender, its handler's dispatcher, and its state. */
export class Connection implements FrameSink, StreamListener, DispatcherOwner, SenderOwner {
  /** The object that the user's callbacks get as their first argument. The owner sets it before `start`. */
  publicConnection: unknown = undefined;
  /** The owner sets it, and gives it back when the handler has finished. */
  place: Place | undefined = undefined;
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  readonly #sender: Sender;
  /** Whether the peer is still there. */
  readonly liveness: Liveness;
  /** The calls of the user's handler. */
  readonly dispatcher: HandlerDispatcher;
  #state: State = "open";
  /** How it ends. It is made when that begins. */
  #closing: Closing | undefined;
  /** Decides when reading pauses, and is told how far the handler has come. It is made when that is needed. */
  readFlow: ReadFlow | undefined;

  constructor(stream: Duplex, handler: HandlerCallbacks, owner: ConnectionOwner, deflate?: DeflateAgreement) {
    const { settings } = owner;
    this.#owner = owner;
    this.#reader = readerOf(this, handler, deflate !== undefined);
    this.#sender = senderOver(stream, this, deflate && compressorOf(settings, deflate));
    this.liveness = new Liveness(settings.keepalive, owner);
    const rateLimiter = RateLimiter.for(settings);
    this.dispatcher = new (settings.dispatcher ?? HandlerDispatcher)(handler, this, rateLimiter);
    if (rateLimiter !== undefined) this.ensureReadFlow(rateLimiter);
  }

  get settings(): ConnectionSettings {
    return this.#owner.settings;
  }

  /** The state as 4D names it. */
  get status(): Status {
    return statusOf(this.#state);
  }

  /** Bytes that were sent and have not reached the operating system yet. */
  get bufferedAmount(): number {
    return this.#sender.size;
  }

  /** What became of the messages that were sent. */
  get counters(): Sender["counters"] {
    return this.#sender.counters;
  }

  /**
   * Begins to read and write.
   *
   * @param handshakeResponse goes out before the first frame, in the same write: the answer to the handshake, as latin1 text
   * @param head came in after the handshake
   */
  start(handshakeResponse: string, head: Bytes): void {
    attach(this.#writer.stream, this);
    const isPlain = head.length === 0 && !this.dispatcher.mayOpen;
    if (!isPlain) this.#writer.cork();
    if (handshakeResponse !== "") this.#writer.write(handshakeResponse, false); // TLS of Deno hangs after an empty write.
    if (isPlain) return;
    this.#sender.buffer.holdWrites();
    this.dispatcher.dispatchOpen();
    deliver(this.#writer.stream, head);
    this.#writer.uncork();
  }

  /** Sends a text that has no key. It is the common case, and needs no object for each message. */
  sendText(text: string): SendResult {
    if (!canSend(this.#state)) return SendResult.dropped;
    this.liveness.noteMessage();
    return this.#sender.sendText(text);
  }

  /** Sends a message. `reportsDrain`: if too many bytes wait, `onDrain` follows. */
  send(message: OutgoingMessage, reportsDrain = true): SendResult {
    if (!canSend(this.#state)) return SendResult.dropped;
    this.liveness.noteMessage();
    return this.#sender.send(message, reportsDrain);
  }

  /** Settles when no more than `highWaterMark` bytes wait: true; when the connection is closed before: false. */
  whenDrained(): Promise<boolean> {
    return canSend(this.#state) ? this.#sender.whenDrained() : Promise.resolve(false);
  }

  /** Settles with the milliseconds from a ping to its pong; with undefined if the connection closes or is not read before. */
  measureRoundTrip(): Promise<number | undefined> {
    if (this.#state !== "open" || this.readFlow?.isFull === true) return Promise.resolve(undefined);
    return (this.liveness.ping ?? this.#sendPing()).roundTrip();
  }

  /** Checks whether the peer is still there. The server's one timer calls it from time to time. */
  checkPeer(): void {
    // A close that has begun may end in order.
    if (this.#closing !== undefined) return;
    // A handler that reads a stream may wait for the peer.
    if (this.dispatcher.isBusy && this.readFlow?.waitsForPeer !== true) this.liveness.noteMessage();
    // A handler that waits in `drained()` waits for the peer: then a peer that is not there must be noticed.
    const readingStopped = this.readFlow?.paused === true && !this.#sender.hasDrainWaiters;
    const verdict = this.liveness.check(this.settings.keepalive, this.#writer, readingStopped);
    if (verdict === "pingDue") this.#sendPing();
    else if (verdict !== "alive") endAtTimeLimit(this, verdict);
  }

  /**
   * Starts the close handshake (RFC 6455 7.1.2). The caller has checked code and reason. Does nothing the second time.
   *
   * @param cause why the library closes the connection. Default: the application does. For `sendDeadline` see `Closing`
   */
  close(code: number | undefined, reason?: string, cause?: CloseCause, sendDeadline?: number): void {
    if (!canStartClose(this.#state)) return this.#closing?.extendTimer(sendDeadline);
    this.#beginClosing("local").noteCause(cause);
    this.dispatcher.stopDelivery();
    this.#queueClose(code, reason, sendDeadline);
  }

  #queueClose(code: number | undefined, reason?: string, sendDeadline?: number): void {
    this.#transition("queueClose");
    // It was destroyed meanwhile.
    if (isEnding(this.#state)) return;
    this.#startCloseTimer(sendDeadline);
    this.#sender.runAfterPreparation(() => {
      this.#sender.addClose(serializeClose(code, reason));
      this.#transition("sendClose");
      if (isEnding(this.#state)) this.#endStream();
    });
  }

  /** Destroys the stream, with no close frame: `onTerminate` follows, after the running callback. */
  cut(cause: CloseCause = "destroyed"): void {
    this.#beginClosing("local").noteCause(cause);
    this.dispatcher.stopDelivery();
    this.#destroyStream();
  }

  /** The same, but waits for no handler. */
  destroy(cause?: CloseCause): void {
    this.cut(cause);
    this.dispatcher.stopWaiting();
  }

  // A field would take 8 bytes for each connection.
  get #writer(): StreamWriter {
    return this.#sender.buffer.writer;
  }

  onData(chunk: Bytes, end: number, borrowed: boolean): Bytes | undefined {
    const written = this.#writer.bytesWritten;
    if (this.#closing !== undefined && !isEnding(this.#state)) this.#closing.noteReceived();
    this.#sender.buffer.holdWrites();
    try {
      this.#reader.push(chunk, end, borrowed);
    } catch (cause) {
      // A message cannot be decoded, or memory was refused or transferred: that ends this connection, not the process.
      this.onError(asHawserError(cause));
    }
    this.#sender.buffer.releaseWrites();
    // Not before: a chunk that makes us close does not show that its peer has read all that was sent.
    this.liveness.noteReceived(written);
    // No later text may be taken for a repetition of one in this chunk.
    forgetLastText();
    if (this.readFlow?.countBytes(end) === false && canSend(this.#state)) failAtRate(this, "maxBytesPerSecond");
    if (this.dispatcher.isBusy && this.#state === "open")
      this.ensureReadFlow().noteReadAhead(this.#reader.unfinishedBytes);
    return borrowed ? this.#reader.target : undefined;
  }

  onDrain(): void {
    this.liveness.noteActivity();
    this.#sender.onDrain();
  }

  onTaken(): void {
    this.#sender.onTaken();
  }

  onEnd(): void {
    this.dispatcher.runAfterTurns(() => this.#receiveEnd());
  }

  #receiveEnd(): void {
    if (isEnding(this.#state)) return;
    this.#reader.stop();
    this.#beginClosing("network");
    this.#transition("receiveEnd");
    // Otherwise our close frame is still owed. The time until it is sent is limited already.
    if (isEnding(this.#state)) this.#endStream();
  }

  onStreamError(cause: Error): void {
    const unexpected = this.#state === "open";
    const error = streamError(cause);
    this.#beginClosing("network").noteLoss(error);
    // Most streams have done so themselves; those without `autoDestroy` would never close.
    this.#destroyStream(error);
    if (unexpected) this.dispatcher.dispatchError(error);
  }

  onStreamClose(): void {
    if (this.#state === "closed") return;
    this.#transition("disconnect");
    this.#reader.stop();
    const hasLost = this.#sender.onStreamClose();
    this.readFlow?.stop();
    this.liveness.stop();
    const event = this.#beginClosing("network").onStreamClose(hasLost);
    this.#owner.onClosed(this, event);
    this.dispatcher.dispatchTerminate(event, () => this.#owner.onFinished(this));
  }

  // From the reader. `onError` comes from the sender too.
  onMessage(opcode: DataOpcode, bytes: Bytes, start: number, end: number, ascii: boolean): void {
    if (this.settings.autoResponse?.isRequest(opcode, bytes, start, end) === true) return this.answer();
    if (!this.acceptsMessage()) return;
    // What this throws fails the connection: see onData.
    this.dispatcher.dispatchMessage(this.settings.decode.bytes(opcode, bytes, start, end, ascii));
  }

  onText(text: string): void {
    if (text === this.settings.autoResponse?.request) this.answer();
    else if (this.acceptsMessage()) this.dispatcher.dispatchMessage(text);
  }

  onTransformed(opcode: DataOpcode, payload: Bytes): void {
    if (this.settings.autoResponse?.isCompressedRequest(opcode, payload, this.settings) === true) this.answer();
    // What this throws fails the connection too.
    else if (this.acceptsMessage()) this.dispatcher.dispatchCompressed(opcode, payload, this.settings);
  }

  /** Control frames and fragments are bounded in a turn as messages are. Pings that were read are answered. */
  onFrame(): void {
    if (!this.dispatcher.countFrame()) this.ensureReadFlow().pauseForTurn();
  }

  onPing(payload: Bytes): void {
    if (answersPings(this.#state)) this.#sender.buffer.addControl(Opcode.pong, payload);
  }

  onPong(payload: Bytes): void {
    this.liveness.onPong(payload);
  }

  onClose(code: number, reason: string | undefined): void {
    this.#beginClosing("peer").peerClose = { code, reason };
    this.readFlow?.release();
    this.dispatcher.runAfterTurns(() => this.#receiveClose(code));
  }

  #receiveClose(code: number): void {
    this.#transition("receiveClose");
    this.#sender.onPeerClose();
    // RFC 6455 5.5.1: the peer's code is sent back, when the messages before it have been handled.
    if (this.#state === "peerClosing") {
      const answer = code === CloseCode.noStatus ? undefined : code;
      this.dispatcher.runInOrder(() => this.close(answer));
      // Later its peer may not be there any more. What waits for the handler is still delivered.
      if (canStartClose(this.#state)) this.#closing?.limitAnswer(() => this.#queueClose(answer));
    } else if (isEnding(this.#state)) this.#endStream();
  }

  /** The one exit for failure (RFC 6455 7.1.7): the close frame of the error's row, then no byte is read any more. */
  onError(error: HawserError): void {
    // A close frame of ours that waits for a message before it is replaced by this one.
    const owed = canSendClose(this.#state);
    countLimit(this.settings.limitCounters, error.code);
    this.#reader.stop(error);
    this.#beginClosing("local").noteCause(error);
    if (owed) this.#sender.addCloseNow(closeBodyOf(error.code));
    this.#transition("fail");
    this.#endStream();
    if (owed) this.dispatcher.dispatchError(error);
  }

  // From the dispatcher; `onDrained` comes from the sender.

  onUndecodable(cause: unknown): void {
    const error = asHawserError(cause);
    const isIgnored = isJsonError(error.code) && this.settings.ignoresInvalidJson;
    if (!isIgnored) this.dispatcher.stopDelivery();
    // The message may have waited, and its peer has gone meanwhile.
    if (!isIgnored && !isEnding(this.#state)) return this.onError(error);
    countLimit(this.settings.limitCounters, error.code);
    if (isIgnored) this.reportError(error, "library");
    else this.dispatcher.callOnError(error);
  }

  onHandlerFailed(cause: unknown): void {
    closeBecause(this, handlerError(cause));
  }

  reportError(error: unknown, source: ErrorSource): void {
    this.#owner.onConnectionError(this, error, source);
  }

  onDrained(): void {
    if (canSend(this.#state)) this.dispatcher.dispatchDrain();
  }

  /** Decides when reading pauses. Most connections never need it. */
  ensureReadFlow(limiter?: RateLimiter): ReadFlow {
    const { dispatcher: messages, liveness } = this;
    return (this.readFlow ??= new ReadFlow(
      { stream: this.#writer.stream, messages, liveness },
      this.settings,
      limiter,
    ));
  }

  /** Sends a ping; if one was not answered yet, sends that one again. */
  #sendPing(): Ping {
    const ping = this.liveness.nextPing(this.#writer);
    this.#sender.buffer.addControl(Opcode.ping, ping.payload);
    return ping;
  }

  /** Whether a message is delivered. As in browsers, none is once we have begun to close. */
  acceptsMessage(): boolean {
    if (this.#state !== "open") return false;
    this.liveness.noteMessage();
    return this.readFlow?.countMessage() !== false || failAtRate(this, "maxMessagesPerSecond");
  }

  /** Answers a request of `autoResponse`. It counts as a message, but is not the use that `idleTimeout` looks for. */
  answer(): void {
    if (this.#state !== "open") return;
    this.onFrame();
    if (this.readFlow?.countAnswered() !== false) return this.settings.autoResponse?.answerBy(this.#sender);
    failAtRate(this, "maxMessagesPerSecond");
  }

  #transition(event: Event): void {
    const wasOpen = canSend(this.#state);
    this.#state = nextState(this.#state, event, this.settings.role);
    if (!wasOpen || canSend(this.#state)) return;
    abortSignalOf(this);
    this.#reader.cutStream();
    // A handler that waits for the pong would hold back our answer to the close frame.
    if (event === "receiveClose" || event === "receiveEnd") this.liveness.abandonRoundTrip();
  }

  /** Returns how the connection ends. The first call says who began it. */
  #beginClosing(initiator: Initiator): Closing {
    return (this.#closing ??= new Closing(initiator, this.#sender, this.settings, this.liveness));
  }

  /** Destroys the stream without a close frame: the peer does not read, or we do not wait for it. */
  #destroyStream(error?: HawserError): void {
    this.#reader.stop(error);
    this.#transition("fail");
    this.#writer.destroy();
  }

  /** No frame goes either way any more: what was written goes out, and the stream is ended. */
  #endStream(): void {
    this.#sender.end();
    // A stream may close at once.
    if (this.#state !== "closed") this.#startCloseTimer();
  }

  /** The peer has `closeTimeout` to answer and to close its side. What it still sends is read, so that its end is seen. */
  #startCloseTimer(sendDeadline = 0): void {
    this.readFlow?.release();
    this.#beginClosing("local").startTimer(sendDeadline);
  }
}
