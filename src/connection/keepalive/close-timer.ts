import { Deadline } from "../../util/deadline.ts";

/** What is looked at while a connection closes. */
export interface ClosingConnection {
  /** Bytes that wait for the peer. */
  readonly bufferedAmount: number;
  /** The peer's close frame, once it has come. */
  readonly peerClose: unknown;
  /** The peer has not answered, or has not closed its side, in time. */
  onCloseTimeout(): void;
}

/**
 * How long a closing connection is waited for: `ms` milliseconds, and before them, while something waits that was sent before
 * the close frame, until `until`, as `performance.now()` has it.
 */
export class CloseTimer {
  readonly #connection: ClosingConnection;
  readonly #until: number;
  readonly #deadline: Deadline;
  /** All was sent when that was last looked at. */
  #sent: boolean;

  constructor(who: ClosingConnection, ms: number, until: number) {
    this.#connection = who;
    this.#until = until;
    this.#sent = who.bufferedAmount === 0;
    this.#deadline = new Deadline(
      ms,
      () => this.#onExpired(),
      () => who.peerClose,
    );
  }

  /** The connection is gone. */
  stop(): void {
    this.#deadline.stop();
  }

  #onExpired(): void {
    const sentBefore = this.#sent;
    this.#sent = this.#connection.bufferedAmount === 0;
    // The peer's time to answer begins when it has got what was sent before.
    if (!(sentBefore && this.#sent) && performance.now() < this.#until) this.#deadline.start();
    else this.#connection.onCloseTimeout();
  }
}
