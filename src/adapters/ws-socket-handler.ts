import type { IncomingMessage } from "node:http";

import type { WSErrorEvent, WSMessageEvent, WSTerminateEvent } from "../connection/dispatch/events.ts";
import { InvalidArgumentError, hasCode } from "../errors/errors.ts";
import type { ErrorCode } from "../errors/table.ts";
import type { WSConnectionEvent } from "../server/connection-event.ts";
import { ListenerWork } from "./listener-work.ts";
import type { AnyConnection } from "./read-hold.ts";
import { WsSocket, deliverMessage } from "./ws-socket.ts";

/** Called with the socket of a client when its connection is open, and the request of its handshake. */
export type SocketListener = (socket: WsSocket, request: IncomingMessage) => unknown;

/** Ends that a socket of `ws` reports only by `"close"` with 1006. */
const LOSSES: readonly ErrorCode[] = ["HWS_STREAM_FAILED", "HWS_PEER_SILENT"];

/** A connection's handler that gives the connection as a `WsSocket` to a listener, and emits what comes. */
export class SocketHandler {
  #request: IncomingMessage | undefined;
  readonly #onSocket: SocketListener;
  #socket: WsSocket | undefined;
  #work: ListenerWork | undefined;
  /** What `"error"` was emitted with. */
  #error: unknown;

  constructor(request: IncomingMessage, onSocket: SocketListener) {
    this.#request = request;
    this.#onSocket = onSocket;
  }

  /** The socket; undefined until the connection is open. */
  get socket(): WsSocket | undefined {
    return this.#socket;
  }

  /** The connection is open: calls the listener. */
  onOpen(connection: AnyConnection): void {
    if (connection.wss.dataType !== "auto")
      throw new InvalidArgumentError('socketHandler: the server needs the option dataType: "auto"');
    const request = this.#request;
    // The library does not keep it after the handshake.
    this.#request = undefined;
    const socket = (this.#socket = this.createSocket(connection));
    const result = request && this.#onSocket(socket, request);
    // It is not awaited: a listener that reads messages would wait for messages that wait for it.
    this.#work = ListenerWork.of(connection, result, () => this.#error);
  }

  /** Emits `"message"`. */
  onMessage(_connection: AnyConnection, { data }: WSMessageEvent<string | Buffer>): void | Promise<void> {
    return this.#socket && deliverMessage(this.#socket, data);
  }

  /** Emits `"error"`. Without a listener there is no such callback: then the server's is called, and the process is not ended. */
  get onError(): (connection: AnyConnection, event: WSErrorEvent) => void {
    const hasListener = this.#socket !== undefined && this.#socket.listenerCount("error") > 0;
    // The type of a handler knows only callbacks that are always there.
    return (hasListener ? this.#emitError : undefined) as typeof this.onError;
  }

  /** Emits `"close"`. */
  onTerminate(_connection: AnyConnection, { code, reason }: WSTerminateEvent): void | Promise<void> {
    this.#socket?.emit("close", code, Buffer.from(reason ?? ""));
    return this.#work?.settle();
  }

  /**
   * Makes the socket.
   *
   * @internal
   */
  protected createSocket(connection: AnyConnection): WsSocket {
    return new WsSocket(connection);
  }

  #emitError(_connection: AnyConnection, { errors }: WSErrorEvent): void {
    const { cause } = errors[0];
    this.#error = cause;
    if (!LOSSES.some((code) => hasCode(cause, code))) this.#socket?.emit("error", cause);
  }
}

/**
 * Makes the handler of a connection for a library that takes sockets of the package `ws`. The server needs the option
 * `dataType: "auto"`.
 *
 * @param event that of `onConnection`
 * @param onSocket called when the connection is open. What it throws closes the connection with 1011
 * @returns what `onConnection` returns
 * @throws {InvalidArgumentError} when `onSocket` is no function
 * @example
 * new WebSocketServer(
 *   { onConnection: (_wss, event) => socketHandler(event, (socket, request) => hocuspocus.handleConnection(socket, request)) },
 *   { port: 8080, dataType: "auto" },
 * );
 */
export function socketHandler(event: WSConnectionEvent, onSocket: SocketListener): SocketHandler {
  if (typeof onSocket !== "function") throw new InvalidArgumentError("socketHandler: onSocket: expected a function");
  return new SocketHandler(event.request.raw, onSocket);
}
