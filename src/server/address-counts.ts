import { clientOf } from "../handshake/forwarded-address.ts";

/** How many of those that are here come from each address; of IPv6, from each /64. One that is not known counts for nobody. */
export class AddressCounts {
  readonly #counts = new Map<string, number>();

  /** How many come from an address. */
  count(address: string): number {
    const client = clientOf(address);
    return client === undefined ? 0 : (this.#counts.get(client) ?? 0);
  }

  /** Somebody comes. */
  add(address: string): void {
    this.#add(address, 1);
  }

  /** Somebody goes. */
  remove(address: string): void {
    this.#add(address, -1);
  }

  #add(address: string, change: number): void {
    const client = clientOf(address);
    if (client === undefined) return;
    const count = (this.#counts.get(client) ?? 0) + change;
    if (count > 0) this.#counts.set(client, count);
    else this.#counts.delete(client);
  }
}
