/**
 * The entry point `hawser`: the server.
 *
 * @module hawser
 */

export { HawserError, InvalidArgumentError, OutOfRangeError, ProtocolError } from "./errors/errors.ts";
export type { ErrorCode } from "./errors/table.ts";
export type { Status } from "./connection/status.ts";
export type { Origins } from "./handshake/rules/origin.ts";
export type { TrustProxy } from "./handshake/forwarded-address.ts";
export { type Refusal, type RefusalReason, refuse } from "./handshake/refusal.ts";
export type { ResponseHeaders } from "./handshake/response-headers.ts";
export type { Cookies } from "./handshake/cookies.ts";
export type { RequestHeaders, SingleHeaders } from "./handshake/request-headers.ts";
export type { ConnectionRequest, Values } from "./handshake/request.ts";
export type { LimitName } from "./server/limit-counters.ts";
export type { MessageCounters } from "./connection/counters/message-counters.ts";
export type { DataOf, DataType } from "./connection/receiving/decode.ts";
export type { RatePolicy } from "./connection/receiving/settings.ts";
export type {
  Initiator,
  WSDrainEvent,
  ErrorEntry,
  WSErrorEvent,
  WSMessageEvent,
  WSOpenEvent,
  WSTerminateEvent,
} from "./connection/dispatch/events.ts";
export type { WSMessageStartEvent } from "./connection/dispatch/message-start.ts";
export type { SendQueuePolicy } from "./connection/sending/settings.ts";
export type { Message } from "./connection/sending/outgoing-message.ts";
export type { BroadcastOptions, PublishOptions, TopicMessageOptions } from "./server/broadcast-options.ts";
export type { ConnectionList } from "./server/connection-list.ts";
export type { WSConnectionEvent } from "./server/connection-event.ts";
export type { ServerCounters, TopicRequestCounters } from "./server/server-counters.ts";
export type { Connections } from "./server/connections.ts";
export type { PresenceList } from "./server/presence.ts";
export type { PresenceMember, WSPresenceEvent } from "./topics/presence-member.ts";
export type { SubscribeOptions, Subscription } from "./server/subscription.ts";
export type { TopicSet } from "./topics/topic-set.ts";
export type {
  ConnectionAnswer,
  ConnectionHandler,
  ContextOf,
  HandlerOf,
  WSBackplaneEvent,
  SubscribeAnswer,
  WSRefusedEvent,
  WSServerErrorEvent,
  WSServerTerminateEvent,
  WSSubscribeEvent,
  WSHandler,
} from "./server/handlers.ts";
export type { CompressionOptions } from "./compression/options.ts";
export type { AutoResponseOptions, WebSocketServerOptions } from "./server/options.ts";
export type { PathFunction } from "./server/path-rule.ts";
export type { PathParams } from "./server/path-pattern.ts";
export type { WebServer } from "./server/web-server.ts";
export type { TerminateOptions } from "./connection/close-arguments.ts";
export type { SendOptions } from "./connection/sending/message-options.ts";
export { WebSocketConnection } from "./server/websocket-connection.ts";
export type { ListenOptions } from "./server/listen-options.ts";
export type { ShutdownOptions } from "./server/graceful-shutdown.ts";
export { WebSocketServer } from "./server/websocket-server.ts";
export type { Backplane, BackplaneStage, BackplaneStatus } from "./backplane/contract.ts";
export { type MemoryBackplane, type MemoryOptions, memory } from "./backplane/memory.ts";
export type { MemoryCounters } from "./backplane/memory-store.ts";
export type { BackplaneFailures } from "./server/backplane-errors.ts";
export type { BackplaneState } from "./server/backplane-state.ts";
export type { BackplaneCounters } from "./topics/backplane-counters.ts";
export type { GapReason } from "./topics/chain.ts";
export type { HistoryCounters } from "./topics/history-counters.ts";
export type { Published } from "./topics/history-node.ts";
export type { HistoryOptions } from "./topics/history-rules.ts";
export type { WSGapEvent } from "./topics/receiver-calls.ts";
