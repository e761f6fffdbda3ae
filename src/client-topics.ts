/**
 * The entry point `hawser/client/topics`: the client with topics, on Node, Bun and Deno. Browsers get a build of their own.
 *
 * @module hawser/client/topics
 */

export { HawserError, InvalidArgumentError, OutOfRangeError, ProtocolError } from "./errors/errors.ts";
export { ConnectError } from "./client/connect-error.ts";
export type {
  ClientSubscribeOptions,
  ClientSubscription,
  TopicClientHandler,
  TopicClientOptions,
  TopicSocket,
  WSTopicEvent,
  WSTopicGapEvent,
  WSTopicsReconnectedEvent,
  WSUnsubscribedEvent,
} from "./client/topics/handler.ts";
export type { PresenceMember, WSPresenceEvent } from "./topics/presence-member.ts";
export { TopicClient } from "./client/node/topic-client.ts";
