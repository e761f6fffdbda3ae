/** The entry point `hawser`: the server. */

export { HawserError, InvalidArgumentError, OutOfRangeError, ProtocolError } from "./errors/errors.ts";
export type { ErrorCode } from "./errors/table.ts";
export type { Status } from "./protocol/state.ts";
export type { Origins } from "./handshake/origin.ts";
export type { TrustProxy } from "./handshake/forwarded.ts";
export { type Refusal, type ResponseHeaders, refuse } from "./handshake/refusal.ts";
export type { ConnectionRequest, Values } from "./handshake/request.ts";
export type { LimitName } from "./connection/counters/limits.ts";
export type { MessageCounters } from "./connection/counters/messages.ts";
export type { DataOf, DataType } from "./connection/receiving/decode.ts";
export type { RatePolicy } from "./connection/receiving/settings.ts";
export type {
  DrainEvent,
  ErrorEntry,
  ErrorEvent,
  MessageEvent,
  OpenEvent,
  TerminateEvent,
} from "./connection/handler/events.ts";
export type { SendQueuePolicy } from "./connection/sending/settings.ts";
export type { Message } from "./connection/sending/payload.ts";
export type { ConnectionEvent } from "./server/connection-event.ts";
export type { ServerCounters } from "./server/counters.ts";
export type { Connections } from "./server/connections.ts";
export type {
  ConnectionAnswer,
  ConnectionHandler,
  HandlerOf,
  ServerErrorEvent,
  ServerTerminateEvent,
  WSHandler,
} from "./server/handlers.ts";
export type { WebSocketServerOptions } from "./server/options.ts";
export type { WebServer } from "./server/attachable.ts";
export { type SendOptions, type TerminateOptions, WebSocketConnection } from "./server/websocket-connection.ts";
export { type BroadcastOptions, WebSocketServer } from "./server/websocket-server.ts";
