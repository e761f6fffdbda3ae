import { HawserError } from "../errors/errors.ts";
import type { LostCode } from "./failures.ts";

/** The ticks, of about a second, after which a call has failed: 4 to 5 s. With a heartbeat every 3 s, a stall is found within 8 s. */
export const MAX_TICKS = 5;

/** A call without an answer. */
interface PendingCall {
  readonly since: number;
  readonly fail: () => void;
}

/**
 * The calls on a connection that have no answer yet. Time is counted in ticks, so a stall of our own process is none of the server. A
 * client may leave its promises open for ever (ioredis 6.0): those of this class always settle.
 */
export class PendingCalls {
  readonly #calls = new Set<PendingCall>();
  #ticks = 0;
  #hasEnded = false;
  #onIdle: (() => void) | undefined;

  /** How many there are. */
  get size(): number {
    return this.#calls.size;
  }

  /**
   * Begins a call. It rejects with what `start` rejects with.
   *
   * @param lost what it rejects with if there is no answer
   */
  run<Answer>(lost: LostCode, start: () => Promise<Answer>): Promise<Answer> {
    if (this.#hasEnded) return Promise.reject(new HawserError("HWS_BACKPLANE_AWAY"));
    return new Promise((resolve, reject) => {
      const call = { since: this.#ticks, fail: () => reject(new HawserError(lost)) };
      this.#calls.add(call);
      const settle = (): void => {
        this.#calls.delete(call);
        if (this.#calls.size === 0) this.#onIdle?.();
      };
      attempt(start).then(
        (answer) => {
          settle();
          resolve(answer);
        },
        (error: unknown) => {
          settle();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  /** About a second has passed. Returns whether a call has waited too long. */
  tick(): boolean {
    this.#ticks++;
    const [oldest] = this.#calls;
    return oldest !== undefined && this.#ticks - oldest.since >= MAX_TICKS;
  }

  /** No answer will come. */
  end(): void {
    this.#hasEnded = true;
    for (const { fail } of this.#calls) fail();
    this.#calls.clear();
    this.#onIdle?.();
  }

  /** Settles when there is no call without an answer. It may be called once. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      if (this.#calls.size === 0) resolve();
    });
  }
}

/** A client may throw instead. */
function attempt<Answer>(start: () => Promise<Answer>): Promise<Answer> {
  return new Promise((resolve) => {
    resolve(start());
  });
}
