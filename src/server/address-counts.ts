import { ownText } from "../util/own-text.ts";
import type { Place } from "../connection/connection-owner.ts";
import { clientOf } from "../handshake/forwarded-address.ts";

/**
 * An address that has places: an IPv4 address, or the /64 of an IPv6 address. There is one object for each, and each client
 * keeps the object. So its place can be given back when the socket no longer knows the address.
 */
export interface CountedAddress extends Place {
  /** Those of them that wait for `onConnection`. */
  handshakes: number;
}

/** Counts clients by address; with IPv6, by /64. Clients without a known address have no limit. */
export class AddressCounts {
  readonly #byName = new Map<string, CountedAddress>();
  readonly #unknown: CountedAddress = { name: undefined, places: 0, handshakes: 0 };

  /** The number of addresses that have places. */
  get size(): number {
    return this.#byName.size;
  }

  /** How many clients of an address wait for `onConnection`. */
  handshakesOf(address: string): number {
    const name = clientOf(address);
    return (name === undefined ? this.#unknown : this.#byName.get(name))?.handshakes ?? 0;
  }

  /** Gives a client's address a place. */
  add(address: string): CountedAddress {
    // An IPv4 address that has places is a name itself: it need not be parsed again.
    const counted = this.#byName.get(address) ?? this.#find(address);
    this.addPlace(counted);
    return counted;
  }

  #find(address: string): CountedAddress {
    const name = clientOf(address);
    if (name === undefined) return this.#unknown;
    return this.#byName.get(name) ?? { name: ownText(name), places: 0, handshakes: 0 };
  }

  /** Gives an address one more place. */
  addPlace(address: CountedAddress): void {
    if (address.places++ === 0 && address.name !== undefined) this.#byName.set(address.name, address);
  }

  /** Takes a place back from an address. */
  removePlace(address: Place): void {
    if (--address.places === 0 && address.name !== undefined) this.#byName.delete(address.name);
  }
}
