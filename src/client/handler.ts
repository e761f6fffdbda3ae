import type { WSDrainEvent, WSErrorEvent, WSMessageEvent, WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { WSMessageStartEvent } from "../connection/dispatch/message-start.ts";
import type { DataType } from "../connection/receiving/decode.ts";
import type { WebSocketConnection } from "../server/websocket-connection.ts";
import type { WSClientOpenEvent, WSReconnectedEvent, WSReconnectingEvent } from "./events.ts";
import type { ClientSocket } from "./client-socket.ts";

/** A value, or a function that is asked for it before every dial. */
export type Provided<T> = T | ((dial: Dial) => T | PromiseLike<T>);

/** A dial for which a value is asked. `url`, `status` and `error` tell why the last one failed. */
export interface Dial {
  /** 0 for the first dial, then the number of the dial in a row that follows a failure. It is 0 again after a connection that was stable. */
  readonly attempt: number;
  /** The URL of the last dial; undefined: there was none. */
  readonly url: string | undefined;
  /** The HTTP status with which the last dial was refused. */
  readonly status: number | undefined;
  /** Why the last dial failed, or the connection was lost. */
  readonly error: Error | undefined;
  /** Aborts when the dial is given up. */
  readonly signal: AbortSignal;
}

/** Headers of a request. A value may be a list. */
export type ClientHeaders =
  Headers | Readonly<Record<string, string | readonly string[] | undefined>> | Iterable<readonly [string, string]>;

/** The type of `event.data` under each `DataType`. */
export interface ClientDataOf {
  /** The text, or a binary frame's bytes as UTF-8. */
  text: string;
  /** The bytes. On Node it is a Buffer. */
  blob: Uint8Array;
  /** What `JSON.parse` returns, without keys through which a prototype is reached. */
  object: unknown;
  /** A string or bytes, as the server sent it. */
  auto: string | Uint8Array;
}

/** What the server's connection handler `S` sends: its `Out` type. Unknown if `S` is unknown. */
export type SentBy<S> = S extends { onMessage(ws: infer W, ...rest: never[]): unknown }
  ? W extends WebSocketConnection<infer _H, infer Out, infer _S>
    ? Out
    : unknown
  : unknown;

/** What the server's connection handler `S` takes: the type of its `event.data`. Unknown if `S` is unknown. */
export type TakenBy<S> = S extends { onMessage(ws: never, event: WSMessageEvent<infer In>): unknown } ? In : unknown;

/** The type of `event.data`: what the server sends, if it is known. */
export type ReceivedFrom<S, T extends DataType> = unknown extends SentBy<S> ? ClientDataOf[T] : SentBy<S>;

/**
 * Handles a client. It is any object; all callbacks are optional. The library never writes to it, and it may serve several clients.
 * Callbacks are called as its methods, one at a time. When one returns a promise, the next waits for it.
 */
export interface ClientHandler<S = unknown, T extends DataType = DataType> {
  /** The type of `event.data`, as the option of the same name (4D). */
  readonly dataType?: T | undefined;
  /** Headers of the handshake's request, as the option of the same name (4D). Not in browsers. */
  readonly headers?: Provided<ClientHeaders | undefined> | undefined;
  /** Connected. Called again after a reconnect if there is no `onReconnected`. */
  onOpen?(ws: ClientSocket<ClientHandler, S, T>, event: WSClientOpenEvent): unknown;
  /**
   * A message begins, on Node. To read it as it comes, take `event.stream`, or return a `WritableStream` or a `Writable` of Node's; then
   * `onMessage` is not called for it, and `maxStreamSize` is its limit. Otherwise the message is gathered for `onMessage`. In a browser
   * the constructor refuses it: the platform gives a message only as a whole.
   */
  onMessageStart?(ws: ClientSocket<ClientHandler, S, T>, event: WSMessageStartEvent): unknown;
  /** A complete message has arrived. */
  onMessage?(ws: ClientSocket<ClientHandler, S, T>, event: WSMessageEvent<ReceivedFrom<S, T>>): unknown;
  /** After a `send` that returned false, no more than `highWaterMark` bytes wait again. */
  onDrain?(ws: ClientSocket<ClientHandler, S, T>, event: WSDrainEvent): unknown;
  /** A dial failed, or the connection was lost: the client will connect again. `terminate` and `reconnect` may be called. */
  onReconnecting?(ws: ClientSocket<ClientHandler, S, T>, event: WSReconnectingEvent): unknown;
  /** Connected again. */
  onReconnected?(ws: ClientSocket<ClientHandler, S, T>, event: WSReconnectedEvent): unknown;
  /** What ended the client. Called at most once. */
  onError?(ws: ClientSocket<ClientHandler, S, T>, event: WSErrorEvent): unknown;
  /** The client has ended. Always called, exactly once, as the last callback. */
  onTerminate?(ws: ClientSocket<ClientHandler, S, T>, event: WSTerminateEvent): unknown;
}
