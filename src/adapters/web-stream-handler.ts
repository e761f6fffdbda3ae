import type { ReadableStreamDefaultController, WritableStreamDefaultController } from "node:stream/web";
import { ReadableStream, WritableStream } from "node:stream/web";

import type { WSMessageEvent, WSTerminateEvent } from "../connection/dispatch/events.ts";
import { SendResult } from "../connection/sending/send-result.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import { CloseCode } from "../protocol/close-frame.ts";
import { sendWithResult } from "../server/connection-of.ts";
import { INTERNAL_ERROR, errorOfEnd } from "./connection-duplex.ts";
import { ListenerWork, failConnection } from "./listener-work.ts";
import { type AnyConnection, ReadHold } from "./read-hold.ts";
import { ignore, notConnected } from "./callback-send.ts";

/** How a connection was closed. */
export interface WebStreamClose {
  /** The peer's close code; 1005: it gave none. */
  readonly closeCode: number;
  /** The peer's reason, or `""`. */
  readonly reason: string;
}

/** A connection as a pair of streams of the web platform, in the shape of browsers' `WebSocketStream`. */
export interface WebStreamPair {
  /** The messages, as the option `dataType` of the server says. It ends with the peer's close, and fails with any other end. */
  readonly readable: ReadableStream<unknown> & AsyncIterable<unknown>;
  /**
   * Sends messages: all that `ws.send` takes. A write is done when no more than `highWaterMark` bytes wait for the peer. A
   * message that cannot be sent, or is dropped at once as `sendQueuePolicy` says (`HWS_SEND_QUEUE_FULL`), fails it and closes the
   * connection with 1011.
   */
  readonly writable: WritableStream<unknown>;
  /** Resolves when the connection was closed in order; else it rejects with an error that has a `code`. Its rejection counts as handled. */
  readonly closed: Promise<WebStreamClose>;
  /** Closes the connection: see `ws.close`. */
  close(options?: { readonly closeCode?: number | undefined; readonly reason?: string | undefined }): void;
}

/** Called with the streams of a client when its connection is open. */
export type WebStreamListener = (streams: WebStreamPair, connection: AnyConnection) => unknown;

/** The streams of one connection, and what ends them. */
class WebStreams implements WebStreamPair {
  readonly readable: ReadableStream<unknown> & AsyncIterable<unknown>;
  readonly writable: WritableStream<unknown>;
  readonly closed: Promise<WebStreamClose>;
  readonly hold: ReadHold;
  /** Why the connection has ended; undefined: it has not, or in order. */
  error: Error | undefined;
  readonly #connection: AnyConnection;
  #reader: ReadableStreamDefaultController<unknown> | undefined;
  #writer: WritableStreamDefaultController | undefined;
  #settle: ((event: WSTerminateEvent) => void) | undefined;

  constructor(connection: AnyConnection) {
    this.#connection = connection;
    this.hold = new ReadHold(connection);
    this.closed = new Promise((resolve, reject) => {
      this.#settle = (event) => {
        const { error } = this;
        if (error === undefined) resolve({ closeCode: event.code, reason: event.reason ?? "" });
        else reject(error);
      };
    });
    // Nobody need wait for it.
    this.closed.catch(ignore);
    this.readable = new ReadableStream({
      start: (controller) => void (this.#reader = controller),
      pull: () => {
        this.hold.end();
      },
      cancel: () => {
        this.#reader = undefined;
        this.hold.end();
        connection.close(CloseCode.normal);
      },
    });
    this.writable = new WritableStream({
      start: (controller) => void (this.#writer = controller),
      write: (message) => send(connection, message),
      close: async () => {
        connection.close(CloseCode.normal);
        await this.closed;
      },
      abort: () => {
        connection.close(INTERNAL_ERROR);
      },
    });
  }

  close({
    closeCode,
    reason,
  }: { readonly closeCode?: number | undefined; readonly reason?: string | undefined } = {}): void {
    this.#connection.close(closeCode, reason);
  }

  receive(message: unknown): void | Promise<void> {
    const reader = this.#reader;
    reader?.enqueue(message);
    if (reader === undefined || (reader.desiredSize ?? 1) > 0) return;
    this.hold.begin();
    if (this.hold.isActive) return this.hold.released();
  }

  finish(event: WSTerminateEvent): void {
    const error = (this.error = errorOfEnd(event));
    this.#settle?.(event);
    // After a close of the writer its error does nothing.
    if (error === undefined) {
      this.#reader?.close();
      // A pipe from the reader closes the writer first, and so it ends in order.
      setImmediate(() => this.#writer?.error(notConnected()));
    } else {
      this.#reader?.error(error);
      this.#writer?.error(error);
    }
  }
}

/** A connection's handler that gives the connection as streams of the web platform to a listener. */
export class WebStreamHandler {
  readonly #onStreams: WebStreamListener;
  #streams: WebStreams | undefined;
  #work: ListenerWork | undefined;

  constructor(onStreams: WebStreamListener) {
    this.#onStreams = onStreams;
  }

  /** The streams; undefined until the connection is open. */
  get streams(): WebStreamPair | undefined {
    return this.#streams;
  }

  /** The connection is open: calls the listener. */
  onOpen(connection: AnyConnection): void {
    const streams = (this.#streams = new WebStreams(connection));
    // It is not awaited: a listener that reads all messages would wait for messages that wait for it.
    this.#work = ListenerWork.of(connection, this.#onStreams(streams, connection), () => streams.error);
  }

  /** Passes a message to the reader. */
  onMessage(_connection: AnyConnection, { data }: WSMessageEvent<never>): void | Promise<void> {
    return this.#streams?.receive(data);
  }

  /** Ends the streams. */
  onTerminate(_connection: AnyConnection, event: WSTerminateEvent): void | Promise<void> {
    this.#streams?.finish(event);
    return this.#work?.settle();
  }
}

/**
 * Makes the handler of a connection that is used as a pair of streams of the web platform: `{ readable, writable, closed, close }`.
 * The messages are those of `onMessage`, as the server's `dataType` says.
 *
 * A slow reader holds the peer back. Closing the writer, or cancelling the reader, closes with 1000; aborting the writer closes with 1011.
 *
 * @param onStreams called when the connection is open. If it throws, or its promise rejects, the connection is closed with 1011.
 *   A rejection that only passes on the end of the connection is no failure
 * @returns what `onConnection` returns
 * @throws {InvalidArgumentError} when `onStreams` is no function
 * @example
 * new WebSocketServer(
 *   { onConnection: () => webStreamHandler(({ readable, writable }) => readable.pipeThrough(upperCase).pipeTo(writable)) },
 *   { port: 8080 },
 * );
 */
export function webStreamHandler(onStreams: WebStreamListener): WebStreamHandler {
  if (typeof onStreams !== "function") throw new InvalidArgumentError("webStreamHandler: expected a function");
  return new WebStreamHandler(onStreams);
}

/** A failure ends the connection: the stream is then of no use, and nobody else would be told. */
async function send(connection: AnyConnection, message: unknown): Promise<void> {
  try {
    await sendAndWait(connection, message);
  } catch (error) {
    if (connection.status === "Connected") failConnection(connection, error);
    throw error;
  }
}

async function sendAndWait(connection: AnyConnection, message: unknown): Promise<void> {
  const wasOpen = connection.status === "Connected";
  const result = sendWithResult(connection, message);
  if (result === SendResult.accepted) return;
  if (result === SendResult.dropped && wasOpen) throw new HawserError("HWS_SEND_QUEUE_FULL");
  if (!(await connection.drained())) throw notConnected();
}
