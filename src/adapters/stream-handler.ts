import type { Duplex } from "node:stream";

import type { WSErrorEvent, WSMessageEvent, WSTerminateEvent } from "../connection/dispatch/events.ts";
import { InvalidArgumentError, handlerError } from "../errors/errors.ts";
import {
  ConnectionDuplex,
  connectionError,
  failStream,
  finishStream,
  hasErrorListener,
  receiveBytes,
} from "./connection-duplex.ts";
import { ListenerWork } from "./listener-work.ts";
import type { AnyConnection } from "./read-hold.ts";

/** Called with the stream of a client when its connection is open. */
export type StreamListener = (stream: Duplex, connection: AnyConnection) => unknown;

/** A connection's handler that gives the connection as a stream to a listener. */
export class StreamHandler {
  readonly #onStream: StreamListener;
  #duplex: ConnectionDuplex | undefined;
  #work: ListenerWork | undefined;

  constructor(onStream: StreamListener) {
    this.#onStream = onStream;
  }

  /** The stream; undefined until the connection is open. */
  get stream(): Duplex | undefined {
    return this.#duplex;
  }

  /** The connection is open: calls the listener. */
  onOpen(connection: AnyConnection): void {
    if (!["blob", "auto"].includes(connection.wss.dataType))
      throw new InvalidArgumentError('streamHandler: the server needs the option dataType: "blob", or "auto"');
    const duplex = (this.#duplex = new ConnectionDuplex(connection));
    // It is not awaited: a listener that reads the stream to its end would wait for messages that wait for it.
    this.#work = ListenerWork.of(connection, this.#onStream(duplex, connection), () => connectionError(duplex));
  }

  /** Passes the bytes of a message to the stream. */
  onMessage(_connection: AnyConnection, { data }: WSMessageEvent<string | Buffer>): void | Promise<void> {
    return this.#duplex && receiveBytes(this.#duplex, typeof data === "string" ? Buffer.from(data) : data);
  }

  /** Ends the stream with an error. Without a listener there is no such callback: then the server's is called. */
  get onError(): (connection: AnyConnection, event: WSErrorEvent) => void {
    const hasListener = this.#duplex !== undefined && hasErrorListener(this.#duplex);
    // The type of a handler knows only callbacks that are always there.
    return (hasListener ? this.#fail : undefined) as typeof this.onError;
  }

  /** Ends the stream. */
  onTerminate(_connection: AnyConnection, event: WSTerminateEvent): void | Promise<void> {
    if (this.#duplex !== undefined) finishStream(this.#duplex, event);
    return this.#work?.settle();
  }

  #fail(_connection: AnyConnection, { errors }: WSErrorEvent): void {
    const { cause } = errors[0];
    if (this.#duplex !== undefined) failStream(this.#duplex, cause instanceof Error ? cause : handlerError(cause));
  }
}

/**
 * Makes the handler of a connection for a library that takes streams of Node's, such as brokers of MQTT. Each write to the stream is
 * one binary message; the bytes of all messages, texts too, are read from it in order. The server needs `dataType: "blob"`, or `"auto"`.
 *
 * A slow reader holds the peer back; a write is taken when no more than `highWaterMark` bytes wait for the peer. `end()` closes with
 * 1000, and `"finish"` follows when the peer has answered; `destroy(error)` closes with 1011, `destroy()` cuts. The peer's close ends the stream. Any other
 * end destroys it with an error that has a `code`. Without a listener of `"error"` that does not end the process.
 *
 * @param onStream called when the connection is open. If it throws, or its promise rejects, the connection is closed with 1011.
 *   A rejection that only passes on the end of the connection is no failure
 * @returns what `onConnection` returns
 * @throws {InvalidArgumentError} when `onStream` is no function
 * @example
 * new WebSocketServer(
 *   { onConnection: () => streamHandler((stream) => void broker.handle(stream)) },
 *   { port: 8080, protocols: ["mqtt"], dataType: "blob" },
 * );
 */
export function streamHandler(onStream: StreamListener): StreamHandler {
  if (typeof onStream !== "function") throw new InvalidArgumentError("streamHandler: expected a function");
  return new StreamHandler(onStream);
}
