import { Deadline } from "../../util/deadline.ts";

/** What is checked while a connection closes. */
export interface ClosingConnection {
  /** Bytes that wait for the peer. */
  readonly bufferedAmount: number;
  /** What the peer's close frame said, once it was read. */
  readonly peerClose: unknown;
  /** The peer did not answer, or did not close its side, in time. */
  onCloseTimeout(): void;
}

/**
 * Limits how long a connection may take to close: `ms` milliseconds. While data from before the close frame still waits, it
 * may take until `sendDeadline`, a time of `performance.now()`.
 */
export class CloseTimer {
  readonly #connection: ClosingConnection;
  readonly #sendDeadline: number;
  readonly #deadline: Deadline;
  /** Whether everything had been sent at the last check. */
  #sent: boolean;

  constructor(connection: ClosingConnection, ms: number, sendDeadline: number) {
    this.#connection = connection;
    this.#sendDeadline = sendDeadline;
    this.#sent = connection.bufferedAmount === 0;
    this.#deadline = new Deadline(
      ms,
      () => this.#onExpired(),
      () => connection.peerClose,
    );
  }

  /** The connection is closed. */
  stop(): void {
    this.#deadline.stop();
  }

  #onExpired(): void {
    const sentBefore = this.#sent;
    this.#sent = this.#connection.bufferedAmount === 0;
    // The peer's time to answer starts when it has received what was sent before.
    if (!(sentBefore && this.#sent) && performance.now() < this.#sendDeadline) this.#deadline.start();
    else this.#connection.onCloseTimeout();
  }
}
