import type { Connection } from "../connection/connection.ts";
import type { WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { CountedAddress } from "./address-counts.ts";
import { ConnectionLimiter, type ConnectionLimits, busy } from "./connection-limiter.ts";
import { Registry } from "../util/registry.ts";
import { HeldSockets } from "./held-sockets.ts";
import type { PendingHandshake } from "./pending-handshake.ts";
import { ServerTopics } from "./server-topics.ts";
import type { TopicReporter, TopicSettings } from "./topic-settings.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** All clients of a server: its connections, and those that wait for `onConnection`. It counts them for the limits. */
export class ServerClients {
  /** The connections of `wss.connections`. */
  readonly connections = new Registry<WebSocketConnection>();
  /** Closed connections whose handler's last callback has not settled yet. */
  readonly finishing = new Set<Connection>();
  /** Clients that wait for `onConnection`. */
  readonly pending = new Set<PendingHandshake>();
  /** Promises of `onConnection` that are awaited, also of clients that were refused meanwhile. */
  readonly pendingCalls = new Set<PendingHandshake>();
  /** Sockets that are held, and that are no clients. */
  readonly held: HeldSockets;
  /** Refuses clients above the limits. */
  readonly limiter: ConnectionLimiter;

  /** The topics to which the connections have subscribed. */
  readonly topics: ServerTopics;

  constructor(limits: ConnectionLimits & TopicSettings, dispatcher: TopicReporter) {
    this.topics = new ServerTopics(limits, dispatcher, this.connections);
    this.held = new HeldSockets(limits, this.pending);
    this.limiter = new ConnectionLimiter(limits, this);
  }

  /** How many connections there are, closed ones included until their handler has finished. */
  get size(): number {
    return this.connections.size + this.finishing.size;
  }

  /** All of them. They may come and go during an iteration. */
  *values(): Generator<WebSocketConnection, undefined> {
    const open = this.connections.values();
    for (let next = open.next(); next.done !== true; next = open.next()) yield next.value;
    for (const { publicConnection } of this.finishing) yield publicConnection as WebSocketConnection;
  }

  /** How many clients wait for `onConnection`. */
  get pendingCount(): number {
    return this.pending.size;
  }

  /** Whether there is a place for one more handshake, or another client would lose its place for it. Nobody loses it here. */
  hasPlaceFor(ownHandshakes: () => number): boolean {
    return this.held.canMakePlace() || this.#handshakeToRefuse(ownHandshakes) !== undefined;
  }

  /** Frees a place for one more handshake. When handshakes have all places, the one that `hasPlaceFor` has found is refused. */
  freePlaceFor(ownHandshakes: () => number): boolean {
    const { held } = this;
    if (held.makePlace()) return true;
    const handshake = this.#handshakeToRefuse(ownHandshakes);
    if (handshake === undefined) return false;
    handshake.refuse(busy());
    // The refused client must not keep the place by its answer. This is counted.
    return held.makePlace();
  }

  /** The oldest handshake of an address with more than its share, for an address with less than its share. */
  #handshakeToRefuse(ownHandshakes: () => number): PendingHandshake | undefined {
    const { share } = this.held;
    if (ownHandshakes() >= share) return undefined;
    for (const handshake of this.pending) if (handshake.address.handshakes > share) return handshake;
    return undefined;
  }

  /** Adds a client that waits for `onConnection`. */
  addPending(handshake: PendingHandshake): void {
    this.pending.add(handshake);
    handshake.address.handshakes++;
  }

  /** Removes a client that has its answer. */
  removePending(handshake: PendingHandshake): void {
    if (!this.pending.delete(handshake)) return;
    handshake.address.handshakes--;
    this.limiter.release(handshake.address);
  }

  /** Adds a connection. */
  addConnection(connection: Connection, address: CountedAddress): void {
    connection.place = address;
    this.connections.add(connection.publicConnection as WebSocketConnection);
    this.limiter.keep(address);
  }

  /** Adds a connection whose client had gone before it could open. It keeps a place until its handler has finished. */
  addClosed(connection: Connection, address: CountedAddress): void {
    connection.place = address;
    this.limiter.keep(address);
    this.finishing.add(connection);
  }

  /** Removes a connection that is closed, also from its topics. It is `finishing`, and keeps its place, until its handler has finished. */
  removeConnection(connection: Connection, event: WSTerminateEvent): void {
    const ws = connection.publicConnection as WebSocketConnection;
    this.connections.remove(ws);
    this.topics.leaveAll(ws, event);
    this.finishing.add(connection);
  }

  /** The handler of a closed connection has finished: its place, and that of its address, are free. */
  removeFinished(connection: Connection): void {
    if (this.finishing.delete(connection) && connection.place !== undefined) this.limiter.release(connection.place);
  }
}
