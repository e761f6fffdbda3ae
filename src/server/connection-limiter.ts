import type { Place } from "../connection/connection-owner.ts";
import type { LimitCounters } from "./limit-counters.ts";
import { TokenBucket } from "../util/token-bucket.ts";
import { Refusal } from "../handshake/refusal.ts";
import type { ReceivedRequest } from "../handshake/request.ts";
import { AddressCounts, type CountedAddress } from "./address-counts.ts";

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
  /** Counts the refused clients. */
  readonly limitCounters: LimitCounters;
}

/** The clients that a server has now. */
export interface ClientPlaces {
  /** Connections, closed ones included until their handler has finished. */
  readonly size: number;
  /** Clients that wait for `onConnection`. */
  readonly pendingCount: number;
  /**
   * Whether one more handshake can get a place. Nothing is changed.
   *
   * @param ownHandshakes how many handshakes of the new client's address wait
   */
  hasPlaceFor(ownHandshakes: () => number): boolean;
  /** Frees a place for one more handshake, if all are taken: another client may lose its place. Returns false when there is none. */
  freePlaceFor(ownHandshakes: () => number): boolean;
}

/** Seconds after which a client with too many connections from its address may retry. */
const RETRY_AFTER = "1";

/** Refuses clients above the limits: in total, from one address, at the same time, in a second. */
export class ConnectionLimiter {
  readonly #limits: ConnectionLimits;
  readonly #places: ClientPlaces;
  readonly #rate: TokenBucket | undefined;
  readonly #addresses = new AddressCounts();

  constructor(limits: ConnectionLimits, places: ClientPlaces) {
    this.#limits = limits;
    this.#places = places;
    const { maxHandshakesPerSecond } = limits;
    if (maxHandshakesPerSecond !== Infinity) this.#rate = new TokenBucket(maxHandshakesPerSecond, performance.now());
  }

  /** Why no client at all is accepted now; undefined: one may be. No other client loses its place: this one may still be refused. */
  checkCapacity(address: () => string): Refusal | undefined {
    const { maxConnections, limitCounters } = this.#limits;
    const { size, pendingCount } = this.#places;
    if (size + pendingCount >= maxConnections) {
      limitCounters.maxConnections++;
      return busy();
    }
    const hasPlace = this.#places.hasPlaceFor(() => this.#addresses.handshakesOf(address()));
    return hasPlace ? undefined : this.#noPlace();
  }

  /**
   * Gives a client a place, or says why it gets none. Undefined: it has reset its connection. The address is read now, because a
   * socket that is reset later no longer knows it.
   */
  admit(request: ReceivedRequest): CountedAddress | Refusal | undefined {
    const { remoteAddress } = request;
    // Without its address it would not be counted, and no answer can reach it.
    if (remoteAddress === "" && request.isGone) return undefined;
    const address = this.#addresses.add(remoteAddress);
    // Last: another client may lose its place, so only a client that nothing else refuses may cause that.
    const refusal = this.#refusalByAddress(address) ?? this.#refusalByRate() ?? this.#refusalByPlaces(address);
    if (refusal === undefined) return address;
    this.release(address);
    return refusal;
  }

  /** Keeps the place of a client whose handshake is done. */
  keep(address: CountedAddress): void {
    this.#addresses.addPlace(address);
  }

  /** Takes a client's place back. */
  release(address: Place): void {
    this.#addresses.removePlace(address);
  }

  #refusalByAddress({ name, places }: CountedAddress): Refusal | undefined {
    if (name === undefined || places <= this.#limits.maxConnectionsPerAddress) return undefined;
    this.#limits.limitCounters.maxConnectionsPerAddress++;
    return tooManyFromAddress();
  }

  #refusalByPlaces(address: CountedAddress): Refusal | undefined {
    return this.#places.freePlaceFor(() => address.handshakes) ? undefined : this.#noPlace();
  }

  #noPlace(): Refusal {
    this.#limits.limitCounters.maxHandshakes++;
    return busy();
  }

  /** Checked after the address, so that a handshake that is refused for another reason does not count. */
  #refusalByRate(): Refusal | undefined {
    if (this.#rate === undefined) return undefined;
    const wait = this.#rate.take(1, performance.now());
    if (wait === 0) return undefined;
    this.#rate.refund(1);
    this.#limits.limitCounters.maxHandshakesPerSecond++;
    return busy(Math.max(1, Math.ceil(wait / 1000)));
  }
}

/** The refusal of a client above the limit of its address. */
export function tooManyFromAddress(): Refusal {
  return new Refusal(429, "There are too many connections from your address.", { "Retry-After": RETRY_AFTER }, "limit");
}

/** The refusal of a client above a limit of the server. */
export function busy(seconds = 1): Refusal {
  return new Refusal(503, "The server is busy.", { "Retry-After": String(seconds) }, "limit");
}
