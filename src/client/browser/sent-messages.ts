import type { MessageCounters } from "../../connection/counters/message-counters.ts";
import { Fifo } from "../../util/fifo.ts";

/** Milliseconds between two looks at `bufferedAmount`: the platform has no event for it. */
const LOOK_EVERY = 50;

/** What became of the messages that were handed to a platform's socket, which tells only how many bytes wait. */
export class SentMessages {
  readonly #bufferedAmount: () => number;
  /** For each message that waits: the number of bytes that were sent with it and before it. */
  readonly #ends = new Fifo<number>();
  #bytes = 0;
  #written = 0;
  #dropped = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param bufferedAmount the bytes that wait now */
  constructor(bufferedAmount: () => number) {
    this.#bufferedAmount = bufferedAmount;
  }

  get counters(): MessageCounters {
    this.#update();
    const pending = this.#ends.length;
    const [written, dropped] = [this.#written, this.#dropped];
    return { accepted: written + dropped + pending, written, dropped, pending };
  }

  /** A message was handed to the socket. */
  add(size: number): void {
    this.#bytes += size;
    this.#ends.push(this.#bytes);
    this.#update();
  }

  /** A message was dropped. */
  drop(): void {
    this.#dropped++;
  }

  /** Calls `then` when no more than `highWaterMark` bytes wait. A later call replaces it. */
  watch(highWaterMark: number, then: () => void): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      if (this.#bufferedAmount() > highWaterMark) return;
      clearInterval(this.#timer);
      then();
    }, LOOK_EVERY);
  }

  /** The socket is gone: what waits is lost. */
  end(): void {
    clearInterval(this.#timer);
    this.#update();
    this.#dropped += this.#ends.length;
    this.#ends.clear();
  }

  #update(): void {
    const left = this.#bytes - this.#bufferedAmount();
    for (let { first } = this.#ends; first !== undefined && first <= left; { first } = this.#ends) {
      this.#ends.shift();
      this.#written++;
    }
  }
}
