import { TokenBucket } from "../../util/token-bucket.ts";
import type { ReceivingSettings } from "./settings.ts";

/** The limits, and what happens beyond them. */
export type RateLimits = Pick<
  ReceivingSettings,
  "maxMessagesPerSecond" | "maxBytesPerSecond" | "ratePolicy" | "limitCounters"
>;

/** Limits how fast one peer may send. Only connections of servers with such a limit have one. */
export class RateLimiter {
  readonly #settings: RateLimits;
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;
  #timer: NodeJS.Timeout | undefined;
  /** When reading goes on. */
  #until = 0;
  #delay: { readonly timer: NodeJS.Timeout; readonly over: () => void } | undefined;
  #stopped = false;

  /** A limiter for one connection; undefined if no rate is limited. */
  static for(settings: RateLimits): RateLimiter | undefined {
    const { maxMessagesPerSecond, maxBytesPerSecond } = settings;
    const isLimited = maxMessagesPerSecond !== Infinity || maxBytesPerSecond !== Infinity;
    return isLimited ? new RateLimiter(settings, performance.now()) : undefined;
  }

  /** @param now milliseconds of a clock that never goes back */
  constructor(settings: RateLimits, now: number) {
    this.#settings = settings;
    this.#messages = new TokenBucket(settings.maxMessagesPerSecond, now);
    this.#bytes = new TokenBucket(settings.maxBytesPerSecond, now);
  }

  /** Whether reading is delayed now. */
  get isDelaying(): boolean {
    return this.#timer !== undefined;
  }

  /** Counts a message under the policy "close". Returns whether it is within the rate. */
  countMessage(now: number): boolean {
    return !this.closes || this.#messages.take(1, now) === 0;
  }

  /** Whether a connection that exceeds a rate must be closed. */
  get closes(): boolean {
    return this.#settings.ratePolicy === "close";
  }

  /** Counts a message that does not wait for its turn. Returns for how many milliseconds the messages exceed the rate. */
  takeMessage(now: number): number {
    return this.#messages.take(1, now);
  }

  /** Counts bytes that were read. Returns for how many milliseconds they exceed the rate. */
  takeBytes(bytes: number, now: number): number {
    return this.#bytes.take(bytes, now);
  }

  /** Under the policy "pause": undefined if a message may be delivered now; otherwise a promise that settles when to ask again. */
  messageDelay(now: number): Promise<void> | undefined {
    if (this.#stopped || this.closes) return undefined;
    const wait = this.#messages.take(1, now);
    if (wait === 0) return undefined;
    this.#messages.refund(1);
    this.#settings.limitCounters.maxMessagesPerSecond++;
    return new Promise((over) => {
      this.#delay = { timer: setTimeout(over, wait), over };
    });
  }

  /** Reading pauses because of a rate, and `then` is called in `ms` milliseconds, or when a longer pause is over. */
  delayReading(ms: number, rate: "maxMessagesPerSecond" | "maxBytesPerSecond", then: () => void): void {
    this.#settings.limitCounters[rate]++;
    const until = performance.now() + ms;
    // After the end of the connection no timer may keep the process running.
    if (this.#stopped || (this.#timer !== undefined && until <= this.#until)) return;
    this.#until = until;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      then();
    }, ms);
  }

  /** The connection is closed: the messages that were read are delivered without delay. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    clearTimeout(this.#delay?.timer);
    this.#delay?.over();
    this.#delay = undefined;
  }
}
