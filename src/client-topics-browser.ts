/**
 * The entry point `hawser/client/topics` in browsers.
 *
 * @module hawser/client/topics
 */

export { HawserError, InvalidArgumentError, OutOfRangeError } from "./errors/errors.ts";
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
export { TopicClient } from "./client/browser/topic-client.ts";
