import type { PayloadReserve } from "../../src/protocol/payload-reserve.ts";

/** Allows up to `limit` bytes, and counts what is taken. It throws if more is given back than was taken. */
export class CountingReserve implements PayloadReserve {
  /** The bytes that are taken now. */
  taken = 0;
  /** The sizes that were asked for. */
  readonly asked: number[] = [];
  readonly #limit: number;

  /** @param limit the most bytes that may be taken at a time */
  constructor(limit = Infinity) {
    this.#limit = limit;
  }

  take(bytes: number): boolean {
    this.asked.push(bytes);
    if (this.taken + bytes > this.#limit) return false;
    this.taken += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    if (!(bytes > 0 && bytes <= this.taken)) throw new Error(`${bytes} of ${this.taken} bytes were given back`);
    this.taken -= bytes;
  }
}
