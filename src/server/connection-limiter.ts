import type { LimitCounters } from "../connection/counters/limit-counters.ts";
import { TokenBucket } from "../util/token-bucket.ts";
import { Refusal } from "../handshake/refusal.ts";
import type { ConnectionRequest } from "../handshake/request.ts";
import { AddressCounts } from "./address-counts.ts";

/** The limits on who may come in. */
export interface ConnectionLimits {
  /** Connections in all. */
  readonly maxConnections: number;
  /** Connections from one address. */
  readonly maxConnectionsPerAddress: number;
  /** Clients that wait for `onConnection`. */
  readonly maxHandshakes: number;
  /** Handshakes in a second. */
  readonly maxHandshakesPerSecond: number;
  /** Whether addresses are those that proxies tell. */
  readonly forwarded: boolean;
  /** Counts who was turned away. */
  readonly limitCounters: LimitCounters;
}

/** One of those who are here. */
export interface Client {
  /** The address of who connected. A socket that was asked for it once knows it when it is closed, too. */
  readonly remoteAddress: string;
}

/** Who is here already. */
export interface ClientSource {
  /** Connections, open or not yet over. */
  readonly connectedCount: number;
  /** Clients that wait for `onConnection`. */
  readonly pendingCount: number;
  /** Each of them. */
  clients(): Iterable<Client>;
}

/** Seconds after which a client that was turned away at once may try again. */
const RETRY_AFTER = "1";

/** Lets in no more clients than there may be: in all, of one address, at a time, in a second. */
export class ConnectionLimiter {
  readonly #settings: ConnectionLimits;
  readonly #crowd: ClientSource;
  readonly #rate: TokenBucket | undefined;
  /** Made when there are enough clients for one address to have too many: to know one is a system call, and 400 bytes. */
  #addresses: AddressCounts | undefined;
  /** The addresses that the stream does not know: those that proxies have told, and of streams that are no sockets. */
  readonly #told = new Map<Client, string>();

  constructor(settings: ConnectionLimits, crowd: ClientSource) {
    this.#settings = settings;
    this.#crowd = crowd;
    const { maxHandshakesPerSecond } = settings;
    if (maxHandshakesPerSecond !== Infinity) this.#rate = new TokenBucket(maxHandshakesPerSecond, performance.now());
    // Whom a proxy names is not to be found out later.
    if (settings.forwarded && settings.maxConnectionsPerAddress !== Infinity) this.#addresses = new AddressCounts();
  }

  /** Why nobody is let in now, whoever asks. */
  refusal(): Refusal | undefined {
    const { maxConnections, maxHandshakes, limitCounters } = this.#settings;
    const { connectedCount: connected, pendingCount: asking } = this.#crowd;
    if (connected + asking >= maxConnections) {
      limitCounters.maxConnections++;
      return busy();
    }
    if (asking >= maxHandshakes) {
      limitCounters.maxHandshakes++;
      return busy();
    }
    return undefined;
  }

  /** Why this client is not let in. */
  refusalFor(request: ConnectionRequest): Refusal | undefined {
    const addresses = this.#count();
    if (addresses === undefined || addresses.count(request.remoteAddress) < this.#settings.maxConnectionsPerAddress)
      return this.#tooFast();
    this.#settings.limitCounters.maxConnectionsPerAddress++;
    return new Refusal(429, "There are too many connections from your address.", { "Retry-After": RETRY_AFTER });
  }

  /** A client comes in. */
  add(who: Client, request: ConnectionRequest): void {
    if (this.#addresses === undefined) return;
    const { remoteAddress } = request;
    this.#addresses.add(remoteAddress);
    if (who.remoteAddress !== remoteAddress) this.#told.set(who, remoteAddress);
  }

  /** A client goes. */
  remove(who: Client): void {
    if (this.#addresses === undefined) return;
    this.#addresses.remove(this.#told.get(who) ?? who.remoteAddress);
    this.#told.delete(who);
  }

  /** Looked at last: a handshake that is refused for another reason is none that the rate is spent on. */
  #tooFast(): Refusal | undefined {
    if (this.#rate === undefined) return undefined;
    const wait = this.#rate.take(1, performance.now());
    if (wait === 0) return undefined;
    this.#rate.giveBack(1);
    this.#settings.limitCounters.maxHandshakesPerSecond++;
    return busy(Math.max(1, Math.ceil(wait / 1000)));
  }

  #count(): AddressCounts | undefined {
    const { connectedCount: connected, pendingCount: asking } = this.#crowd;
    if (this.#addresses !== undefined || connected + asking < this.#settings.maxConnectionsPerAddress)
      return this.#addresses;
    this.#addresses = new AddressCounts();
    for (const { remoteAddress } of this.#crowd.clients()) this.#addresses.add(remoteAddress);
    return this.#addresses;
  }
}

function busy(seconds = 1): Refusal {
  return new Refusal(503, "The server is busy.", { "Retry-After": String(seconds) });
}
