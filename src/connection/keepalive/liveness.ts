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
 * What a connection knows of its peer's being there: when something was last heard, the ping that is out, its age. It is
 * the connection's base and not its part, because every connection has one: an object less.
 */
export abstract class Liveness<S extends { readonly life: KeepaliveSettings }, H extends Clock> {
  /** What frames go over. */
  protected readonly stream: Duplex;
  /** What the connections of one server have in common. */
  protected readonly settings: S;
  /** The one it belongs to. */
  protected readonly host: H;
  /** The tick in which something last came, or went out. */
  #lastReceived: number;
  /** How much had been written when something last came. */
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

  /** Settles with the milliseconds that a ping takes there and back; with undefined when the connection is gone before. */
  measureRoundTrip(): Promise<number | undefined> {
    if (!this.isOpen() || this.hasPeerClosed()) return Promise.resolve(undefined);
    return (this.#ping ?? this.probe()).roundTrip();
  }

  /** Looks whether the peer is still there: the server's one timer comes by from time to time. */
  checkPeer(): void {
    if (!this.isOpen()) return;
    const { now } = this.host;
    if (this.#ping?.noteUntaken(untakenBytes(this.stream)) === true) this.noteProgress();
    if (this.busy) this.noteMessage();
    const pulse = {
      now,
      lastReceived: this.#lastReceived,
      readingStopped: this.isReadingStopped(),
      ping: this.#ping,
      age: this.#age,
    };
    const finding = checkLiveness(pulse, this.settings.life);
    if (finding === "silent") this.probe();
    else if (finding === "dead") this.onPeerSilent();
    else if (finding !== "well") this.onLifetimeOver(finding === "old" ? "maxLifetime" : "idleTimeout");
  }

  /** A pong came. RFC 6455 5.5.3: one that nobody asked for needs no answer. */
  onPong(payload: Bytes): void {
    if (this.#ping?.isAnsweredBy(payload) !== true) return;
    this.#ping.onPong(performance.now());
    this.#ping = undefined;
  }

  /** Something came. */
  protected noteReceived(): void {
    this.#lastReceived = this.host.now;
    this.#writtenAtLastReceived = this.bytesWritten;
  }

  /** Something went out, or the peer's silence is counted from here for another reason. */
  protected noteProgress(): void {
    this.#lastReceived = this.host.now;
  }

  /** A message came or was sent. */
  protected noteMessage(): void {
    if (this.#age !== undefined) this.#age.lastMessageAt = this.host.now;
  }

  /** The stream is gone. */
  protected stopKeepalive(): void {
    this.#ping?.onGone();
    this.#ping = undefined;
  }

  /** Its handler is at work. */
  abstract readonly busy: boolean;
  /** Bytes that were written, in 32 bits. */
  protected abstract readonly bytesWritten: number;
  /** It is open. */
  protected abstract isOpen(): boolean;
  /** The peer has said goodbye, and its handler is still busy with what it said before. */
  protected abstract hasPeerClosed(): boolean;
  /** Reading was stopped, by us, and nobody here waits for the peer to take something. */
  protected abstract isReadingStopped(): boolean;
  /** Sends a ping. */
  protected abstract sendPing(payload: Bytes): void;
  /** Nobody is there any more. */
  protected abstract onPeerSilent(): void;
  /** It has lived, or been idle, for as long as it may. */
  protected abstract onLifetimeOver(limit: "maxLifetime" | "idleTimeout"): void;

  /** Sends a ping, the one that is out once more. */
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
