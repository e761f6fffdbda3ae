/** The bytes that wait at one connection. */
interface WaitingBytes {
  /** In its write buffer and its stream. */
  written: number;
  /** In the queues before these. */
  queued: number;
}

/**
 * Counts the bytes that wait for all slow peers of the process. Each queue may be below its own limit while all of them
 * together need too much memory. Only connections with a full stream are entered here: fast connections cost nothing, and
 * this limit does not apply to them.
 */
export class SendBudget {
  readonly #waiting = new Map<object, WaitingBytes>();
  #total = 0;

  /** The bytes that wait for all slow peers. */
  get total(): number {
    return this.#total;
  }

  /** Notes the number of bytes that wait in the write buffer `owner` and in its stream. */
  set(owner: object, bytes: number): void {
    const waiting = this.#waiting.get(owner);
    this.#total += bytes - (waiting?.written ?? 0);
    if (waiting === undefined) this.#waiting.set(owner, { written: bytes, queued: 0 });
    else waiting.written = bytes;
  }

  /** Notes the number of bytes that wait in the queues before the write buffer `owner`, if it is entered here. */
  setQueued(owner: object, bytes: number): void {
    const waiting = this.#waiting.get(owner);
    if (waiting === undefined) return;
    this.#total += bytes - waiting.queued;
    waiting.queued = bytes;
  }

  /** Removes `owner`: nothing waits there any more. */
  clear(owner: object): void {
    const waiting = this.#waiting.get(owner);
    if (waiting === undefined) return;
    this.#total -= waiting.written + waiting.queued;
    this.#waiting.delete(owner);
  }

  /**
   * The number of bytes that may wait at each connection entered here. There is no limit while the total is at most
   * `limit`. Above that, each gets an equal share, so that the largest queues must shrink, not the newest.
   */
  share(limit: number): number {
    return this.#total <= limit ? Infinity : limit / this.#waiting.size;
  }
}

/** The send budget of this process. */
export const sendBudget = new SendBudget();
