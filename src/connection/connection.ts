import type { Duplex } from "node:stream";

import { HawserError, type ProtocolError, withoutStack } from "../errors/errors.ts";
import { type ErrorRow, errorTable } from "../errors/table.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { type Close, CloseCode, serializeClose } from "../protocol/close-frame.ts";
import { type DataOpcode, Opcode } from "../protocol/opcodes.ts";
import { FrameReader, type FrameSink } from "../protocol/frame-reader.ts";
import { type Event, type State, answersPings, canSend, isEnding, nextState, owesClose } from "../protocol/state.ts";
import { countLimit } from "./counters/limit-counters.ts";
import type { MessageCounters } from "./counters/message-counters.ts";
import { HandlerDispatcher, type DispatcherHost, type HandlerCallbacks } from "./dispatch/handler-dispatcher.ts";
import type { ErrorSource } from "./dispatch/events.ts";
import type { ConnectionOwner } from "./connection-owner.ts";
import { CloseTimer, type ClosingConnection } from "./keepalive/close-timer.ts";
import { Liveness } from "./keepalive/liveness.ts";
import { isAboutJson } from "./receiving/json.ts";
import { ReadFlow, type ReadFlowHost, isRateLimited } from "./receiving/read-flow.ts";
import type { BlobLike } from "./sending/blob-queue.ts";
import { Sender, type SenderHost, SendResult } from "./sending/sender.ts";
import { forgetText } from "./sending/text-frames.ts";
import { type ConnectionSettings, rulesOf } from "./settings.ts";
import { type Status, statusOf } from "./status.ts";
import { type StreamListener, attach } from "./transport/stream.ts";

/** One live connection over a stream: its reader, its sender, its handler's dispatcher, and its state. */
export class Connection
  extends Liveness<ConnectionSettings, ConnectionOwner>
  implements FrameSink, StreamListener, DispatcherHost, SenderHost, ReadFlowHost, ClosingConnection
{
  /** The object that the user's callbacks get as their first argument. The owner sets it before `start`. */
  publicConnection: unknown = undefined;
  readonly #reader: FrameReader;
  readonly #sender: Sender;
  readonly #dispatcher: HandlerDispatcher;

  /** A connection is made when the opening handshake is done. */
  #state: State = "open";
  /** What the peer's close frame said, once it was read. */
  #peerClose: Close | undefined;
  #closeTimer: CloseTimer | undefined;
  /** Limits how fast the peer is read: made when that is needed. */
  #readFlow: ReadFlow | undefined;
  #destroyed = false;

  constructor(stream: Duplex, handler: HandlerCallbacks, settings: ConnectionSettings, host: ConnectionOwner) {
    super(stream, settings, host);
    this.#reader = new FrameReader(this, rulesOf(settings));
    this.#sender = new Sender(stream, settings, this);
    this.#dispatcher = new HandlerDispatcher(handler, this);
    if (isRateLimited(settings)) this.#readFlow = new ReadFlow(this.stream, this.settings, this);
  }

  /** The user's handler. */
  get handler(): HandlerCallbacks {
    return this.#dispatcher.handler;
  }

  get remoteAddress(): string {
    return (this.stream as { readonly remoteAddress?: string }).remoteAddress ?? "";
  }

  /** The state as 4D names it. */
  get status(): Status {
    return statusOf(this.#state);
  }

  /** What the peer's close frame said, once it was read. */
  get peerClose(): Close | undefined {
    return this.#peerClose;
  }

  /** Bytes that were sent and have not reached the operating system yet. */
  get bufferedAmount(): number {
    return this.#sender.size;
  }

  /** What became of the messages that were sent. */
  get counters(): MessageCounters {
    return this.#sender.counters;
  }

  /**
   * Begins to read and write.
   *
   * @param preamble goes out before the first frame, in the same write: the answer to the handshake, as latin1 text
   * @param head came in after the handshake
   */
  start(preamble: string, head: Bytes): void {
    attach(this.stream, this);
    this.#sender.addPreamble(preamble);
    this.#sender.holdWrites();
    this.#dispatcher.dispatchOpen();
    this.onData(head, head.length, false);
    this.#sender.writePreamble();
  }

  /** Sends a message: a string as text, bytes and a `Blob` as binary. `key`: under the policy "latest", its key. */
  send(payload: string | Bytes | BlobLike, key?: string): SendResult {
    if (!canSend(this.#state)) return SendResult.dropped;
    this.noteMessage();
    return this.#sender.send(payload, key);
  }

  /** Sends a frame that others get too. `payload` is what is in it. */
  sendShared(frame: Bytes, payload: string | Bytes, key?: string): SendResult {
    if (!canSend(this.#state)) return SendResult.dropped;
    this.noteMessage();
    return this.#sender.sendShared(frame, payload, key);
  }

  /** Settles when no more than `highWaterMark` bytes wait: true; when the connection is closed before: false. */
  whenDrained(): Promise<boolean> {
    return canSend(this.#state) ? this.#sender.whenDrained() : Promise.resolve(false);
  }

  /**
   * Starts the close handshake (RFC 6455 7.1.2). The caller has checked code and reason. Does nothing the second time.
   *
   * @param until what waits before the close frame may take until then, as `performance.now()` has it; without it
   *   `closeTimeout` is for that too
   */
  terminate(code: number | undefined, reason?: string, until?: number): void {
    if (!canSend(this.#state)) return;
    this.#dispatcher.stopDelivery();
    this.#transition("queueClose");
    this.#expectEnd(until);
    this.#sender.runAfterBlobs(() => {
      this.#sender.addClose(serializeClose(code, reason));
      this.#transition("sendClose");
      if (isEnding(this.#state)) this.#endStream();
    });
  }

  /** Destroys the stream, with no close frame, and waits for no handler: `onTerminate` follows. */
  destroy(): void {
    this.#destroyed = true;
    this.#dispatcher.stopDelivery();
    this.#reader.stop();
    this.#transition("fail");
    if (this.#state === "closed") this.#dispatcher.stopWaiting();
    else this.stream.destroy();
  }

  // From the stream.

  onData(chunk: Bytes, end: number, lent: boolean): void {
    this.noteReceived();
    this.#sender.holdWrites();
    try {
      this.#reader.push(chunk, end, lent);
    } catch (cause) {
      // Memory may be refused: that ends this connection, not the process.
      this.#fail(new HawserError("HWS_INTERNAL", undefined, { cause }));
    }
    this.#sender.releaseWrites();
    // Nothing more answers this chunk: no later text may be taken for a repetition of one in it.
    forgetText();
    if (this.#readFlow?.admitBytes(end) === false && canSend(this.#state)) this.#failRate("maxBytesPerSecond");
    if (this.#dispatcher.isBusy) (this.#readFlow ??= new ReadFlow(this.stream, this.settings, this)).noteReadAhead(end);
  }

  onDrain(): void {
    this.noteProgress();
    this.#sender.onDrain();
  }

  onTaken(): void {
    this.#sender.onTaken();
  }

  onEnd(): void {
    if (isEnding(this.#state)) return;
    this.#reader.stop();
    this.#transition("receiveEnd");
    if (isEnding(this.#state)) this.#endStream();
    // Otherwise our close frame is still owed, and is sent after the messages before it have been handled.
    else this.#expectEnd();
  }

  onStreamError(cause: Error): void {
    // Most streams have done so themselves; those without `autoDestroy` would never close.
    this.stream.destroy();
    const unexpected = this.#state === "open";
    this.#transition("fail");
    if (!unexpected) return;
    const lost = (): HawserError => new HawserError("HWS_STREAM_FAILED", cause.message, { cause });
    this.#dispatcher.dispatchError(cause instanceof HawserError ? cause : withoutStack(lost));
  }

  onStreamClose(): void {
    if (this.#state === "closed") return;
    this.#transition("disconnect");
    this.#reader.stop();
    this.#sender.onGone();
    this.#readFlow?.stop();
    this.stopKeepalive();
    this.#closeTimer?.stop();
    this.host.onClosed(this);
    const { code, reason } = this.#peerClose ?? { code: CloseCode.abnormal, reason: undefined };
    this.#dispatcher.dispatchTerminate({ type: "terminate", code, reason }, () => this.host.onFinished(this));
    if (this.#destroyed) this.#dispatcher.stopWaiting();
  }

  // From the reader.

  onMessage(opcode: DataOpcode, bytes: Bytes, start: number, end: number, ascii: boolean): void {
    // As in browsers, nothing is delivered once we have begun to close.
    if (this.#state !== "open" || !this.#admitMessage()) return;
    let data: unknown;
    try {
      data = this.settings.decode.bytes(opcode, bytes, start, end, ascii);
    } catch (error) {
      this.#onUndecodable(error);
      return;
    }
    this.#dispatcher.dispatchMessage(data);
  }

  // The same for a text that is a string already: one function for both would need a closure for each message.
  onText(text: string): void {
    if (this.#state !== "open" || !this.#admitMessage()) return;
    let data: unknown;
    try {
      data = this.settings.decode.text!(text);
    } catch (error) {
      this.#onUndecodable(error);
      return;
    }
    this.#dispatcher.dispatchMessage(data);
  }

  onPing(payload: Bytes): void {
    if (answersPings(this.#state)) this.#sender.addControl(Opcode.pong, payload);
  }

  onClose(code: number, reason: string | undefined): void {
    this.#peerClose = { code, reason };
    this.#transition("receiveClose");
    // RFC 6455 5.5.1: the peer's code is sent back, when the messages before it have been handled.
    if (this.#state === "peerClosing")
      this.#dispatcher.runInOrder(() => this.terminate(code === CloseCode.noStatus ? undefined : code));
    else if (isEnding(this.#state)) this.#endStream();
  }

  onError(error: ProtocolError): void {
    this.#fail(error);
  }

  // From the dispatcher.

  onHandlerFailed(): void {
    this.terminate(CloseCode.internalError);
  }

  reportError(error: unknown, source: ErrorSource): void {
    this.host.onConnectionError(this, error, source);
  }

  onHandlerIdle(): void {
    this.#readFlow?.onHandlerIdle();
  }

  rateDelay(): Promise<void> | undefined {
    return this.#readFlow === undefined ? undefined : this.#readFlow.rateDelay();
  }

  // From the read flow.

  get busy(): boolean {
    return this.#dispatcher.isBusy;
  }

  get queuedCount(): number {
    return this.#dispatcher.queuedCount;
  }

  get expectsMessages(): boolean {
    return this.#state === "open";
  }

  /** The peer's silence is counted from here. */
  onReadingResumed(): void {
    this.noteProgress();
  }

  // From the sender.

  onSendQueueFull(limit: string): void {
    this.#fail(new HawserError("HWS_SEND_QUEUE_FULL", limit));
  }

  onBlobFailed(cause: unknown): void {
    this.#fail(new HawserError("HWS_SEND_FAILED", undefined, { cause }));
  }

  onDrained(): void {
    if (canSend(this.#state)) this.#dispatcher.dispatchDrain();
  }

  // From the close timer and from the liveness.
  onCloseTimeout(): void {
    this.settings.limitCounters.closeTimeout++;
    this.stream.destroy();
  }

  protected get bytesWritten(): number {
    return this.#sender.bytesWritten;
  }

  protected isOpen(): boolean {
    return canSend(this.#state);
  }

  /** After its close frame a peer sends nothing, and need not answer a ping. */
  protected hasPeerClosed(): boolean {
    return this.#state === "peerClosing";
  }

  protected isReadingStopped(): boolean {
    // A handler that waits until the peer has taken something depends on it: then the peer's silence counts.
    return (this.hasPeerClosed() || this.#readFlow?.paused === true) && !this.#sender.hasDrainWaiters;
  }

  protected sendPing(payload: Bytes): void {
    this.#sender.addControl(Opcode.ping, payload);
  }

  /** Nobody is there to read a close frame. */
  protected onPeerSilent(): void {
    this.settings.limitCounters.pingTimeout++;
    this.#reader.stop();
    this.#transition("fail");
    this.stream.destroy();
    this.#dispatcher.dispatchError(withoutStack(() => new HawserError("HWS_PEER_SILENT")));
  }

  protected onLifetimeOver(limit: "maxLifetime" | "idleTimeout"): void {
    this.settings.limitCounters[limit]++;
    this.terminate(CloseCode.goingAway);
  }

  #admitMessage(): boolean {
    this.noteMessage();
    if (this.#readFlow === undefined || this.#readFlow.admitMessage()) return true;
    this.#failRate("maxMessagesPerSecond");
    return false;
  }

  #failRate(limit: "maxMessagesPerSecond" | "maxBytesPerSecond"): void {
    this.settings.limitCounters[limit]++;
    this.#fail(withoutStack(() => new HawserError("HWS_RATE_EXCEEDED", limit)));
  }

  #transition(event: Event): void {
    this.#state = nextState(this.#state, event, this.settings.role);
  }

  #onUndecodable(cause: unknown): void {
    const error = cause instanceof HawserError ? cause : new HawserError("HWS_INTERNAL", undefined, { cause });
    if (isAboutJson(error.code) && this.settings.keepOnInvalidJson) {
      countLimit(this.settings.limitCounters, error.code);
      this.reportError(error, "library");
    } else this.#fail(error);
  }

  /** The one exit for failure (RFC 6455 7.1.7): the close frame of the error's row, then no byte is read any more. */
  #fail(error: HawserError): void {
    // A close frame of ours that waits for a `Blob` is replaced by this one.
    const owed = owesClose(this.#state);
    countLimit(this.settings.limitCounters, error.code);
    this.#reader.stop();
    if (owed) {
      const { closeCode }: ErrorRow = errorTable[error.code];
      this.#sender.closeNow(serializeClose(closeCode));
    }
    this.#transition("fail");
    this.#endStream();
    if (owed) this.#dispatcher.dispatchError(error);
  }

  /** No frame goes either way any more: what was written goes out, and the stream is ended. */
  #endStream(): void {
    this.#expectEnd();
    this.#sender.end();
  }

  /** The peer has `closeTimeout` to answer and to close its side. What it still sends is read, so that its end is seen. */
  #expectEnd(until = 0): void {
    this.onHandlerIdle();
    this.#closeTimer ??= new CloseTimer(this, this.settings.closeTimeout, until);
  }
}
