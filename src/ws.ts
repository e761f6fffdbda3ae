/**
 * The entry point `hawser/ws`: servers and sockets with the members of the package `ws` that libraries use.
 *
 * @module hawser/ws
 */

export type { AnyConnection } from "./adapters/read-hold.ts";
export type {
  WsCloseEvent,
  WsErrorEvent,
  WsEvent,
  WsEventListener,
  WsEventMap,
  WsMessageEvent,
} from "./adapters/ws-events.ts";
export type { WsSendCallback } from "./adapters/callback-send.ts";
export type { WsSendOptions } from "./adapters/ws-send.ts";
export { WsSocket, type WsSocketEvents } from "./adapters/ws-socket.ts";
export { type SocketHandler, type SocketListener, socketHandler } from "./adapters/ws-socket-handler.ts";
export {
  type HandleProtocols,
  type WsAnswer,
  WsServer,
  type WsServerEvents,
  type WsServerOptions,
  type WsServerSettings,
} from "./adapters/ws-server.ts";
