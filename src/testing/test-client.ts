import type { Duplex } from "node:stream";

import type { ConnectionOwner } from "../connection/connection-owner.ts";
import { readCloseCode } from "../connection/close-arguments.ts";
import { Connection } from "../connection/connection.ts";
import type { WSMessageEvent, WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { DataOf, DataType } from "../connection/receiving/decode.ts";
import { type Message, outgoingMessage } from "../connection/sending/outgoing-message.ts";
import { SendResult } from "../connection/sending/send-result.ts";
import type { ConnectionSettings } from "../connection/settings.ts";
import type { Status } from "../connection/status.ts";
import { asBytes } from "../protocol/bytes.ts";
import { Fifo } from "../util/fifo.ts";

/** What the server has answered to the handshake. */
export interface HandshakeResult {
  /** The client's end, after the handshake. */
  readonly stream: Duplex;
  /** Bytes that came after the answer. */
  readonly head: Uint8Array;
  /** The headers of the answer. */
  readonly headers: Headers;
}

/**
 * What `next` gives.
 *
 * @inline
 */
type Item<T extends DataType> = IteratorResult<DataOf[T], undefined>;

const DONE = { done: true, value: undefined } as const;

/** A client in a test of your handlers. `connect` makes it. It answers pings and close frames by itself. */
export class TestClient<T extends DataType = "auto"> implements AsyncIterable<DataOf[T]> {
  /** The subprotocol that the server chose; undefined: none. */
  readonly protocol: string | undefined;
  /** The headers of the server's answer, e.g. `set-cookie`. */
  readonly responseHeaders: Headers;
  /** Resolves when the connection is closed, with the event of `onTerminate`: `code` and `reason` are the server's. Never rejects. */
  readonly closed: Promise<WSTerminateEvent>;
  readonly #stream: Duplex;
  readonly #connection: Connection;
  /** Messages that were not returned yet. */
  readonly #items = new Fifo<Item<T>>();
  /** Calls of `next` that wait for a message. */
  readonly #waiting = new Fifo<(item: Item<T>) => void>();
  #isClosed = false;

  /** Made by `connect`. */
  constructor({ stream, head, headers }: HandshakeResult, settings: ConnectionSettings) {
    this.#stream = stream;
    this.responseHeaders = headers;
    this.protocol = headers.get("sec-websocket-protocol") ?? undefined;
    let close: (event: WSTerminateEvent) => void;
    this.closed = new Promise((resolve) => (close = resolve));
    const handler = {
      onMessage: (_ws: unknown, { data }: WSMessageEvent<DataOf[T]>): void => {
        this.#onMessage(data);
      },
      onTerminate: (_ws: unknown, event: WSTerminateEvent): void => {
        this.#onTerminate();
        close(event);
      },
    };
    this.#connection = new Connection(stream, handler, ownerOf(settings));
    this.#connection.publicConnection = this;
    this.#connection.start("", asBytes(head));
  }

  /** "Connected", "Closing" or "Closed". */
  get status(): Status {
    return this.#connection.status;
  }

  /**
   * Sends a message as the server's `send` does: a string as text, bytes as binary, another object as JSON.
   *
   * @returns false when it was not sent because the connection closes, or when much waits already
   */
  send(message: Message): boolean {
    return this.#connection.send(outgoingMessage(message)) === SendResult.accepted;
  }

  /**
   * The next message that has come and was not returned yet; waits for it. `{ done: true }` when the connection was closed and
   * none is left: `closed` says why.
   *
   * @example
   * const { value } = await client.next();
   */
  next(): Promise<Item<T>> {
    const item = this.#items.shift() ?? (this.#isClosed ? DONE : undefined);
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** The messages one by one, until the connection is closed. */
  [Symbol.asyncIterator](): AsyncIterator<DataOf[T], undefined> {
    return { next: () => this.next() };
  }

  /** Milliseconds until the server has answered a ping; undefined when the connection closes before. */
  ping(): Promise<number | undefined> {
    return this.#connection.measureRoundTrip();
  }

  /** Stops reading, as a slow client does: what the server sends waits there. */
  pause(): void {
    this.#stream.pause();
  }

  /** Reads on after `pause`. */
  resume(): void {
    this.#stream.resume();
  }

  /**
   * Begins to close, with a close frame.
   *
   * @param code default: a close frame without a code, which the server sees as 1005
   * @throws {InvalidArgumentError} for a code or a reason of another type
   * @throws {OutOfRangeError} for a code that must not be sent, or a reason that is too long
   */
  close(code?: number, reason?: string): void {
    this.#connection.close(readCloseCode(code, reason), reason);
  }

  /** Cuts the connection, as a client that has lost its network: the server sees 1006. */
  destroy(): void {
    this.#connection.destroy();
  }

  #onMessage(data: DataOf[T]): void {
    const item = { done: false, value: data } as const;
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#items.push(item);
    else resolve(item);
  }

  #onTerminate(): void {
    this.#isClosed = true;
    for (let resolve = this.#waiting.shift(); resolve !== undefined; resolve = this.#waiting.shift()) resolve(DONE);
  }
}

/** A client has no server that counts its connections. Its errors are causes of `closed`. */
function ownerOf(settings: ConnectionSettings): ConnectionOwner {
  const nothing = (): void => undefined;
  return { settings, currentTick: 0, onClosed: nothing, onFinished: nothing, onConnectionError: nothing };
}
