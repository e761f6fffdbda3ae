import { EventEmitter } from "node:events";

import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { connectionOf } from "../server/connection-of.ts";
import type { Status } from "../connection/status.ts";
import { describe } from "../util/describe.ts";
import {
  type WsCloseEvent,
  type WsErrorEvent,
  type WsEvent,
  type WsEventListener,
  type WsEventMap,
  type WsMessageEvent,
  addWebListener,
  removeWebListener,
  setWebAttribute,
  webAttribute,
} from "./ws-events.ts";
import { failConnection } from "./listener-work.ts";
import { type AnyConnection, ReadHold } from "./read-hold.ts";
import { type WsSendCallback, ignore, notConnected } from "./callback-send.ts";
import { type WsSendOptions, sendLikeWs } from "./ws-send.ts";

/** The arguments of the listeners of a `WsSocket`. */
export interface WsSocketEvents {
  /** A message: its bytes, and whether it came in binary frames. With `binaryType: "arraybuffer"` binary ones are an `ArrayBuffer`. */
  message: [data: Buffer | ArrayBuffer, isBinary: boolean];
  /** The end: the peer's close code, and its reason or no bytes. */
  close: [code: number, reason: Buffer];
  /** Something failed, and the connection is closing. */
  error: [error: Error];
  /** The answer to a `ping`: the data that it was given. */
  pong: [data: Buffer];
  /** Never emitted: the socket is open when you get it. */
  open: [];
}

/** A listener as Node has it. */
type Listener = (...args: unknown[]) => void;

const READY_STATES = { Connected: 1, Closing: 2, Closed: 3 } as const satisfies Record<Status, number>;

/** A ping carries at most this many bytes (RFC 6455 5.5). */
const MAX_PING = 125;

let deliver: (socket: WsSocket, data: string | Buffer) => void | Promise<void>;
let fail: (socket: WsSocket, error: unknown) => void;

/**
 * The connection of a client as a socket of the package `ws`: an emitter of `"message"`, `"close"`, `"error"` and `"pong"`. For
 * libraries that take such sockets, and for programs that move from `ws` step by step. What it does not have throws.
 *
 * @example
 * socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
 */
export class WsSocket extends EventEmitter {
  /** The value of `readyState` before the handshake; a server's socket never has it. */
  static readonly CONNECTING = 0;
  /** The value of `readyState` while messages can be sent. */
  static readonly OPEN = 1;
  /** The value of `readyState` after either side has begun to close. */
  static readonly CLOSING = 2;
  /** The value of `readyState` at the end. */
  static readonly CLOSED = 3;

  /** 0, as in `ws`. */
  readonly CONNECTING = 0;
  /** 1, as in `ws`. */
  readonly OPEN = 1;
  /** 2, as in `ws`. */
  readonly CLOSING = 2;
  /** 3, as in `ws`. */
  readonly CLOSED = 3;
  /** `""`: only a client's socket has a URL. */
  readonly url = "";
  /** The connection itself, e.g. to subscribe it to a topic. */
  readonly connection: AnyConnection;
  #binaryType: "nodebuffer" | "arraybuffer" = "nodebuffer";
  readonly #hold: ReadHold;
  /** `close()` or `terminate()` was called. */
  #isEnded = false;

  static {
    deliver = (socket, data) => socket.#deliver(data);
    fail = (socket, error) => {
      socket.#fail(error);
    };
  }

  /** Made by `WsServer` and `socketHandler`. */
  constructor(connection: AnyConnection) {
    // A listener that rejects fails as one that throws: see below.
    super({ captureRejections: true });
    connectionOf(connection);
    this.connection = connection;
    this.#hold = new ReadHold(connection);
  }

  /** 1 (`OPEN`), 2 (`CLOSING`) or 3 (`CLOSED`). */
  get readyState(): 1 | 2 | 3 {
    return READY_STATES[this.connection.status];
  }

  /** The chosen subprotocol; `""`: none. */
  get protocol(): string {
    return this.connection.protocol ?? "";
  }

  /** The agreed extensions; `""`: none. */
  get extensions(): string {
    return this.connection.extensions;
  }

  /** Bytes that were sent, but that the operating system has not taken yet. */
  get bufferedAmount(): number {
    return this.connection.bufferedAmount;
  }

  /**
   * What listeners of `"message"` get for binary messages: a `Buffer` (`"nodebuffer"`, the default) or an `ArrayBuffer`.
   *
   * @throws {InvalidArgumentError} when it is set to another value
   */
  get binaryType(): "nodebuffer" | "arraybuffer" {
    return this.#binaryType;
  }

  set binaryType(type: "nodebuffer" | "arraybuffer") {
    if (!["nodebuffer", "arraybuffer"].includes(type))
      throw new InvalidArgumentError(`binaryType: expected "nodebuffer" or "arraybuffer", got ${describe(type)}`);
    this.#binaryType = type;
  }

  /** Whether `pause` holds messages back. */
  get isPaused(): boolean {
    return this.#hold.isActive;
  }

  /** Holds messages back until `resume`: then the peer is read only within a bound, and slows down. What has come before the end is emitted. */
  pause(): void {
    this.#hold.begin();
  }

  /** Ends a pause. */
  resume(): void {
    this.#hold.end();
  }

  /**
   * Sends a message: a string or a number as a text, bytes (`Uint8Array`, any view, `ArrayBuffer`, `Blob`) as bytes. On a socket that
   * is closing or closed nothing is sent.
   *
   * @param callback called later: when the peer is ready for more, i.e. no more than `highWaterMark` bytes wait for it, or with an
   *   error whose `code` says why the message may not have arrived
   * @throws {InvalidArgumentError} for another value, and for `fin: false` and `mask: true`
   */
  send(data: unknown, options?: WsSendOptions | WsSendCallback, callback?: WsSendCallback): void {
    const then = typeof options === "function" ? options : (callback ?? ignore);
    sendLikeWs(connectionOf(this.connection), data, typeof options === "function" ? {} : (options ?? {}), then);
  }

  /**
   * Sends a ping. `"pong"` follows with the data that was given; the frame itself carries a number of the library's, by which it finds
   * the answer. While one is unanswered another call sends none, and the same pong answers both.
   *
   * @throws {OutOfRangeError} for more than 125 bytes of data
   */
  ping(data?: unknown, mask?: unknown, callback?: unknown): void {
    const then = [data, mask, callback].find((one) => typeof one === "function") as WsSendCallback | undefined;
    const payload = pingData(data);
    const isOpen = this.connection.status === "Connected";
    if (then !== undefined) process.nextTick(then, isOpen ? undefined : notConnected());
    if (!isOpen) return;
    void this.connection.ping().then((milliseconds) => {
      if (milliseconds !== undefined) this.#emitPong(payload);
    });
  }

  /**
   * Is not there: the library answers pings itself.
   *
   * @throws {InvalidArgumentError} always
   */
  pong(_data?: unknown, _mask?: unknown, _callback?: unknown): void {
    throw new InvalidArgumentError("pong: not there: the library answers pings itself");
  }

  /**
   * Begins the close handshake. `"close"` follows when it is done, or after `closeTimeout`. No message is emitted any more.
   *
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999. Default: none is sent, or 1000 with a reason
   * @param reason at most 123 bytes of UTF-8
   * @throws {InvalidArgumentError} for arguments of another type
   * @throws {OutOfRangeError} for a code that must not be sent, or a reason that is too long
   */
  close(code?: number, reason?: string | Buffer): void {
    this.connection.close(code, Buffer.isBuffer(reason) ? reason.toString() : reason);
    this.#isEnded = true;
  }

  /** Cuts the connection at once. `"close"` follows with 1006. `ws.destroy()` of the connection itself. */
  terminate(): void {
    this.#isEnded = true;
    this.connection.destroy();
  }

  /**
   * Adds a listener, as every emitter of Node's does.
   *
   * @throws {InvalidArgumentError} for `"ping"`, which is never emitted: the library answers pings itself
   */
  override on<E extends keyof WsSocketEvents>(event: E, listener: (...args: WsSocketEvents[E]) => void): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    checkEvent(event);
    return super.on(event, listener as Listener);
  }

  /** The same as `on`. */
  override addListener<E extends keyof WsSocketEvents>(event: E, listener: (...args: WsSocketEvents[E]) => void): this;
  override addListener(event: string | symbol, listener: (...args: never[]) => void): this;
  override addListener(event: string | symbol, listener: (...args: never[]) => void): this {
    return this.on(event, listener);
  }

  /** Adds a listener that is called once. It throws as `on`. */
  override once<E extends keyof WsSocketEvents>(event: E, listener: (...args: WsSocketEvents[E]) => void): this;
  override once(event: string | symbol, listener: (...args: never[]) => void): this;
  override once(event: string | symbol, listener: (...args: never[]) => void): this {
    // Node calls `on` with it.
    return super.once(event, listener as Listener);
  }

  /** Adds a listener of the web platform's for `"message"`, `"close"` or `"error"`. */
  addEventListener<K extends keyof WsEventMap>(
    type: K,
    listener: WsEventListener<WsEventMap[K]>,
    options?: { readonly once?: boolean | undefined },
  ): void {
    addWebListener(this, type, listener, { once: options?.once });
  }

  /** Removes such a listener. */
  removeEventListener<K extends keyof WsEventMap>(type: K, listener: WsEventListener<WsEventMap[K]>): void {
    removeWebListener(this, type, listener);
  }

  /** Never called: the socket is open when you get it. */
  get onopen(): ((event: WsEvent) => void) | null {
    return webAttribute(this, "open") as ((event: WsEvent) => void) | null;
  }

  set onopen(listener: ((event: WsEvent) => void) | null) {
    setWebAttribute(this, "open", listener);
  }

  /** Called for each message. */
  get onmessage(): ((event: WsMessageEvent) => void) | null {
    return webAttribute(this, "message") as ((event: WsMessageEvent) => void) | null;
  }

  set onmessage(listener: ((event: WsMessageEvent) => void) | null) {
    setWebAttribute(this, "message", listener);
  }

  /** Called at the end. */
  get onclose(): ((event: WsCloseEvent) => void) | null {
    return webAttribute(this, "close") as ((event: WsCloseEvent) => void) | null;
  }

  set onclose(listener: ((event: WsCloseEvent) => void) | null) {
    setWebAttribute(this, "close", listener);
  }

  /** Called when something fails. */
  get onerror(): ((event: WsErrorEvent) => void) | null {
    return webAttribute(this, "error") as ((event: WsErrorEvent) => void) | null;
  }

  set onerror(listener: ((event: WsErrorEvent) => void) | null) {
    setWebAttribute(this, "error", listener);
  }

  /** A listener that returns a promise has failed if that rejects. */
  override [EventEmitter.captureRejectionSymbol](error: unknown): void {
    this.#fail(error);
  }

  #deliver(data: string | Buffer): void | Promise<void> {
    if (this.#hold.isActive) return this.#deliverLater(data);
    this.#emitMessage(data);
  }

  async #deliverLater(data: string | Buffer): Promise<void> {
    await this.#hold.released();
    // As of what waits in the connection: after `close()` nothing is emitted.
    if (!this.#isEnded) this.#emitMessage(data);
  }

  #emitMessage(data: string | Buffer): void {
    if (this.listenerCount("message") === 0) return;
    if (typeof data === "string") this.emit("message", Buffer.from(data), false);
    else this.emit("message", this.#binaryType === "nodebuffer" ? data : arrayBufferOf(data), true);
  }

  #emitPong(payload: Buffer): void {
    try {
      this.emit("pong", payload);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A listener has failed: as a callback of a handler that does, it ends this connection. */
  #fail(error: unknown): void {
    failConnection(this.connection, error);
  }
}

/**
 * Emits a message, or holds it back while the socket is paused. Only the connection's handler calls it.
 *
 * @returns a promise while it is held back
 */
export function deliverMessage(socket: WsSocket, data: string | Buffer): void | Promise<void> {
  return deliver(socket, data);
}

/** A listener has rejected: that ends the connection of the socket. Only its server calls it. */
export function failSocket(socket: WsSocket, error: unknown): void {
  fail(socket, error);
}

/** A copy: the memory of a message is shared with others. */
function arrayBufferOf(data: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(data.length);
  new Uint8Array(copy).set(data);
  return copy;
}

function checkEvent(event: string | symbol): void {
  if (event === "ping")
    throw new InvalidArgumentError('on: the event "ping" is never emitted: the library answers pings itself');
}

/** The data of a ping. */
function pingData(data: unknown): Buffer {
  const given = typeof data === "number" ? String(data) : data;
  const bytes =
    typeof given === "string"
      ? Buffer.from(given)
      : ArrayBuffer.isView(given)
        ? Buffer.from(given.buffer as ArrayBuffer, given.byteOffset, given.byteLength)
        : Buffer.alloc(0);
  if (bytes.length > MAX_PING) throw new OutOfRangeError(`ping: data: expected at most ${String(MAX_PING)} bytes`);
  return bytes;
}
