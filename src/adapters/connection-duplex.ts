import { errorMonitor } from "node:events";
import { Duplex } from "node:stream";

import type { WSTerminateEvent } from "../connection/dispatch/events.ts";
import { CloseCode } from "../protocol/close-frame.ts";
import { HawserError } from "../errors/errors.ts";
import { Compression, bytesIn } from "../connection/sending/outgoing-message.ts";
import { EMPTY } from "../protocol/bytes.ts";
import { Opcode } from "../protocol/opcodes.ts";
import { connectionOf } from "../server/connection-of.ts";
import { sendThen } from "./callback-send.ts";
import { type AnyConnection, ReadHold } from "./read-hold.ts";

/** What a `Writable` calls when a chunk is written, or has failed. */
type WriteCallback = (error?: Error | null) => void;

/** A chunk that waits to be written. */
interface Chunk {
  readonly chunk: Buffer;
}

/** The close code of a stream that has failed (RFC 6455 7.4.1). */
export const INTERNAL_ERROR = 1011;

let errorOf: (duplex: ConnectionDuplex) => Error | undefined;
let fail: (duplex: ConnectionDuplex, error: Error) => void;
let hasListener: (duplex: ConnectionDuplex) => boolean;
let receive: (duplex: ConnectionDuplex, bytes: Buffer) => void | Promise<void>;
let finish: (duplex: ConnectionDuplex, event: WSTerminateEvent) => void;

/** Why the connection of a stream has ended; undefined: in order. */
export function errorOfEnd({ code, cause }: WSTerminateEvent): HawserError | undefined {
  return cause ?? (code === CloseCode.abnormal ? new HawserError("HWS_STREAM_ENDED") : undefined);
}

/** A connection as a stream of bytes of Node's. Each write is one binary message; the bytes of all messages are read in order. */
export class ConnectionDuplex extends Duplex {
  /** The connection itself. */
  readonly connection: AnyConnection;
  readonly #hold: ReadHold;
  /** The end of the writable side waits for the end of the connection. */
  #onClosed: WriteCallback | undefined;
  #isOver = false;
  /** The streams that are piped into this one. */
  #sources = 0;

  /** Why the connection has made the stream fail. */
  #error: Error | undefined;

  static {
    errorOf = (duplex) => duplex.#error;
    fail = (duplex, error) => {
      duplex.#fail(error);
    };
    hasListener = (duplex) => duplex.#hasListener;
    receive = (duplex, bytes) => duplex.#receive(bytes);
    finish = (duplex, event) => {
      duplex.#finish(event);
    };
  }

  /** Made by `streamHandler`. */
  constructor(connection: AnyConnection) {
    // A connection has no half that stays open alone (RFC 6455 7.1.1).
    super({ allowHalfOpen: false });
    this.connection = connection;
    this.#hold = new ReadHold(connection);
  }

  /** Nothing that a peer does may end the process, so an `"error"` needs no listener. `pipe` of a source emits it again if there is no other one. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === "error" && this.listenerCount("error") === 0) return super.emit(errorMonitor, ...args);
    if (event === "pipe") this.#sources++;
    else if (event === "unpipe") this.#sources--;
    return super.emit(event, ...args);
  }

  /** Whether the application listens to `"error"`: there is a listener besides those of `pipe`. */
  get #hasListener(): boolean {
    return !this.destroyed && this.listenerCount("error") > this.#sources;
  }

  override _read(): void {
    this.#hold.end();
  }

  override _write(chunk: Buffer, _encoding: string, callback: WriteCallback): void {
    this.#send(chunk, callback);
  }

  override _writev(chunks: Chunk[], callback: WriteCallback): void {
    let next = 0;
    const sendNext: WriteCallback = (error) => {
      const one = chunks[next++];
      if (error || one === undefined) callback(error);
      else this.#send(one.chunk, sendNext);
    };
    sendNext();
  }

  override _final(callback: WriteCallback): void {
    if (this.#isOver) {
      callback();
      return;
    }
    this.#onClosed = callback;
    this.connection.close(CloseCode.normal);
  }

  override _destroy(error: Error | null, callback: WriteCallback): void {
    this.#hold.end();
    if (!this.#isOver && this.connection.status === "Connected") {
      if (error === null) this.connection.destroy();
      else this.connection.close(INTERNAL_ERROR);
    }
    callback(error);
  }

  #receive(bytes: Buffer): void | Promise<void> {
    if (this.destroyed || bytes.length === 0 || this.push(bytes)) return;
    this.#hold.begin();
    if (this.#hold.isActive) return this.#hold.released();
  }

  #send(chunk: Buffer, callback: WriteCallback): void {
    const payload = bytesIn(chunk) ?? EMPTY;
    const message = { opcode: Opcode.binary, payload, key: undefined, compression: Compression.allowed };
    sendThen(connectionOf(this.connection), message, (error) => {
      if (error !== undefined) this.#fail(error);
      callback(error);
    });
  }

  #fail(error: Error): void {
    if (!this.destroyed) this.#error = error;
    this.destroy(error);
  }

  #finish(event: WSTerminateEvent): void {
    this.#isOver = true;
    const error = errorOfEnd(event);
    const onClosed = this.#onClosed;
    this.#onClosed = undefined;
    if (error === undefined) {
      if (!this.destroyed) this.push(null);
    } else this.#fail(error);
    onClosed?.(error);
  }
}

/**
 * A message has come. Only the connection's handler calls it.
 *
 * @returns a promise while the reader of the stream is slow
 */
export function receiveBytes(duplex: ConnectionDuplex, bytes: Buffer): void | Promise<void> {
  return receive(duplex, bytes);
}

/** Why the connection has made its stream fail; undefined: it has not. */
export function connectionError(duplex: ConnectionDuplex): Error | undefined {
  return errorOf(duplex);
}

/** The connection has failed, and is closing. Only the connection's handler calls it. */
export function failStream(duplex: ConnectionDuplex, error: Error): void {
  fail(duplex, error);
}

/** Whether the application is told of the errors of a stream. A stream that is destroyed tells nobody any more. */
export function hasErrorListener(duplex: ConnectionDuplex): boolean {
  return hasListener(duplex);
}

/** The connection has ended. Only the connection's handler calls it. */
export function finishStream(duplex: ConnectionDuplex, event: WSTerminateEvent): void {
  finish(duplex, event);
}
