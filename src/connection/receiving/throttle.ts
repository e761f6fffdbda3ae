import { Bucket } from "./bucket.ts";
import type { ReceivingSettings } from "./settings.ts";

/** The settings of a throttle. */
export type Rates = Pick<ReceivingSettings, "maxMessagesPerSecond" | "maxBytesPerSecond">;

/** Which of the rates was passed, and for how long. */
export interface Excess {
  /** The option. */
  readonly limit: keyof Rates;
  /** Milliseconds until the rate is kept again. */
  readonly wait: number;
}

/** How fast one peer may send. Only connections of servers that limit it have one. */
export class Throttle {
  readonly #messages: Bucket;
  readonly #bytes: Bucket;
  /** Messages since the last `charge`. */
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param now milliseconds of a clock that never goes back */
  constructor({ maxMessagesPerSecond, maxBytesPerSecond }: Rates, now: number) {
    this.#messages = new Bucket(maxMessagesPerSecond, now);
    this.#bytes = new Bucket(maxBytesPerSecond, now);
  }

  /** True while the peer has to wait. */
  get waiting(): boolean {
    return this.#timer !== undefined;
  }

  /** A message came. */
  message(): void {
    this.#count++;
  }

  /** Charges what came since the last call. Returns what was too much, if something was. */
  charge(bytes: number, now: number): Excess | undefined {
    const messages = this.#messages.take(this.#count, now);
    const wait = Math.max(messages, this.#bytes.take(bytes, now));
    this.#count = 0;
    if (wait === 0) return undefined;
    return { limit: messages === wait ? "maxMessagesPerSecond" : "maxBytesPerSecond", wait };
  }

  /** Calls `then` in `ms` milliseconds. */
  wait(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      then();
    }, ms);
  }

  /** Waits no more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
