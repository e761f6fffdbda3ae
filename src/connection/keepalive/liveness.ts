import type { Duplex } from "node:stream";

import type { Bytes } from "../../protocol/bytes.ts";
import { untakenBytes } from "../transport/untaken-bytes.ts";
import { Ping } from "./ping.ts";
import { type Age, checkLiveness } from "./liveness-check.ts";
import type { KeepaliveSettings } from "./settings.ts";

/** The clock that all connections of one server share. */
export interface Clock {
  /** The tick of now. */
  readonly now: number;
}

/**
 * What a connection knows of whether its peer is still there: when something was last received, the ping that was not
 * answered yet, its age. It is a base class and not a part, because every connection has one: one object less.
 */
export abstract class Liveness<S extends { readonly life: KeepaliveSettings }, H extends Clock> {
  /** The stream that carries the frames. */
  protected readonly stream: Duplex;
  /** What the connections of one server have in common. */
  protected readonly settings: S;
  /** The owner of the connection. */
  protected readonly host: H;
  /** The tick in which something was last received, or the peer last took something. */
  #lastReceived: number;
  /** How many bytes had been written when something was last received. */
  #writtenAtLastReceived = 0;
  #ping: Ping | undefined;
  readonly #age: Age | undefined;

  constructor(stream: Duplex, settings: S, host: H) {
    this.stream = stream;
    this.settings = settings;
    this.host = host;
    this.#lastReceived = host.now;
    const { life } = settings;
    const limited = life.idleTimeout !== Infinity || life.maxLifetime !== Infinity;
    this.#age = limited ? { openedAt: host.now, lastMessageAt: host.now } : undefined;
  }

  /** Settles with the milliseconds from a ping to its pong; with undefined if the connection closes before. */
  measureRoundTrip(): Promise<number | undefined> {
    if (!this.isOpen() || this.hasPeerClosed()) return Promise.resolve(undefined);
    return (this.#ping ?? this.probe()).roundTrip();
  }

  /** Checks whether the peer is still there. The server's one timer calls it from time to time. */
  checkPeer(): void {
    if (!this.isOpen()) return;
    const { now } = this.host;
    if (this.#ping?.noteUntaken(untakenBytes(this.stream)) === true) this.noteProgress();
    if (this.busy) this.noteMessage();
    const snapshot = {
      now,
      lastReceived: this.#lastReceived,
      readingStopped: this.isReadingStopped(),
      ping: this.#ping,
      age: this.#age,
    };
    const verdict = checkLiveness(snapshot, this.settings.life);
    if (verdict === "silent") this.probe();
    else if (verdict === "dead") this.onPeerSilent();
    else if (verdict !== "well") this.onLifetimeOver(verdict === "old" ? "maxLifetime" : "idleTimeout");
  }

  /** A pong was received. RFC 6455 5.5.3: an unsolicited one needs no answer. */
  onPong(payload: Bytes): void {
    if (this.#ping?.isAnsweredBy(payload) !== true) return;
    this.#ping.onPong(performance.now());
    this.#ping = undefined;
  }

  /** Bytes were received. */
  protected noteReceived(): void {
    this.#lastReceived = this.host.now;
    this.#writtenAtLastReceived = this.bytesWritten;
  }

  /** The peer took something, or its silence counts from now for another reason. */
  protected noteProgress(): void {
    this.#lastReceived = this.host.now;
  }

  /** A message was received or sent. */
  protected noteMessage(): void {
    if (this.#age !== undefined) this.#age.lastMessageAt = this.host.now;
  }

  /** The stream is closed: no pong will come. */
  protected stopKeepalive(): void {
    this.#ping?.onGone();
    this.#ping = undefined;
  }

  /** The handler is busy. */
  abstract readonly busy: boolean;
  /** Bytes that were written, in 32 bits. */
  protected abstract readonly bytesWritten: number;
  /** Messages can be sent. */
  protected abstract isOpen(): boolean;
  /** The peer's close frame was read, and the handler is still busy with messages before it. */
  protected abstract hasPeerClosed(): boolean;
  /** Reading was stopped, by us, and nobody here waits for the peer to take something. */
  protected abstract isReadingStopped(): boolean;
  /** Sends a ping. */
  protected abstract sendPing(payload: Bytes): void;
  /** The peer did not answer in time. */
  protected abstract onPeerSilent(): void;
  /** The connection has lived, or has been idle, as long as it may. */
  protected abstract onLifetimeOver(limit: "maxLifetime" | "idleTimeout"): void;

  /** Sends a ping; if one was not answered yet, sends that one again. */
  protected probe(): Ping {
    const { now } = this.host;
    this.#ping ??= new Ping(
      now,
      performance.now(),
      untakenBytes(this.stream),
      (this.bytesWritten - this.#writtenAtLastReceived) >>> 0,
    );
    const ping = this.#ping;
    ping.tick = now;
    if (!this.hasPeerClosed()) this.sendPing(ping.payload);
    return ping;
  }
}
