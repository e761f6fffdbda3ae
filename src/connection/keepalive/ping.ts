import { type Bytes, allocate } from "../../protocol/bytes.ts";
import { Waiters } from "../../util/waiters.ts";
import { timeoutFactorOf } from "./bytes-in-flight.ts";

/** Bytes of a ping's payload. */
const PAYLOAD = 4;

/** The pings of this process are numbered, so that a pong is matched with its ping. */
let last = 0;

/** A ping that was not answered yet. A connection has at most one: a second request waits for the same pong. */
export class Ping {
  readonly payload: Bytes;
  /** The tick in which it was sent last. */
  sentAtTick: number;
  /** Bytes that the system had not taken when that was last checked. */
  #pendingWriteBytes: number;
  /** How many times `pingTimeout` the pong may take. */
  readonly timeoutFactor: number;
  readonly #sent: number;
  /** Made for the first caller: most pings are those that the server sends by itself, for which nobody waits. */
  #waiters: Waiters<number | undefined> | undefined;
  /** The result, as soon as there is one. */
  #result: { readonly roundTrip: number | undefined } | undefined;

  /**
   * @param tick the tick of now
   * @param now milliseconds of a clock that never goes back
   * @param pending bytes before it that the system has not taken yet
   * @param before bytes that were written before it, since something was last received
   */
  constructor(tick: number, now: number, pending: number, before: number) {
    this.sentAtTick = tick;
    this.#sent = now;
    this.#pendingWriteBytes = pending;
    this.timeoutFactor = timeoutFactorOf(before);
    last = (last + 1) >>> 0;
    this.payload = allocate(PAYLOAD);
    for (let i = 0; i < PAYLOAD; i++) this.payload[i] = last >>> (8 * i);
  }

  /** Settles with the milliseconds to the pong; with undefined if the connection closes before. */
  roundTrip(): Promise<number | undefined> {
    // A stream may push the pong while the ping is written: then nobody could wait before.
    if (this.#result !== undefined) return Promise.resolve(this.#result.roundTrip);
    return (this.#waiters ??= new Waiters()).wait();
  }

  /** Notes how many bytes were not taken. Returns whether they are fewer than before: then the peer is slow, but it reads. */
  updatePendingWriteBytes(pending: number): boolean {
    const less = pending < this.#pendingWriteBytes;
    this.#pendingWriteBytes = pending;
    return less;
  }

  /** Whether a pong answers it (RFC 6455 5.5.3: it carries the same payload). */
  isAnsweredBy(payload: Bytes): boolean {
    return payload.length === PAYLOAD && this.payload.every((byte, i) => byte === payload[i]);
  }

  /** The pong was received. */
  onPong(now: number): void {
    this.#end(now - this.#sent);
  }

  /** Whoever waits for the pong is told that it is not known when it comes. */
  abandon(): void {
    this.#waiters?.resolve(undefined);
  }

  /** The connection is closed. */
  onStreamClose(): void {
    this.#end(undefined);
  }

  #end(roundTrip: number | undefined): void {
    this.#result = { roundTrip };
    this.#waiters?.resolve(roundTrip);
  }
}
