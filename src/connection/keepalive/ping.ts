import { type Bytes, allocate } from "../../protocol/bytes.ts";

/** Bytes of a ping's payload. */
const PAYLOAD = 4;

/**
 * What was written before a ping may still be on its way, in the systems' memory where nobody sees it: a slow peer is given one
 * `pingTimeout` more for so many bytes of it, which is 26 KB a second with the default; of what systems keep at most.
 */
const BYTES_A_TIMEOUT = 512 * 1024;
const MOST_ON_THE_WAY = 4 * 1024 * 1024;

/** The pings of this process are numbered, so that a pong to another is told apart. */
let last = 0;

/** A ping that was not answered yet. A connection has one at most: who asks again meanwhile waits for the same. */
export class Ping {
  readonly payload: Bytes;
  /** The tick in which it was sent last. */
  tick: number;
  /** Bytes that the system had still to take when that was looked at last. */
  #untaken: number;
  /** How many times `pingTimeout` it may take. */
  readonly patience: number;
  readonly #sent: number;
  #waiters: ((roundTrip: number | undefined) => void)[] = [];

  /**
   * @param tick the tick of now
   * @param now milliseconds of a clock that never goes back
   * @param untaken bytes before it that the system has still to take
   * @param before bytes that were written before it since something last came
   */
  constructor(tick: number, now: number, untaken: number, before: number) {
    this.tick = tick;
    this.#sent = now;
    this.#untaken = untaken;
    this.patience = 1 + Math.min(before, MOST_ON_THE_WAY) / BYTES_A_TIMEOUT;
    last = (last + 1) >>> 0;
    this.payload = allocate(PAYLOAD);
    for (let i = 0; i < PAYLOAD; i++) this.payload[i] = last >>> (8 * i);
  }

  /** Settles with the milliseconds to the pong; with undefined when there is none any more. */
  roundTrip(): Promise<number | undefined> {
    return new Promise((settle) => this.#waiters.push(settle));
  }

  /** Whether the peer has taken something of what is before the ping since this was asked: it is slow, and there. */
  noteUntaken(untaken: number): boolean {
    const less = untaken < this.#untaken;
    this.#untaken = untaken;
    return less;
  }

  /** Whether a pong answers it (RFC 6455 5.5.3: it carries the same payload). */
  isAnsweredBy(payload: Bytes): boolean {
    return payload.length === PAYLOAD && this.payload.every((byte, i) => byte === payload[i]);
  }

  /** The pong came. */
  onPong(now: number): void {
    this.#settle(now - this.#sent);
  }

  /** The connection is gone. */
  onGone(): void {
    this.#settle(undefined);
  }

  #settle(roundTrip: number | undefined): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const settle of waiters) settle(roundTrip);
  }
}
