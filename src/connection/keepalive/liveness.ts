import type { Bytes } from "../../protocol/bytes.ts";
import { Ping } from "./ping.ts";
import { type Age, type LivenessVerdict, checkLiveness } from "./liveness-check.ts";
import type { KeepaliveSettings } from "./settings.ts";

/** The clock that all connections of one server share. */
export interface Clock {
  /** The current tick. */
  readonly currentTick: number;
}

/** The bytes that a connection has written. */
export interface WriteProgress {
  /** All bytes, in 32 bits: the number overflows, so only differences are useful. */
  readonly bytesWritten: number;
  /** The bytes of them that the system has not taken yet. */
  readonly pendingBytes: number;
}

/**
 * What a connection knows of whether its peer is still there: when something was last received, the ping that was not
 * answered yet, its age. All times are ticks of the server's clock.
 */
export class Liveness {
  readonly #clock: Clock;
  /** The tick in which something was last received, or the peer last took something. */
  #lastActivityAt: number;
  /** The number of bytes that had been written when something was last received. */
  #writtenAtLastReceived = 0;
  #ping: Ping | undefined;
  readonly #age: Age | undefined;

  constructor(settings: KeepaliveSettings, clock: Clock) {
    const { currentTick: now } = clock;
    this.#clock = clock;
    this.#lastActivityAt = now;
    const limited = settings.idleTimeout !== Infinity || settings.maxLifetime !== Infinity;
    this.#age = limited ? { openedAt: now, lastMessageAt: now } : undefined;
  }

  /** The ping that was not answered yet. */
  get ping(): Ping | undefined {
    return this.#ping;
  }

  /** The number of bytes that had been written when something was last received, in 32 bits. */
  get writtenAtLastReceived(): number {
    return this.#writtenAtLastReceived;
  }

  /** Bytes were received. `written`: the number of bytes that had been written then. */
  noteReceived(written: number): void {
    this.#lastActivityAt = this.#clock.currentTick;
    this.#writtenAtLastReceived = written;
  }

  /** The peer took something, or its silence counts from now for another reason. */
  noteActivity(): void {
    this.#lastActivityAt = this.#clock.currentTick;
  }

  /** A message was received or sent. */
  noteMessage(): void {
    if (this.#age !== undefined) this.#age.lastMessageAt = this.#clock.currentTick;
  }

  /**
   * Judges the connection.
   *
   * @param written the bytes that were written
   * @param readingStopped whether we have stopped reading, and no handler waits until the peer takes something
   */
  check(settings: KeepaliveSettings, written: WriteProgress, readingStopped: boolean): LivenessVerdict {
    const ping = this.#ping;
    if (ping?.updatePendingWriteBytes(written.pendingBytes) === true) this.noteActivity();
    const { currentTick: now } = this.#clock;
    return checkLiveness(
      { currentTick: now, lastActivityAt: this.#lastActivityAt, readingStopped, ping, age: this.#age },
      settings,
    );
  }

  /** Returns the ping to be sent now: a new one, or again the one that was not answered yet. */
  nextPing(written: WriteProgress): Ping {
    const { currentTick: now } = this.#clock;
    const unanswered = (written.bytesWritten - this.#writtenAtLastReceived) >>> 0;
    this.#ping ??= new Ping(now, performance.now(), written.pendingBytes, unanswered);
    this.#ping.sentAtTick = now;
    // What was received in this tick came before the ping, so it is no answer. What comes later in this tick may be one.
    this.#lastActivityAt = Math.min(this.#lastActivityAt, now - 1);
    return this.#ping;
  }

  /** Nobody waits for the pong any more: it may come too late for those who do. */
  abandonRoundTrip(): void {
    this.#ping?.abandon();
  }

  /** A pong was received. RFC 6455 5.5.3: an unsolicited one needs no answer. */
  onPong(payload: Bytes): void {
    if (this.#ping?.isAnsweredBy(payload) !== true) return;
    this.#ping.onPong(performance.now());
    this.#ping = undefined;
  }

  /** The stream is closed: no pong will come. */
  stop(): void {
    this.#ping?.onStreamClose();
    this.#ping = undefined;
  }
}
