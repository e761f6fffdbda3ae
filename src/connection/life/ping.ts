import { type Bytes, allocate } from "../../protocol/bytes.ts";

/** Bytes of a ping's payload. */
const PAYLOAD = 4;

/** The pings of this process are numbered, so that a pong to another is told apart. */
let last = 0;

/** A ping that was not answered yet. A connection has one at most: who asks again meanwhile waits for the same. */
export class Ping {
  readonly payload: Bytes;
  /** The tick in which it was sent last. */
  tick: number;
  /** Bytes that the system had still to take when that was looked at last. */
  #untaken: number;
  readonly #sent: number;
  #waiters: ((roundTrip: number | undefined) => void)[] = [];

  /**
   * @param tick the tick of now
   * @param now milliseconds of a clock that never goes back
   * @param untaken bytes before it that the system has still to take
   */
  constructor(tick: number, now: number, untaken: number) {
    this.tick = tick;
    this.#sent = now;
    this.#untaken = untaken;
    last = (last + 1) >>> 0;
    this.payload = allocate(PAYLOAD);
    for (let i = 0; i < PAYLOAD; i++) this.payload[i] = last >>> (8 * i);
  }

  /** Settles with the milliseconds to the pong; with undefined when there is none any more. */
  answer(): Promise<number | undefined> {
    return new Promise((settle) => this.#waiters.push(settle));
  }

  /** Whether the peer has taken something of what is before the ping since this was asked: it is slow, and there. */
  progresses(untaken: number): boolean {
    const less = untaken < this.#untaken;
    this.#untaken = untaken;
    return less;
  }

  /** Whether a pong answers it (RFC 6455 5.5.3: it carries the same payload). */
  isAnsweredBy(payload: Bytes): boolean {
    return payload.length === PAYLOAD && this.payload.every((byte, i) => byte === payload[i]);
  }

  /** The pong came. */
  answered(now: number): void {
    this.#settle(now - this.#sent);
  }

  /** The connection is gone. */
  lost(): void {
    this.#settle(undefined);
  }

  #settle(roundTrip: number | undefined): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const settle of waiters) settle(roundTrip);
  }
}
