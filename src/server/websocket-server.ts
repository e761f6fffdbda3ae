import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { readOnce } from "../connection/sending/blob-queue.ts";
import type { Connection } from "../connection/connection.ts";
import type { DataType } from "../connection/receiving/decode.ts";
import { type Message, payloadOf } from "../connection/sending/payload.ts";
import { SendResult } from "../connection/sending/sender.ts";
import { textFrame } from "../connection/sending/text-frames.ts";
import { InvalidArgumentError, OutOfRangeError } from "../errors/errors.ts";
import { type Bytes, asBytes } from "../protocol/bytes.ts";
import { Opcode } from "../protocol/opcodes.ts";
import { FIN, serializeFrame } from "../protocol/frame-encoder.ts";
import { checkServerHandler } from "./pending-handshake.ts";
import { Connections } from "./connections.ts";
import { ServerCore } from "./core.ts";
import type { ServerCounters } from "./server-counters.ts";
import type { HandlerOf, WSHandler } from "./handlers.ts";
import type { WebSocketServerOptions } from "./options.ts";
import type { ConnectionRegistry } from "./connection-registry.ts";
import { ServerDispatcher } from "./server-dispatcher.ts";
import { readOptions } from "./settings.ts";
import { WebSocketConnection, connectionOf, keyOf } from "./websocket-connection.ts";

/** Whom `broadcast` leaves out, and what else is to be known of the message. */
export interface BroadcastOptions {
  /** One connection, or several. */
  readonly except?: WebSocketConnection | Iterable<WebSocketConnection> | undefined;
  /** Under `sendQueuePolicy: "latest"`, what the message is the latest of. */
  readonly key?: string | undefined;
}

// `S` is only an object here: were it a `WSHandler`, inline handlers would get its `event.data`, not that of `T`.
/**
 * A WebSocket server: 4D's `WebSocketServer`. Creating it starts it.
 *
 * @example
 * class Chat {
 *   onConnection() { return new Member(); }
 * }
 * class Member {
 *   onMessage(ws: WebSocketConnection<Member>, event: WSMessageEvent) { ws.wss.broadcast(event.data, { except: ws }); }
 * }
 * const wss = new WebSocketServer(new Chat(), { port: 8080 });
 */
export class WebSocketServer<S extends object = object, T extends DataType = "text"> {
  readonly #connections: Connections<WebSocketConnection<HandlerOf<S>>>;
  readonly #dataType: DataType;
  readonly #handler: S;
  readonly #core: ServerCore;

  /**
   * Creates and starts a server. With `server` it attaches to a web server of yours, with `port` it listens itself,
   * with neither it waits for `handleUpgrade`.
   *
   * @throws {InvalidArgumentError} for a handler without `onConnection` or an option of a wrong type; it names which
   * @throws {OutOfRangeError} for a number out of range
   */
  constructor(handler: S & WSHandler<T>, options: WebSocketServerOptions<T> = {}) {
    checkServerHandler(handler);
    const settings = readOptions(options);
    const self = this as unknown as WebSocketServer;
    this.#handler = handler;
    this.#dataType = settings.dataType;
    const caller = new ServerDispatcher(handler, self);
    this.#core = new ServerCore(
      settings,
      caller,
      (core, id, protocol) => new WebSocketConnection(core, self as WebSocketConnection["wss"], id, protocol),
    );
    this.#connections = new Connections(
      this.#core.roster as unknown as ConnectionRegistry<WebSocketConnection<HandlerOf<S>>>,
    );
  }

  /** All connections now handled: a live collection. */
  get connections(): Connections<WebSocketConnection<HandlerOf<S>>> {
    return this.#connections;
  }

  /** What `onMessage` is handed. */
  get dataType(): DataType {
    return this.#dataType;
  }

  /** The handler given to the constructor. */
  get handler(): S {
    return this.#handler;
  }

  /** The path that reaches this server; undefined: every WebSocket request. */
  get path(): string | undefined {
    return this.#core.path;
  }

  /** True once the server is closed. */
  get terminated(): boolean {
    return this.#core.terminated;
  }

  /** What was counted since the server was made: a snapshot. It asks each connection. */
  get counters(): ServerCounters {
    return this.#core.counters;
  }

  /** Where its web server listens, as `net.Server.address()` tells it; null when it does not. */
  address(): AddressInfo | string | null {
    return this.#core.address();
  }

  /**
   * Takes an upgrade request that you were handed, e.g. by a framework. Answers 404 when it is for another path.
   *
   * @param head the bytes that came in behind the request; they are unmasked in place
   * @throws {InvalidArgumentError} when the socket has been handed over before
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    this.#core.handleUpgrade(
      request,
      socket,
      asBytes(Buffer.from(head.buffer as ArrayBuffer, head.byteOffset, head.byteLength)),
    );
  }

  /**
   * Sends a message to all connections. It is encoded once, whatever their number.
   *
   * @returns how many took it: who is closing does not, nor a slow one whose queue is full
   * @throws {InvalidArgumentError} for what `send` does not take either
   * @example
   * ws.wss.broadcast(`${name} has joined`, { except: ws });
   */
  broadcast(message: Message, options: BroadcastOptions = {}): number {
    const payload = payloadOf(message);
    const left = exceptions(options);
    const send = senderOf(payload, keyOf("broadcast", options));
    let sent = 0;
    for (const connection of this.#core.roster.list) {
      if (connection.status !== "Connected" || left(connection)) continue;
      if (send(connectionOf(connection)) !== SendResult.dropped) sent++;
    }
    return sent;
  }

  /**
   * Closes the server: no one new is let in (HTTP 503 with `Retry-After`), every connection gets a close frame with 1001
   * behind what was sent before it, its socket is destroyed when the peer has answered. Many are closed in batches
   * (`closeBatchSize`) within the first half of the time, and go on until it is their turn. A web server of yours goes on.
   *
   * @param timeout **seconds** until what is left is destroyed. 0: everything at once, with no close frames. Default:
   *   the option `closeTimeout`
   * @returns settles after `onTerminate`, which follows every connection's own
   * @throws {InvalidArgumentError} for a timeout that is no number
   * @throws {OutOfRangeError} for a negative one
   */
  terminate(timeout?: number): Promise<void> {
    if (timeout !== undefined && typeof timeout !== "number")
      throw new InvalidArgumentError("terminate: timeout: expected a number of seconds");
    if (timeout !== undefined && !(timeout >= 0 && timeout <= MAX_SECONDS)) {
      throw new OutOfRangeError(
        `terminate: timeout: expected 0 to ${String(MAX_SECONDS)} seconds, got ${String(timeout)}`,
      );
    }
    return this.#core.terminate(timeout);
  }
}

/** What Node's timers can wait for, in seconds: 24 days. */
const MAX_SECONDS = 2_147_483;

/** What sends a message to one connection after the other: made once, or read once, for all. */
function senderOf(payload: string | Bytes | Blob, key: string | undefined): (to: Connection) => SendResult {
  if (payload instanceof Blob) {
    const shared = readOnce(payload);
    return (to) => to.send(shared, key);
  }
  const frame = typeof payload === "string" ? textFrame(payload) : serializeFrame(Opcode.binary | FIN, payload);
  return (to) => to.sendShared(frame, payload, key);
}

function exceptions(options: BroadcastOptions): (connection: WebSocketConnection) => boolean {
  if (typeof options !== "object" || (options as unknown) === null) {
    throw new InvalidArgumentError("broadcast: options: expected an object");
  }
  const { except } = options;
  if (except === undefined || (except as unknown) === null) return () => false;
  if (except instanceof WebSocketConnection) return (connection) => connection === except;
  if (typeof except !== "object" || typeof except[Symbol.iterator] !== "function") {
    throw new InvalidArgumentError("broadcast: except: expected a connection, or several in a list");
  }
  const all = new Set(except);
  return (connection) => all.has(connection);
}
