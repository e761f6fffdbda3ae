/**
 * The entry point `hawser/client`: the client, on Node, Bun and Deno. Browsers get a build of their own.
 *
 * @module hawser/client
 */

export { HawserError, InvalidArgumentError, OutOfRangeError, ProtocolError } from "./errors/errors.ts";
export type { ErrorCode } from "./errors/table.ts";
export type {
  ErrorEntry,
  Initiator,
  WSDrainEvent,
  WSErrorEvent,
  WSMessageEvent,
  WSOpenEvent,
  WSTerminateEvent,
} from "./connection/dispatch/events.ts";
export type { WSMessageStartEvent } from "./connection/dispatch/message-start.ts";
export type { MessageCounters } from "./connection/counters/message-counters.ts";
export type { DataType } from "./connection/receiving/decode.ts";
export type { TerminateOptions } from "./connection/close-arguments.ts";
export type { SendOptions } from "./connection/sending/message-options.ts";
export type { Message } from "./connection/sending/outgoing-message.ts";
export type { SendQueuePolicy } from "./connection/sending/settings.ts";
export type { CompressionOptions } from "./compression/options.ts";
export { ConnectError } from "./client/connect-error.ts";
export type { ClientStatus } from "./client/lifecycle.ts";
export type { ClientSocket } from "./client/client-socket.ts";
export type { WSClientOpenEvent, WSReconnectedEvent, WSReconnectingEvent } from "./client/events.ts";
export type {
  ClientDataOf,
  ClientHandler,
  ClientHeaders,
  Dial,
  Provided,
  ReceivedFrom,
  SentBy,
  TakenBy,
} from "./client/handler.ts";
export type { ClientOptions, ConnectTarget, ProbeOptions, ReconnectOptions } from "./client/options.ts";
export type { CodeRange, DialStage, Loss } from "./client/verdict.ts";
export type { WaitingPolicy } from "./client/waiting-queue.ts";
export { type ClientOf, WebSocket } from "./client/node/websocket.ts";
