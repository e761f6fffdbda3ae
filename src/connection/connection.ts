import type { Duplex } from "node:stream";

import { HawserError, type ProtocolError, withoutStack } from "../errors/errors.ts";
import { type ErrorRow, errorTable } from "../errors/table.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { type Close, CloseCode, serializeClose } from "../protocol/close.ts";
import { type DataOpcode, Opcode } from "../protocol/opcodes.ts";
import { FrameReader, type FrameSink } from "../protocol/reader.ts";
import { type Event, type State, type Status, statusOf, transitions } from "../protocol/state.ts";
import { countLimit } from "./counters/limits.ts";
import type { MessageCounters } from "./counters/messages.ts";
import { Caller, type CallerHost, type Callbacks } from "./handler/caller.ts";
import type { Culprit } from "./handler/events.ts";
import type { ConnectionHost } from "./host.ts";
import { Goodbye, type Leaving } from "./life/goodbye.ts";
import { Vitals } from "./life/vitals.ts";
import { isAboutJson } from "./receiving/json.ts";
import { Pace, type PaceHost, isRateLimited } from "./receiving/pace.ts";
import type { Unread } from "./sending/backlog.ts";
import { Sender, type SenderHost, Sent } from "./sending/sender.ts";
import { forgetText } from "./sending/text.ts";
import { type ConnectionSettings, rulesOf } from "./settings.ts";
import { type StreamListener, link } from "./stream/stream.ts";

/**
 * One live connection in a server's role: a stream, the reader and the outbox on it, its state and its deadline.
 * What it hears goes to the `Caller`. It does not ask which HTTP version it came by, nor whether it is encrypted.
 */
export class Connection
  extends Vitals<ConnectionSettings, ConnectionHost>
  implements FrameSink, StreamListener, CallerHost, SenderHost, PaceHost, Leaving
{
  readonly face: unknown;
  readonly #reader: FrameReader;
  readonly #sender: Sender;
  readonly #caller: Caller;

  #state: State = "connecting";
  /** The peer's close frame, once it has come. */
  peerClose: Close | undefined;
  #goodbye: Goodbye | undefined;
  /** How it is read: made once that matters. */
  #pace: Pace | undefined;
  #forced = false;

  /** @param faceOf makes the object that the user's callbacks get as their first argument */
  constructor(
    stream: Duplex,
    handler: Callbacks,
    settings: ConnectionSettings,
    host: ConnectionHost,
    faceOf: (connection: Connection) => unknown,
  ) {
    super(stream, settings, host);
    this.#reader = new FrameReader(this, rulesOf(settings));
    this.#sender = new Sender(stream, settings, this);
    this.#caller = new Caller(handler, this);
    if (isRateLimited(settings)) this.#pace = new Pace(this.stream, this.settings, this);
    this.face = faceOf(this);
  }

  /** The user's handler. */
  get handler(): Callbacks {
    return this.#caller.handler;
  }

  /** The address of who connected; of a pipe none. */
  get remoteAddress(): string {
    return (this.stream as { readonly remoteAddress?: string }).remoteAddress ?? "";
  }

  /** The state as 4D names it. */
  get status(): Status {
    return statusOf[this.#state];
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
   * Opens the connection.
   *
   * @param preamble goes out before the first frame, in the same write: the answer to the handshake, as latin1 text
   * @param head came in behind the handshake
   */
  start(preamble: string, head: Bytes): void {
    this.#to("opened");
    link(this.stream, this);
    this.#sender.open(preamble);
    this.#sender.hold();
    this.#caller.open();
    this.received(head, head.length, false);
    this.#sender.opened();
  }

  /** Sends a message: a string as text, bytes and a `Blob` as binary. `key`: under the policy "latest", its key. */
  send(payload: string | Bytes | Unread, key?: string): Sent {
    if (this.#state !== "open") return Sent.dropped;
    this.isActive();
    return this.#sender.send(payload, key);
  }

  /** Sends a frame that others get too. `payload` is what is in it. */
  sendShared(frame: Bytes, payload: string | Bytes, key?: string): Sent {
    if (this.#state !== "open") return Sent.dropped;
    this.isActive();
    return this.#sender.sendShared(frame, payload, key);
  }

  /** Settles when no more than `highWaterMark` bytes wait: true; when the connection is gone before: false. */
  whenRoom(): Promise<boolean> {
    return this.#state === "open" ? this.#sender.whenRoom() : Promise.resolve(false);
  }

  /**
   * Starts the close handshake (RFC 6455 7.1.2). The caller has checked code and reason. Does nothing the second time.
   *
   * @param until what waits before the close frame may take until then, as `performance.now()` has it; without it
   *   `closeTimeout` is for that too
   */
  terminate(code: number | undefined, reason?: string, until?: number): void {
    if (this.#state !== "open") return;
    this.#caller.deafen();
    this.#to("sendClose");
    this.#expectEnd(until);
    this.#sender.afterReading(() => {
      this.#sender.close(serializeClose(code, reason));
      // The peer's own close frame is here already: ours is the answer.
      if (this.peerClose !== undefined) this.#end("receiveClose");
    });
  }

  /** Destroys the stream, with no close frame, and waits for no handler: `onTerminate` follows. */
  destroy(): void {
    this.#forced = true;
    this.#caller.deafen();
    this.#reader.stop();
    this.#to("fail");
    if (this.#state === "closed") this.#caller.force();
    else this.stream.destroy();
  }

  // From the stream.

  received(chunk: Bytes, end: number, lent: boolean): void {
    this.isAlive();
    this.#sender.hold();
    try {
      this.#reader.push(chunk, end, lent);
    } catch (cause) {
      // Memory may be refused: that is this connection's end, not the process's.
      this.#fail(new HawserError("HWS_INTERNAL", undefined, { cause }));
    }
    this.#sender.release();
    // Nothing more answers this chunk: a text must not be kept for a loop that is over.
    forgetText();
    if (this.#pace?.charge(end) === false && this.#state === "open") this.#tooFast("maxBytesPerSecond");
    if (this.#caller.held) (this.#pace ??= new Pace(this.stream, this.settings, this)).readAhead(end);
  }

  drained(): void {
    this.isThere();
    this.#sender.drained();
  }

  taken(): void {
    this.#sender.taken();
  }

  ended(): void {
    this.#reader.stop();
    // A close frame that waits for the messages before it is answered in its turn.
    if (this.peerClose !== undefined) {
      this.#expectEnd();
      return;
    }
    // Otherwise the connection is lost, or ours to end (RFC 6455 7.1.1).
    this.#end("fail");
  }

  failed(cause: Error): void {
    // Most streams have done so themselves; those without `autoDestroy` would never close.
    this.stream.destroy();
    if (this.#state !== "open" || this.peerClose !== undefined) return;
    this.#to("fail");
    const known = cause instanceof HawserError;
    this.#caller.error(
      known ? cause : withoutStack(() => new HawserError("HWS_STREAM_FAILED", cause.message, { cause })),
    );
  }

  closed(): void {
    if (this.#state === "closed") return;
    this.#to("disconnect");
    this.#reader.stop();
    this.#sender.gone();
    this.#pace?.stop();
    this.isGone();
    this.#goodbye?.over();
    this.host.left(this);
    const { code, reason } = this.peerClose ?? { code: CloseCode.abnormal, reason: undefined };
    this.#caller.terminate({ type: "terminate", code, reason }, () => this.host.finished(this));
    if (this.#forced) this.#caller.force();
  }

  // From the reader.

  message(opcode: DataOpcode, bytes: Bytes, start: number, end: number, ascii: boolean): void {
    // As in browsers, nothing is delivered once we have said goodbye.
    if (this.#state !== "open" || !this.#mayCome()) return;
    let data: unknown;
    try {
      data = this.settings.decode.bytes(opcode, bytes, start, end, ascii);
    } catch (error) {
      this.#undecodable(error);
      return;
    }
    this.#caller.message(data);
  }

  text(text: string): void {
    if (this.#state !== "open" || !this.#mayCome()) return;
    let data: unknown;
    try {
      data = this.settings.decode.text!(text);
    } catch (error) {
      this.#undecodable(error);
      return;
    }
    this.#caller.message(data);
  }

  ping(payload: Bytes): void {
    // RFC 6455 5.5.2: behind our own close frame too; only data must not follow that one (5.5.1).
    if (this.#state === "open" || this.#state === "closing") this.#sender.control(Opcode.pong, payload);
  }

  close(code: number, reason: string | undefined): void {
    this.peerClose = { code, reason };
    // RFC 6455 5.5.1: the peer's code comes back, when the messages before it have been answered.
    if (this.#state !== "closing")
      this.#caller.inOrder(() => this.terminate(code === CloseCode.noStatus ? undefined : code));
    // Where our own close frame still waits behind a `Blob`, it ends the connection when it goes out.
    else if (!this.#sender.reading) this.#end("receiveClose");
  }

  fail(error: ProtocolError): void {
    this.#fail(error);
  }

  // From the caller.

  handlerFailed(): void {
    this.terminate(CloseCode.internalError);
  }

  report(error: unknown, culprit: Culprit): void {
    this.host.report(this, error, culprit);
  }

  settled(): void {
    this.#pace?.settled();
  }

  rest(): Promise<void> | undefined {
    return this.#pace === undefined ? undefined : this.#pace.rest();
  }

  // From the pace.

  get busy(): boolean {
    return this.#caller.held;
  }

  get waiting(): number {
    return this.#caller.waiting;
  }

  get wantsMore(): boolean {
    return this.#state === "open" && this.peerClose === undefined;
  }

  resumed(): void {
    // The peer's silence is counted from here.
    this.isThere();
  }

  // From the sender.

  overfull(limit: string): void {
    this.#fail(new HawserError("HWS_SEND_QUEUE_FULL", limit));
  }

  unreadable(cause: unknown): void {
    this.#fail(new HawserError("HWS_SEND_FAILED", undefined, { cause }));
  }

  hasRoom(): void {
    if (this.#state === "open") this.#caller.drain();
  }

  // From the goodbye, and from the vitals.

  tooLate(): void {
    this.settings.tally.closeTimeout++;
    this.stream.destroy();
  }

  protected get handed(): number {
    return this.#sender.handed;
  }

  protected isOpen(): boolean {
    return this.#state === "open";
  }

  /** Behind its close frame the peer says nothing any more, and does not answer either. */
  protected hasLeft(): boolean {
    return this.peerClose !== undefined;
  }

  protected isDeaf(): boolean {
    // A handler that waits for room listens to that: who takes nothing then is not there.
    return (this.hasLeft() || this.#pace?.paused === true) && !this.#sender.awaitsRoom;
  }

  protected ask(payload: Bytes): void {
    this.#sender.control(Opcode.ping, payload);
  }

  /** Nobody is there to read a close frame. */
  protected fellSilent(): void {
    this.settings.tally.pingTimeout++;
    this.#reader.stop();
    this.#to("fail");
    this.stream.destroy();
    this.#caller.error(withoutStack(() => new HawserError("HWS_PEER_SILENT")));
  }

  protected retire(limit: "maxLifetime" | "idleTimeout"): void {
    this.settings.tally[limit]++;
    this.terminate(CloseCode.goingAway);
  }

  #mayCome(): boolean {
    this.isActive();
    if (this.#pace === undefined || this.#pace.message()) return true;
    this.#tooFast("maxMessagesPerSecond");
    return false;
  }

  #tooFast(limit: "maxMessagesPerSecond" | "maxBytesPerSecond"): void {
    this.settings.tally[limit]++;
    this.#fail(withoutStack(() => new HawserError("HWS_RATE_EXCEEDED", limit)));
  }

  #to(event: Event): void {
    this.#state = transitions[this.#state][event];
  }

  #undecodable(cause: unknown): void {
    const error = cause instanceof HawserError ? cause : new HawserError("HWS_INTERNAL", undefined, { cause });
    if (isAboutJson(error.code) && this.settings.keepOnInvalidJson) {
      countLimit(this.settings.tally, error.code);
      this.report(error, "library");
    } else this.#fail(error);
  }

  /** The one exit for failure (RFC 6455 7.1.7): the close frame of the error's row, then no byte is read any more. */
  #fail(error: HawserError): void {
    // A close frame of ours that waits behind a `Blob` gives way to this one.
    const told = this.#state === "open" || this.#sender.reading;
    countLimit(this.settings.tally, error.code);
    this.#reader.stop();
    if (told) {
      const { closeCode }: ErrorRow = errorTable[error.code];
      this.#sender.giveUp(serializeClose(closeCode));
    }
    this.#end("fail");
    if (told) this.#caller.error(error);
  }

  /** No frame goes either way any more: what is written goes out and the stream is ended. */
  #end(why: Event): void {
    this.#to(why);
    this.#expectEnd();
    this.#sender.end();
  }

  /** The peer has `closeTimeout` to answer and to close its side. What it still sends is read, so that the end is seen. */
  #expectEnd(until = 0): void {
    this.settled();
    this.#goodbye ??= new Goodbye(this, this.settings.closeTimeout, until);
  }
}
