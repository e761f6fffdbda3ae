import { clientOf } from "../handshake/forwarded-address.ts";

/** Counts clients by address; with IPv6, by /64. Clients without a known address are not counted. */
export class AddressCounts {
  readonly #counts = new Map<string, number>();

  /** How many clients have this address. */
  count(address: string): number {
    const client = clientOf(address);
    return client === undefined ? 0 : (this.#counts.get(client) ?? 0);
  }

  /** Counts a client. */
  add(address: string): void {
    this.#add(address, 1);
  }

  /** No longer counts a client. */
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
