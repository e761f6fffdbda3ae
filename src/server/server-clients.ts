import type { Connection } from "../connection/connection.ts";
import type { ConnectionRequest } from "../handshake/request.ts";
import { type Client, ConnectionLimiter, type ConnectionLimits } from "./connection-limiter.ts";
import { ConnectionRegistry } from "./connection-registry.ts";
import type { PendingHandshake } from "./pending-handshake.ts";
import { type WebSocketConnection, connectionOf } from "./websocket-connection.ts";

/** All clients of a server: its connections, and those that wait for `onConnection`. It counts them for the limits. */
export class ServerClients {
  /** The connections of `wss.connections`. */
  readonly connections = new ConnectionRegistry<WebSocketConnection>();
  /** Closed connections whose handler's last callback has not settled yet. */
  readonly finishing = new Set<Connection>();
  /** Clients that wait for `onConnection`. */
  readonly pending = new Set<PendingHandshake>();
  /** Refuses clients above the limits. */
  readonly limiter: ConnectionLimiter;

  constructor(limits: ConnectionLimits) {
    this.limiter = new ConnectionLimiter(limits, this);
  }

  /** How many connections there are, closed ones included until their handler has finished. */
  get connectedCount(): number {
    return this.connections.size + this.finishing.size;
  }

  /** How many clients wait for `onConnection`. */
  get pendingCount(): number {
    return this.pending.size;
  }

  /** Every client whose address counts. */
  *clients(): Iterable<Client> {
    for (const connection of this.connections.list) yield connectionOf(connection);
    yield* this.pending;
  }

  /** Adds a client that waits for `onConnection`. */
  addPending(handshake: PendingHandshake, request: ConnectionRequest): void {
    this.pending.add(handshake);
    this.limiter.add(handshake, request);
  }

  /** Removes a client that has its answer. */
  removePending(handshake: PendingHandshake): void {
    this.pending.delete(handshake);
    this.limiter.remove(handshake);
  }

  /** Adds a connection. */
  addConnection(connection: Connection, request: ConnectionRequest): void {
    this.connections.add(connection.publicConnection as WebSocketConnection);
    this.limiter.add(connection, request);
  }

  /** Removes a connection that is closed. It is `finishing` until its handler has finished. */
  removeConnection(connection: Connection): void {
    this.connections.remove(connection.publicConnection as WebSocketConnection);
    this.finishing.add(connection);
    this.limiter.remove(connection);
  }
}
