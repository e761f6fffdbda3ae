import type { DataOf, DataType } from "../connection/receiving/decode.ts";
import type {
  WSDrainEvent,
  WSErrorEvent,
  WSMessageEvent,
  WSOpenEvent,
  WSTerminateEvent,
} from "../connection/dispatch/events.ts";
import type { Refusal } from "../handshake/refusal.ts";
import type { WSConnectionEvent } from "./connection-event.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";
import type { WebSocketServer } from "./websocket-server.ts";

/**
 * Answers one client: any object, of which only `onMessage` is mandatory. Users keep the connection's state on it, and
 * read other clients' state through `connection.handler`. The library never writes on it. Callbacks are called as its
 * methods, one at a time; one that returns a promise holds back the next.
 */
export interface ConnectionHandler<T extends DataType = DataType> {
  /** The connection is open. Once, before the first message. */
  onOpen?(ws: WebSocketConnection, event: WSOpenEvent): unknown;
  /** A whole message came. */
  onMessage(ws: WebSocketConnection, event: WSMessageEvent<DataOf[T]>): unknown;
  /** No more than `highWaterMark` bytes wait again, after a `send` that returned false. */
  onDrain?(ws: WebSocketConnection, event: WSDrainEvent): unknown;
  /** Something failed, and the connection is being closed. At most once. */
  onError?(ws: WebSocketConnection, event: WSErrorEvent): unknown;
  /** The connection is closed and has left `wss.connections`. Always, exactly once, last. */
  onTerminate?(ws: WebSocketConnection, event: WSTerminateEvent): unknown;
}

/** What `onConnection` may answer: a handler, nothing (HTTP 403), or a refusal with a status of its own. */
export type ConnectionAnswer<H extends ConnectionHandler = ConnectionHandler> = H | Refusal | null | undefined;

/** Answers the server: any object, of which only `onConnection` is mandatory. Callbacks are called as its methods. */
export interface WSHandler<T extends DataType = DataType, H extends ConnectionHandler<T> = ConnectionHandler<T>> {
  /** A client asks to connect. The handler that is returned answers it; null or undefined cancel the connection. */
  onConnection(wss: WebSocketServer, event: WSConnectionEvent): ConnectionAnswer<H> | PromiseLike<ConnectionAnswer<H>>;
  /** The server has started: after its constructor returned, before the first `onConnection`. */
  onOpen?(wss: WebSocketServer, event: WSOpenEvent): unknown;
  /** The server, or its web server, was closed; after every connection's own `onTerminate`. */
  onTerminate?(wss: WebSocketServer, event: WSServerTerminateEvent): unknown;
  /** Something failed on the server, or on a connection whose handler could not be told. */
  onError?(wss: WebSocketServer, event: WSServerErrorEvent): unknown;
}

/** `onError` of a server's handler. */
export interface WSServerErrorEvent extends WSErrorEvent {
  /** The connection it happened on, where its own handler could not be told. */
  readonly connection?: WebSocketConnection;
}

/** `onTerminate` of a server's handler. */
export interface WSServerTerminateEvent {
  readonly type: "terminate";
}

/** The type of connection handler that a server handler's `onConnection` returns. */
export type HandlerOf<S> = S extends { onConnection(...args: never[]): infer Answer }
  ? Extract<Exclude<Awaited<Answer>, Refusal | null | undefined>, ConnectionHandler>
  : ConnectionHandler;
