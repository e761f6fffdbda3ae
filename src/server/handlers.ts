import type { BackplaneStatus } from "../backplane/contract.ts";
import type { WSGapEvent } from "../topics/receiver-calls.ts";
import type { DataOf, DataType } from "../connection/receiving/decode.ts";
import type {
  WSDrainEvent,
  WSErrorEvent,
  WSMessageEvent,
  WSOpenEvent,
  WSTerminateEvent,
} from "../connection/dispatch/events.ts";
import type { WSMessageStartEvent } from "../connection/dispatch/message-start.ts";
import type { Refusal, RefusalReason } from "../handshake/refusal.ts";
import type { ConnectionRequest } from "../handshake/request.ts";
import type { WSConnectionEvent } from "./connection-event.ts";
import type { WSPresenceEvent } from "../topics/presence-member.ts";
import type { SubscribeOptions } from "./subscription.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";
import type { WebSocketServer } from "./websocket-server.ts";

/**
 * Handles one connection. It is any object with `onMessage`; the other callbacks are optional. You may keep the
 * connection's state on it, and read the state of other connections through `connection.handler`. The library never
 * writes to it. Callbacks are called as its methods, one at a time. When one returns a promise, the next waits for it.
 */
export interface ConnectionHandler<T extends DataType = DataType> {
  /** The connection is open. Called once, before the first message. */
  onOpen?(ws: WebSocketConnection, event: WSOpenEvent): unknown;
  /**
   * A message begins. Take `event.stream`, or return what its bytes are to be written to: a `WritableStream`, or a `Writable` of Node's. Then
   * `onMessage` is not called for it, `maxStreamSize` is its limit in place of `maxMessageSize`, and the next message comes when it
   * was read to its end. Do neither, and it is gathered for `onMessage`, as without this callback. Called for every message, but not for the texts of a client of `hawser.v1`.
   *
   * @example
   * onMessageStart(ws: WebSocketConnection, event: WSMessageStartEvent) {
   *   if (!event.isText) return createWriteStream(`uploads/${ws.id}`);
   * }
   */
  onMessageStart?(ws: WebSocketConnection, event: WSMessageStartEvent): unknown;
  /** A complete message has arrived. */
  onMessage(ws: WebSocketConnection, event: WSMessageEvent<DataOf[T]>): unknown;
  /** After a `send` that returned false, no more than `highWaterMark` bytes wait again. */
  onDrain?(ws: WebSocketConnection, event: WSDrainEvent): unknown;
  /** Messages of a topic with history may be missing before this point: load your state anew. Called in order, between the messages. */
  onGap?(ws: WebSocketConnection, event: WSGapEvent): unknown;
  /**
   * A client of the subprotocol `hawser.v1` asks for a topic. Return true to subscribe the connection as the client asks, options to
   * subscribe it with these (what they leave out, `since` or `last`, is as the client asks), or false to refuse. Check whether this
   * client may have this topic. Without this callback every request is refused, and the subprotocol is not chosen.
   */
  onSubscribe?(ws: WebSocketConnection, event: WSSubscribeEvent): SubscribeAnswer | PromiseLike<SubscribeAnswer>;
  /** Something failed, and the connection is closing. Called at most once. */
  onError?(ws: WebSocketConnection, event: WSErrorEvent): unknown;
  /**
   * The connection is closed and no longer in `wss.connections`. Always called, exactly once, as the last callback. Without `onOpen`
   * if the client had gone, or was refused, before `onConnection` returned this handler.
   */
  onTerminate?(ws: WebSocketConnection, event: WSTerminateEvent): unknown;
}

/** A connection's `onSubscribe`: its client asks for a topic. */
export interface WSSubscribeEvent {
  readonly type: "subscribe";
  /** The topic: 1 to 255 bytes of UTF-8, without control characters. */
  readonly topic: string;
  /** What the client gives as its last position. It may be any text; one that is too long for a position is cut. Undefined: nothing. */
  readonly since: string | undefined;
  /** How many of the newest messages it asks for: 1 to 10,000. Undefined: none. */
  readonly last: number | undefined;
}

/** What `onSubscribe` may return: whether the client gets the topic, or with which options. Its messages always begin with a header line. */
// A text, or a promise of anything, would be taken for options of which all are left out.
export type SubscribeAnswer = boolean | (SubscribeOptions & object & { readonly then?: never });

/**
 * What the type of every connection handler has. It does not name `WebSocketConnection`, of whose type it is a part: TypeScript
 * could not decide such a type.
 */
export interface ConnectionHandlerType {
  /** A complete message has arrived. */
  onMessage(...args: never[]): unknown;
  /** A client asks for a topic. */
  onSubscribe?(...args: never[]): SubscribeAnswer | PromiseLike<SubscribeAnswer>;
}

/** What `onConnection` may return: a handler, null or undefined (HTTP 403), or a refusal with another status. */
export type ConnectionAnswer<H extends ConnectionHandlerType = ConnectionHandler> = H | Refusal | null | undefined;

/** Handles a server. It is any object with `onConnection`; the other callbacks are optional. Callbacks are called as its methods. */
export interface WSHandler<T extends DataType = DataType, H extends ConnectionHandlerType = ConnectionHandler<T>> {
  /** A client asks to connect. The returned handler handles the connection. Null or undefined refuse the client. */
  onConnection(wss: WebSocketServer, event: WSConnectionEvent): ConnectionAnswer<H> | PromiseLike<ConnectionAnswer<H>>;
  /** The server has started. Called after its constructor has returned, and before the first `onConnection`. */
  onOpen?(wss: WebSocketServer, event: WSOpenEvent): unknown;
  /** The server, or its web server, was closed. Called after the `onTerminate` of every connection. */
  onTerminate?(wss: WebSocketServer, event: WSServerTerminateEvent): unknown;
  /** The library has refused a client. Not called for what `onConnection` refuses. `wss.counters.refused` counts both. */
  onRefused?(wss: WebSocketServer, event: WSRefusedEvent): unknown;
  /** The broker of the option `backplane` can be reached, or cannot. */
  onBackplane?(wss: WebSocketServer, event: WSBackplaneEvent): unknown;
  /**
   * The first connection of an id is present in a topic, on any server: see `presence` of `ws.subscribe`. Called once on each server that has
   * subscribers of the topic. It tells of a change; `wss.presence` has the list.
   */
  onJoin?(wss: WebSocketServer, event: WSPresenceEvent): unknown;
  /** The last connection of an id has gone. A client that was lost has 5 s to come back. */
  onLeave?(wss: WebSocketServer, event: WSPresenceEvent): unknown;
  /**
   * Something failed on the server, or on a connection whose own handler cannot be called about it. With `invalidJson: "ignore"` also: a
   * message was dropped, and `event.connection` is open.
   */
  onError?(wss: WebSocketServer, event: WSServerErrorEvent): unknown;
}

/** The event of a server handler's `onError`. */
export interface WSServerErrorEvent extends WSErrorEvent {
  /** The connection on which it happened; undefined: it did not happen on one. You may send to it. */
  readonly connection?: WebSocketConnection;
}

/**
 * The event of a server handler's `onRefused`: the library has refused a client. Its answer was sent, or follows the answers to
 * earlier requests on its connection. A client that had gone before is not refused.
 */
export interface WSRefusedEvent {
  readonly type: "refused";
  /** The HTTP status; undefined when the client got no HTTP answer, e.g. after a failed TLS handshake. */
  readonly status: number | undefined;
  /** Why: one of the words of `wss.counters.refused`. */
  readonly reason: RefusalReason;
  /** What the client asked for; undefined when no request was read. */
  readonly request: ConnectionRequest | undefined;
  /** The client's address, as `request.remoteAddress`, also when no request was read; undefined: it is not known any more. */
  readonly remoteAddress: string | undefined;
  /** Why the TLS handshake failed, with the reason `"tls"`; otherwise undefined. */
  readonly cause: Error | undefined;
}

/** The event of a server handler's `onBackplane`. */
export interface WSBackplaneEvent {
  readonly type: "backplane";
  /** `"ready"`: the broker can be reached. `"away"`: not, and the server goes on trying. */
  readonly status: BackplaneStatus;
  /** Why, e.g. the error of the connection; undefined: there is no reason. */
  readonly reason: unknown;
}

/** The event of a server handler's `onTerminate`. */
export interface WSServerTerminateEvent {
  readonly type: "terminate";
}

/** The type of a server's handler. A connection handler is none, unless it is a server's handler too. */
export type ServerHandlerType = object &
  (
    | { readonly onConnection: unknown }
    | {
        readonly onMessage?: "A connection handler: WebSocketServer takes the server's handler, which has onConnection";
      }
  );

/** The type of `event.context` that a server handler's `onConnection` declares; otherwise anything may be given. */
export type ContextOf<S> = S extends { onConnection(wss: never, event: WSConnectionEvent<infer Context>): unknown }
  ? Context
  : unknown;

/** The type of connection handler that a server handler's `onConnection` returns. */
export type HandlerOf<S> = S extends { onConnection(...args: never[]): infer Answer }
  ? Extract<Exclude<Awaited<Answer>, Refusal | null | undefined>, ConnectionHandlerType>
  : ConnectionHandler;

// Where a type parameter is not known yet, TypeScript takes the branch that is right for every type: then all fit.
/** The error that TypeScript shows at a connection handler that does not fit; `unknown` if all that `onConnection` returns fit. */
export type FittingHandlers<S, T extends DataType> = [AllFit<Verdict<ReturnedHandler<S>, T>>] extends [false]
  ? { readonly onConnection: Exclude<Verdict<ReturnedHandler<S>, T>, "fits"> }
  : unknown;

type AllFit<V> = [V] extends ["fits"] ? true : false;

/** The objects that `onConnection` returns as handlers. */
type ReturnedHandler<S> = S extends { onConnection(...args: never[]): infer Answer }
  ? Extract<Exclude<Awaited<Answer>, Refusal>, object>
  : never;

/** For each handler: that it fits, or what is wrong. */
type Verdict<H, T extends DataType> = H extends unknown
  ? H extends abstract new (...args: never[]) => unknown
    ? "onConnection returned a class: return a new object of it"
    : "onMessage" extends keyof H
      ? DataVerdict<H, T>
      : "A connection handler needs the method onMessage"
  : never;

/** Whether the type that `onMessage` gives to `event.data` is one of those that the data type makes. */
type DataVerdict<H, T extends DataType> = H extends {
  onMessage(ws: never, event: { readonly data: infer Data }): unknown;
}
  ? [T] extends ["object"]
    ? ["json"] extends [Kind<Data>]
      ? "fits"
      : "With dataType 'object', event.data of onMessage is parsed JSON: declare it as unknown or as the type of your objects, not as text or bytes"
    : [Extract<Data, DataOf[T]> | Extract<DataOf[T], Data>] extends [never]
      ? WrongData<T>
      : "fits"
  : "fits";

type WrongData<T extends DataType> = [T] extends ["blob"]
  ? "With dataType 'blob', event.data of onMessage is a Buffer: for other types use another dataType"
  : [T] extends ["text"]
    ? "Without the option dataType, event.data of onMessage is a string: for objects use dataType: 'object', for bytes dataType: 'blob'"
    : "fits";

type Kind<Data> = Data extends string | ArrayBufferView ? "text or bytes" : "json";
