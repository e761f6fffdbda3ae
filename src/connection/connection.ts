import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { HawserError, type ProtocolError, withoutStack } from "../errors/errors.ts";
import { type ErrorRow, errorTable } from "../errors/table.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { type Close, CloseCode, serializeClose } from "../protocol/close.ts";
import { type DataOpcode, Opcode } from "../protocol/opcodes.ts";
import { FrameReader, type FrameSink } from "../protocol/reader.ts";
import { type Event, type State, type Status, statusOf, transitions } from "../protocol/state.ts";
import { Backlog, type BacklogSink, type Unread } from "./sending/backlog.ts";
import { Caller, type CallerHost, type Callbacks } from "./handler/caller.ts";
import type { Culprit } from "./handler/events.ts";
import { Outbox } from "./sending/outbox.ts";
import { type ConnectionSettings, rulesOf } from "./settings.ts";
import { type StreamListener, link } from "./stream/stream.ts";
import { forgetText, repeatedFrame } from "./sending/text.ts";
import { type TurnEnd, atTurnEnd } from "./stream/turn.ts";

/** Bytes that are read while a handler is busy before reading stops within the turn: one read of the socket. */
const MAX_AHEAD = 64 * 1024;

/** The one a connection belongs to. */
export interface ConnectionHost {
  /** The stream is gone: the connection's status is now "Closed". */
  left(connection: Connection): void;
  /** The handler has heard its last. */
  finished(connection: Connection): void;
  /** Something failed that the connection's handler cannot be told. */
  report(connection: Connection, error: unknown, culprit: Culprit): void;
}

/**
 * One live connection in a server's role: a stream, the reader and the outbox on it, its state and its deadline.
 * What it hears goes to the `Caller`. It does not ask which HTTP version it came by, nor whether it is encrypted.
 */
export class Connection implements FrameSink, StreamListener, CallerHost, BacklogSink, TurnEnd {
  readonly face: unknown;
  readonly #stream: Duplex;
  readonly #settings: ConnectionSettings;
  readonly #host: ConnectionHost;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  readonly #caller: Caller;

  #state: State = "connecting";
  #peerClose: Close | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** Messages behind a `Blob` that is being read: most connections never have one. */
  #backlog: Backlog | undefined;
  /** Bytes that came while a handler was busy. */
  #ahead = 0;
  #pauseDue = false;
  #paused = false;
  #forced = false;

  /** @param faceOf makes the object that the user's callbacks get as their first argument */
  constructor(
    stream: Duplex,
    handler: Callbacks,
    settings: ConnectionSettings,
    host: ConnectionHost,
    faceOf: (connection: Connection) => unknown,
  ) {
    this.#stream = stream;
    this.#settings = settings;
    this.#host = host;
    this.#reader = new FrameReader(this, rulesOf(settings));
    this.#outbox = new Outbox(stream, stream instanceof Socket, settings.fragmentSize);
    this.#caller = new Caller(handler, this);
    this.face = faceOf(this);
  }

  /** The user's handler. */
  get handler(): Callbacks {
    return this.#caller.handler;
  }

  /** The state as 4D names it. */
  get status(): Status {
    return statusOf[this.#state];
  }

  /** Bytes that were sent and have not reached the operating system yet. */
  get bufferedAmount(): number {
    return this.#outbox.size + this.#inBacklog;
  }

  /**
   * Opens the connection.
   *
   * @param preamble goes out before the first frame, in the same write: the answer to the handshake, as latin1 text
   * @param head came in behind the handshake
   */
  start(preamble: string, head: Bytes): void {
    this.#to("opened");
    link(this.#stream, this);
    this.#outbox.open(preamble);
    this.#outbox.hold();
    this.#caller.open();
    this.received(head, head.length, false);
    this.#outbox.opened();
  }

  /**
   * Sends a message: a string as text, bytes and a `Blob` as binary.
   *
   * @returns true when it was accepted and no more than `highWaterMark` waits; false: wait, or the connection is not open
   */
  send(payload: string | Bytes | Unread): boolean {
    if (this.#state !== "open" || this.#isOverfull()) return false;
    if (this.#backlog !== undefined) this.#backlog.add(payload);
    else if (typeof payload === "string" || payload instanceof Uint8Array) this.write(payload);
    else this.#backlog = new Backlog(this, payload);
    return this.#hasRoom();
  }

  /** Sends a frame that others get too. `payload` is what is in it. */
  sendShared(frame: Bytes, payload: string | Bytes): boolean {
    // Behind a backlog, or in fragments, it goes the way of all messages.
    if (this.#backlog !== undefined || this.#settings.fragmentSize !== Infinity) return this.send(payload);
    if (this.#state !== "open" || this.#isOverfull()) return false;
    this.#outbox.shared(frame);
    return this.#hasRoom();
  }

  /** Starts the close handshake (RFC 6455 7.1.2). The caller has checked code and reason. Does nothing the second time. */
  terminate(code: number | undefined, reason?: string): void {
    if (this.#state !== "open") return;
    this.#caller.deafen();
    this.#to("sendClose");
    this.#expectEnd();
    const sendClose = (): void => {
      this.#outbox.close(serializeClose(code, reason));
      // The peer's own close frame is here already: ours is the answer.
      if (this.#peerClose !== undefined) this.#end("receiveClose");
    };
    if (this.#backlog === undefined) sendClose();
    else this.#backlog.add(sendClose);
  }

  /** Destroys the stream, with no close frame, and waits for no handler: `onTerminate` follows. */
  destroy(): void {
    this.#forced = true;
    this.#caller.deafen();
    this.#reader.stop();
    this.#to("fail");
    if (this.#state === "closed") this.#caller.force();
    else this.#stream.destroy();
  }

  // From the stream.

  received(chunk: Bytes, end: number, lent: boolean): void {
    this.#outbox.hold();
    try {
      this.#reader.push(chunk, end, lent);
    } catch (cause) {
      // Memory may be refused: that is this connection's end, not the process's.
      this.#fail(new HawserError("HWS_INTERNAL", undefined, { cause }));
    }
    this.#outbox.release();
    // Nothing more answers this chunk: a text must not be kept for a loop that is over.
    forgetText();
    if (this.#caller.held) this.#readAhead(end);
  }

  /** A handler that is still busy at the turn's end stops the reading; most async ones have settled by then. */
  turnEnded(): void {
    this.#pauseDue = false;
    if (this.#caller.held) this.#pause();
  }

  drained(): void {
    this.#outbox.drained();
  }

  ended(): void {
    this.#reader.stop();
    // A close frame that waits for the messages before it is answered in its turn.
    if (this.#peerClose !== undefined) {
      this.#expectEnd();
      return;
    }
    // Otherwise the connection is lost, or ours to end (RFC 6455 7.1.1).
    this.#end("fail");
  }

  failed(cause: Error): void {
    // Most streams have done so themselves; those without `autoDestroy` would never close.
    this.#stream.destroy();
    if (this.#state !== "open" || this.#peerClose !== undefined) return;
    this.#to("fail");
    this.#caller.error(withoutStack(() => new HawserError("HWS_STREAM_FAILED", cause.message, { cause })));
  }

  closed(): void {
    if (this.#state === "closed") return;
    this.#to("disconnect");
    this.#reader.stop();
    this.#outbox.drop();
    this.#dropBacklog();
    clearTimeout(this.#deadline);
    this.#host.left(this);
    const { code, reason } = this.#peerClose ?? { code: CloseCode.abnormal, reason: undefined };
    this.#caller.terminate({ type: "terminate", code, reason }, () => this.#host.finished(this));
    if (this.#forced) this.#caller.force();
  }

  // From the reader.

  message(opcode: DataOpcode, bytes: Bytes, start: number, end: number, ascii: boolean): void {
    // As in browsers, nothing is delivered once we have said goodbye.
    if (this.#state !== "open") return;
    let data: unknown;
    try {
      data = this.#settings.decode.bytes(opcode, bytes, start, end, ascii);
    } catch (error) {
      this.#undecodable(error);
      return;
    }
    this.#caller.message(data);
  }

  text(text: string): void {
    if (this.#state !== "open") return;
    let data: unknown;
    try {
      data = this.#settings.decode.text!(text);
    } catch (error) {
      this.#undecodable(error);
      return;
    }
    this.#caller.message(data);
  }

  ping(payload: Bytes): void {
    // RFC 6455 5.5.2: behind our own close frame too; only data must not follow that one (5.5.1).
    if (this.#state === "open" || this.#state === "closing") this.#outbox.control(Opcode.pong, payload);
  }

  pong(): void {
    // RFC 6455 5.5.3: a pong that nobody asked for needs no answer.
  }

  close(code: number, reason: string | undefined): void {
    this.#peerClose = { code, reason };
    if (this.#state !== "closing") this.#caller.inOrder(() => this.#answerClose(code));
    // Where our own close frame still waits behind a `Blob`, it ends the connection when it goes out.
    else if (this.#backlog === undefined) this.#end("receiveClose");
  }

  fail(error: ProtocolError): void {
    this.#fail(error);
  }

  // From the caller.

  handlerFailed(): void {
    this.terminate(CloseCode.internalError);
  }

  report(error: unknown, culprit: Culprit): void {
    this.#host.report(this, error, culprit);
  }

  settled(): void {
    this.#ahead = 0;
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream.resume();
  }

  // From the backlog.

  write(payload: string | Bytes): void {
    if (typeof payload !== "string") {
      this.#outbox.message(Opcode.binary, payload);
      return;
    }
    const frame = payload.length * 3 <= this.#settings.fragmentSize ? repeatedFrame(payload) : undefined;
    if (frame === undefined) this.#outbox.text(payload);
    else this.#outbox.shared(frame);
  }

  unreadable(cause: unknown): void {
    this.#fail(new HawserError("HWS_SEND_FAILED", undefined, { cause }));
  }

  emptied(): void {
    this.#backlog = undefined;
  }

  /** A chunk came while a handler is busy: its messages wait. */
  #readAhead(bytes: number): void {
    this.#ahead += bytes;
    if (this.#ahead > MAX_AHEAD) this.#pause();
    if (this.#pauseDue || this.#paused) return;
    this.#pauseDue = true;
    atTurnEnd(this);
  }

  /** Stops reading. Behind a close frame there is nothing left to read but the stream's end, which is not to be missed. */
  #pause(): void {
    if (this.#paused || this.#state !== "open" || this.#peerClose !== undefined) return;
    this.#paused = true;
    this.#stream.pause();
  }

  #to(event: Event): void {
    this.#state = transitions[this.#state][event];
  }

  get #inBacklog(): number {
    return this.#backlog === undefined ? 0 : this.#backlog.size;
  }

  #hasRoom(): boolean {
    const waiting = this.#outbox.leastSize + this.#inBacklog;
    return waiting <= this.#settings.highWaterMark && waiting <= this.#settings.maxSendQueue;
  }

  /** Gives up a peer for which too much waits already. The limit is on what waits before a message, of whatever size that is. */
  #isOverfull(): boolean {
    if (this.#outbox.leastSize + this.#inBacklog <= this.#settings.maxSendQueue) return false;
    this.#fail(new HawserError("HWS_SEND_QUEUE_FULL"));
    return true;
  }

  #undecodable(cause: unknown): void {
    const error = cause instanceof HawserError ? cause : new HawserError("HWS_INTERNAL", undefined, { cause });
    if (error.code === "HWS_INVALID_JSON" && this.#settings.keepOnInvalidJson) this.report(error, "library");
    else this.#fail(error);
  }

  /** RFC 6455 5.5.1: the peer's code comes back, when the messages before it have been answered. */
  #answerClose(code: number): void {
    this.terminate(code === CloseCode.noStatus ? undefined : code);
  }

  /** The one exit for failure (RFC 6455 7.1.7): the close frame of the error's row, then no byte is read any more. */
  #fail(error: HawserError): void {
    // A close frame of ours that waits behind a `Blob` gives way to this one.
    const told = this.#state === "open" || this.#backlog !== undefined;
    this.#reader.stop();
    if (told) {
      const { closeCode }: ErrorRow = errorTable[error.code];
      this.#outbox.yield();
      this.#outbox.close(serializeClose(closeCode));
    }
    this.#end("fail");
    if (told) this.#caller.error(error);
  }

  /** No frame goes either way any more: what is written goes out and the stream is ended. */
  #end(why: Event): void {
    this.#to(why);
    this.#dropBacklog();
    this.#expectEnd();
    this.#outbox.end();
  }

  #dropBacklog(): void {
    this.#backlog?.drop();
    this.#backlog = undefined;
  }

  /** The peer has `closeTimeout` to answer and to close its side. What it still sends is read, so that the end is seen. */
  #expectEnd(): void {
    this.settled();
    this.#deadline ??= setTimeout(() => this.#stream.destroy(), this.#settings.closeTimeout);
  }
}
