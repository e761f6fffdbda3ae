import { TokenBucket } from "../../util/token-bucket.ts";
import type { ReceivingSettings } from "./settings.ts";

/** The settings of a throttle. */
export type RateLimits = Pick<
  ReceivingSettings,
  "maxMessagesPerSecond" | "maxBytesPerSecond" | "ratePolicy" | "limitCounters"
>;

/** How fast one peer may send. Only connections of servers that limit it have one. */
export class RateLimiter {
  readonly #settings: RateLimits;
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;
  #timer: NodeJS.Timeout | undefined;
  #resting: { readonly timer: NodeJS.Timeout; readonly over: () => void } | undefined;
  #stopped = false;

  /** @param now milliseconds of a clock that never goes back */
  constructor(settings: RateLimits, now: number) {
    this.#settings = settings;
    this.#messages = new TokenBucket(settings.maxMessagesPerSecond, now);
    this.#bytes = new TokenBucket(settings.maxBytesPerSecond, now);
  }

  /** True while nothing is to be read. */
  get isDelaying(): boolean {
    return this.#timer !== undefined;
  }

  /** A message came. Returns whether it may, under the policy "close". */
  admitMessage(now: number): boolean {
    return this.#settings.ratePolicy !== "close" || this.#messages.take(1, now) === 0;
  }

  /** So many bytes were read. Returns for how many milliseconds none should be, until their rate is kept again. */
  takeBytes(bytes: number, now: number): number {
    return this.#bytes.take(bytes, now);
  }

  /** Whether a message may be delivered now, under the policy "pause"; where not, settles when that may be asked again. */
  messageDelay(now: number): Promise<void> | undefined {
    if (this.#stopped || this.#settings.ratePolicy !== "pause") return undefined;
    const wait = this.#messages.take(1, now);
    if (wait === 0) return undefined;
    this.#messages.giveBack(1);
    this.#settings.limitCounters.maxMessagesPerSecond++;
    return new Promise((over) => {
      this.#resting = { timer: setTimeout(over, wait), over };
    });
  }

  /** Calls `then` in `ms` milliseconds. */
  delayReading(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      then();
    }, ms);
  }

  /** The peer is gone: what has come is delivered without a rest. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    clearTimeout(this.#resting?.timer);
    this.#resting?.over();
    this.#resting = undefined;
  }
}
