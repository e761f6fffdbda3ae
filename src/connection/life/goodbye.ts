import { Deadline } from "./deadline.ts";

/** What is looked at while a connection closes. */
export interface Leaving {
  /** Bytes that wait for the peer. */
  readonly bufferedAmount: number;
  /** The peer's close frame, once it has come. */
  readonly peerClose: unknown;
  /** The peer has not answered, or has not closed its side, in time. */
  tooLate(): void;
}

/**
 * How long a closing connection is waited for: `ms` milliseconds, and before them, while something waits that was sent before
 * the close frame, until `until`, as `performance.now()` has it.
 */
export class Goodbye {
  readonly #who: Leaving;
  readonly #until: number;
  readonly #deadline: Deadline;
  /** All was sent when that was last looked at. */
  #sent: boolean;

  constructor(who: Leaving, ms: number, until: number) {
    this.#who = who;
    this.#until = until;
    this.#sent = who.bufferedAmount === 0;
    this.#deadline = new Deadline(
      ms,
      () => this.#look(),
      () => who.peerClose,
    );
  }

  /** The connection is gone. */
  over(): void {
    this.#deadline.clear();
  }

  #look(): void {
    const sentBefore = this.#sent;
    this.#sent = this.#who.bufferedAmount === 0;
    // The peer's time to answer begins when it has got what was sent before.
    if (!(sentBefore && this.#sent) && performance.now() < this.#until) this.#deadline.start();
    else this.#who.tooLate();
  }
}
