import { HawserError } from "../errors/errors.ts";
import { asError, startSafely } from "../util/attempt.ts";
import type { LostCode } from "./failures.ts";

/** The ticks, of about a second, after which a call has failed: 4 to 5 s. With a heartbeat every 3 s, a stall is found within 8 s. */
export const MAX_TICKS = 5;

/** A call without an answer. */
interface PendingCall {
  readonly since: number;
  /** What it fails with if there is no answer. */
  readonly lost: LostCode;
  readonly onError: (error: Error) => void;
}

/** What becomes of a call. */
export interface Outcome<Answer> {
  /** The answer has come. */
  readonly onAnswer: (answer: Answer) => void;
  /** It has failed, or there will be no answer. */
  readonly onError: (error: Error) => void;
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
    return new Promise((resolve, reject) => this.start(lost, start, { onAnswer: resolve, onError: reject }));
  }

  /** Begins a call as `run` does, without a promise: one of both functions is called, once. Each stored message is such a call. */
  start<Answer>(lost: LostCode, start: () => Promise<Answer>, { onAnswer, onError }: Outcome<Answer>): void {
    if (this.#hasEnded) return onError(new HawserError("HWS_BACKPLANE_AWAY"));
    const call: PendingCall = { since: this.#ticks, lost, onError };
    this.#calls.add(call);
    // A client may throw instead.
    startSafely(start).then(
      (answer) => {
        if (this.#settle(call)) onAnswer(answer);
      },
      (error: unknown) => {
        if (this.#settle(call)) onError(asError(error));
      },
    );
  }

  /** Returns false if the call has failed before. */
  #settle(call: PendingCall): boolean {
    const isPending = this.#calls.delete(call);
    if (this.#calls.size === 0) this.#onIdle?.();
    return isPending;
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
    const calls = [...this.#calls];
    this.#calls.clear();
    for (const { lost, onError } of calls) onError(new HawserError(lost));
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
