import type { LimitCounters } from "./limit-counters.ts";
import { TokenBucket } from "../util/token-bucket.ts";
import { Refusal } from "../handshake/refusal.ts";
import type { ConnectionRequest } from "../handshake/request.ts";
import { AddressCounts } from "./address-counts.ts";

/** The limits on new clients. */
export interface ConnectionLimits {
  /** Connections in total. */
  readonly maxConnections: number;
  /** Connections from one address. */
  readonly maxConnectionsPerAddress: number;
  /** Clients that wait for `onConnection`. */
  readonly maxHandshakes: number;
  /** Handshakes in a second. */
  readonly maxHandshakesPerSecond: number;
  /** Whether clients' addresses are those that proxies report. */
  readonly forwarded: boolean;
  /** Counts the refused clients. */
  readonly limitCounters: LimitCounters;
}

/** A connection, or a client that wants one. */
export interface Client {
  /** The address of its socket. A socket that was asked for it once still knows it after it is closed. */
  readonly remoteAddress: string;
}

/** The clients that a server has now. */
export interface ClientSource {
  /** Connections that are open or closing. */
  readonly connectedCount: number;
  /** Clients that wait for `onConnection`. */
  readonly pendingCount: number;
  /** All of them. */
  clients(): Iterable<Client>;
}

/** Seconds after which a client with too many connections from its address may retry. */
const RETRY_AFTER = "1";

/** Refuses clients above the limits: in total, from one address, at the same time, in a second. */
export class ConnectionLimiter {
  readonly #limits: ConnectionLimits;
  readonly #source: ClientSource;
  readonly #rate: TokenBucket | undefined;
  /** Made when one address may reach its limit. Each address costs a system call and 400 bytes. */
  #addresses: AddressCounts | undefined;
  /** Addresses that the socket does not know: those reported by proxies, and those of streams that are not sockets. */
  readonly #reported = new Map<Client, string>();

  constructor(limits: ConnectionLimits, source: ClientSource) {
    this.#limits = limits;
    this.#source = source;
    const { maxHandshakesPerSecond } = limits;
    if (maxHandshakesPerSecond !== Infinity) this.#rate = new TokenBucket(maxHandshakesPerSecond, performance.now());
    // An address that a proxy reports cannot be found out later, so these are counted from the beginning.
    if (limits.forwarded && limits.maxConnectionsPerAddress !== Infinity) this.#addresses = new AddressCounts();
  }

  /** Why no client at all is accepted now; undefined: one may be. */
  checkCapacity(): Refusal | undefined {
    const { maxConnections, maxHandshakes, limitCounters } = this.#limits;
    const { connectedCount, pendingCount } = this.#source;
    if (connectedCount + pendingCount >= maxConnections) {
      limitCounters.maxConnections++;
      return busy();
    }
    if (pendingCount >= maxHandshakes) {
      limitCounters.maxHandshakes++;
      return busy();
    }
    return undefined;
  }

  /** Why this client is not accepted; undefined: it may be. */
  checkClient(request: ConnectionRequest): Refusal | undefined {
    const addresses = this.#countAddresses();
    if (addresses === undefined || addresses.count(request.remoteAddress) < this.#limits.maxConnectionsPerAddress)
      return this.#refusalByRate();
    this.#limits.limitCounters.maxConnectionsPerAddress++;
    return new Refusal(429, "There are too many connections from your address.", { "Retry-After": RETRY_AFTER });
  }

  /** Counts a client. */
  add(client: Client, request: ConnectionRequest): void {
    if (this.#addresses === undefined) return;
    const { remoteAddress } = request;
    this.#addresses.add(remoteAddress);
    if (client.remoteAddress !== remoteAddress) this.#reported.set(client, remoteAddress);
  }

  /** No longer counts a client. */
  remove(client: Client): void {
    if (this.#addresses === undefined) return;
    this.#addresses.remove(this.#reported.get(client) ?? client.remoteAddress);
    this.#reported.delete(client);
  }

  /** Checked last, so that a handshake that is refused for another reason does not count. */
  #refusalByRate(): Refusal | undefined {
    if (this.#rate === undefined) return undefined;
    const wait = this.#rate.take(1, performance.now());
    if (wait === 0) return undefined;
    this.#rate.refund(1);
    this.#limits.limitCounters.maxHandshakesPerSecond++;
    return busy(Math.max(1, Math.ceil(wait / 1000)));
  }

  #countAddresses(): AddressCounts | undefined {
    const { connectedCount, pendingCount } = this.#source;
    if (this.#addresses !== undefined || connectedCount + pendingCount < this.#limits.maxConnectionsPerAddress)
      return this.#addresses;
    this.#addresses = new AddressCounts();
    for (const { remoteAddress } of this.#source.clients()) this.#addresses.add(remoteAddress);
    return this.#addresses;
  }
}

function busy(seconds = 1): Refusal {
  return new Refusal(503, "The server is busy.", { "Retry-After": String(seconds) });
}
