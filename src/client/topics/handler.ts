import type { WSDrainEvent, WSErrorEvent, WSMessageEvent, WSTerminateEvent } from "../../connection/dispatch/events.ts";
import type { DataType } from "../../connection/receiving/decode.ts";
import type { GapReason } from "../../topics/chain.ts";
import type { WSPresenceEvent } from "../../topics/presence-member.ts";
import type { ClientSocket } from "../client-socket.ts";
import type { WSClientOpenEvent, WSReconnectedEvent, WSReconnectingEvent } from "../events.ts";
import type { ClientDataOf, ClientHandler, ClientHeaders, Provided, ReceivedFrom } from "../handler.ts";
import type { ClientOptions } from "../options.ts";

/** What a subscription of a client has reached. */
export interface ClientSubscription {
  /** The topic. */
  readonly topic: string;
  /** The position where its messages begin; undefined: the topic has no history. */
  readonly position: string | undefined;
  /** Whether nothing is missing after the position that was given; undefined: none was. */
  readonly recovered: boolean | undefined;
}

/** How a subscription of a client begins. */
export interface ClientSubscribeOptions {
  /** A position: what came after it is sent first. Default: the one of the option `positions`. */
  readonly since?: string | undefined;
  /** The newest messages that are sent first, 1 to 10,000. With a position only if something may be missing. Default: none. */
  readonly last?: number | undefined;
}

/** Options of a `TopicClient`. */
export interface TopicClientOptions<T extends DataType = DataType> extends ClientOptions<T> {
  /** What `client.positions` was, in an earlier process or page: subscriptions go on there. */
  readonly positions?: Readonly<Record<string, string>> | undefined;
}

/** A client's `onTopic`: a message of a topic. */
export interface WSTopicEvent<Data = unknown> {
  readonly type: "topic";
  /** The topic. */
  readonly topic: string;
  /** The message, as `dataType` says. */
  readonly data: Data;
  /** The position directly after it; undefined: the topic has no history. */
  readonly position: string | undefined;
}

/** A client's `onGap`: messages of a topic may be missing before this point. */
export interface WSTopicGapEvent {
  readonly type: "gap";
  /** The topic. */
  readonly topic: string;
  /** As on the server; `"unrecovered"`: the client came back, and the server cannot prove that nothing is missing. */
  readonly reason: GapReason | "unrecovered";
  /** Where the messages go on; undefined: the topic has no history any more. */
  readonly position: string | undefined;
}

/** A client's `onUnsubscribed`: a subscription that had begun has ended, and not by `unsubscribe`. */
export interface WSUnsubscribedEvent {
  readonly type: "unsubscribed";
  /** The topic. */
  readonly topic: string;
  /** 1000: the server has ended it. 403, 429: the server has refused it after a reconnect. */
  readonly status: number;
}

/** The `onReconnected` of a client with topics. */
export interface WSTopicsReconnectedEvent extends WSReconnectedEvent {
  /** Whether nothing is missing on all topics with history. What is lost while the server sends the rest is told later, by `onGap`. */
  readonly recovered: boolean;
}

/** A client with topics, on any platform. */
export interface TopicSocket<S = unknown, T extends DataType = DataType> extends ClientSocket<ClientHandler, S, T> {
  /** See `TopicClient`. */
  readonly positions: Readonly<Record<string, string>>;
  /** See `TopicClient`. */
  subscribe(topic: string, options?: ClientSubscribeOptions): Promise<ClientSubscription>;
  /** See `TopicClient`. */
  unsubscribe(topic: string): boolean;
}

/** Handles a client with topics: as a `ClientHandler`, with callbacks for topics. All are optional, and are called one at a time. */
export interface TopicClientHandler<S = unknown, T extends DataType = DataType> {
  /** The type of `event.data`, as the option of the same name (4D). */
  readonly dataType?: T | undefined;
  /** Headers of the handshake's request, as the option of the same name (4D). Not in browsers. */
  readonly headers?: Provided<ClientHeaders | undefined> | undefined;
  /** Connected: called for every connection. Sign in here: the client asks for its topics when this has settled. */
  onOpen?(ws: TopicSocket<S, T>, event: WSClientOpenEvent): unknown;
  /** A message of a topic. */
  onTopic?(ws: TopicSocket<S, T>, event: WSTopicEvent<ClientDataOf[T]>): unknown;
  /** Messages of a topic may be missing before this point: load your state anew. */
  onGap?(ws: TopicSocket<S, T>, event: WSTopicGapEvent): unknown;
  /** Somebody is present in a topic: the first connection of an id has come, on any server. */
  onJoin?(ws: TopicSocket<S, T>, event: WSPresenceEvent): unknown;
  /** The last connection of an id has gone. */
  onLeave?(ws: TopicSocket<S, T>, event: WSPresenceEvent): unknown;
  /** A subscription that had begun has ended, and not by `unsubscribe`. */
  onUnsubscribed?(ws: TopicSocket<S, T>, event: WSUnsubscribedEvent): unknown;
  /** A client with topics has none: its messages are gathered, to look for header lines. The constructor throws. */
  readonly onMessageStart?: never;
  /** Any other message. Without it they are dropped. */
  onMessage?(ws: TopicSocket<S, T>, event: WSMessageEvent<ReceivedFrom<S, T>>): unknown;
  /** After a `send` that returned false, no more than `highWaterMark` bytes wait again. */
  onDrain?(ws: TopicSocket<S, T>, event: WSDrainEvent): unknown;
  /** A dial failed, or the connection was lost: the client will connect again. */
  onReconnecting?(ws: TopicSocket<S, T>, event: WSReconnectingEvent): unknown;
  /** Connected again, and the server has answered for all topics. Called after `onOpen` of the same connection. */
  onReconnected?(ws: TopicSocket<S, T>, event: WSTopicsReconnectedEvent): unknown;
  /** What ended the client. Called at most once. */
  onError?(ws: TopicSocket<S, T>, event: WSErrorEvent): unknown;
  /** The client has ended. Always called, exactly once, as the last callback. */
  onTerminate?(ws: TopicSocket<S, T>, event: WSTerminateEvent): unknown;
}
