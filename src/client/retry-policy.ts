import { MAX_TIMEOUT } from "../util/number-range.ts";
import { MIN_DELAY, delayBeforeDial } from "./backoff.ts";
import type { Ending } from "./losses.ts";
import type { ClientSettings } from "./settings.ts";
import { type Loss, verdictOf } from "./verdict.ts";

/** Decides after each loss whether a client connects again, and when. It remembers the losses since the last stable connection. */
export class RetryPolicy {
  readonly #settings: Pick<ClientSettings, "reconnect" | "hasProvider" | "random">;
  #lastLoss: Loss | undefined;
  /** A 401 came since the last connection: the next one is final. */
  #wasUnauthorized = false;
  /** Fresh credentials are tried at once. */
  #dialsAtOnce = false;
  #attempt = 0;
  /** As `attempt`, but a page that is shown again begins anew: the delays are short again. */
  #failures = 0;

  constructor(settings: Pick<ClientSettings, "reconnect" | "hasProvider" | "random">) {
    this.#settings = settings;
  }

  /** The last loss; undefined: there was none since the last connection. */
  get lastLoss(): Loss | undefined {
    return this.#lastLoss;
  }

  /** The dials in a row that followed a failure. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Notes a connection. */
  onOpened(): void {
    this.#lastLoss = undefined;
    this.#wasUnauthorized = false;
  }

  /** Notes a loss. Returns what the table says: whether to connect again, or after this many milliseconds. */
  onLoss(loss: Loss): boolean | number {
    const { reconnect, hasProvider } = this.#settings;
    const retryCodes = reconnect?.retryCodes ?? [];
    const verdict = verdictOf(loss, { retryCodes, hasProvider, wasUnauthorized: this.#wasUnauthorized });
    this.#lastLoss = loss;
    this.#wasUnauthorized ||= loss.status === 401;
    this.#dialsAtOnce = verdict === "now";
    return verdict === "now" ? 0 : verdict === "retry";
  }

  /** Begins the delays anew. The attempts are counted on. */
  shortenDelays(): void {
    this.#failures = 0;
  }

  /** Begins anew: the connection was stable, or the application wants to dial now. */
  reset(): void {
    this.#failures = this.#attempt = 0;
    this.#wasUnauthorized = false;
  }

  /**
   * Counts a dial that follows, and says when.
   *
   * @param answer true, or the milliseconds that the application or the table want
   * @param isHidden whether the page is hidden: then nothing is urgent
   * @returns milliseconds; undefined: as many dials have failed as may
   */
  nextDelay(answer: unknown, { end, status, hint }: Ending, isHidden: boolean): number | undefined {
    const { reconnect, random } = this.#settings;
    if (reconnect === undefined || this.#attempt >= reconnect.maxAttempts) return undefined;
    this.#attempt++;
    this.#failures++;
    if (typeof answer === "number" && !Number.isNaN(answer)) {
      // A function that always answers 0 must not dial without a pause.
      const least = this.#failures > 1 && !this.#dialsAtOnce ? MIN_DELAY : 0;
      return Math.min(Math.max(least, answer), MAX_TIMEOUT);
    }
    const { maxDelay } = reconnect;
    const range = isHidden ? { baseDelay: maxDelay, maxDelay } : reconnect;
    return delayBeforeDial({ failures: this.#failures, code: end.code, status, hint }, range, random());
  }
}
