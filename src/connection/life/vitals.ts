import type { Duplex } from "node:stream";

import type { Bytes } from "../../protocol/bytes.ts";
import { untakenIn } from "../stream/progress.ts";
import { Ping } from "./ping.ts";
import { type Age, examine } from "./pulse.ts";
import type { LifeSettings } from "./settings.ts";

/** The clock that all connections of one server share. */
export interface Clock {
  /** The tick of now. */
  readonly now: number;
}

/**
 * What a connection knows of its peer's being there: when something was last heard, the ping that is out, its age. It is
 * the connection's base and not its part, because every connection has one: an object less.
 */
export abstract class Vitals<S extends { readonly life: LifeSettings }, H extends Clock> {
  /** What frames go over. */
  protected readonly stream: Duplex;
  /** What the connections of one server have in common. */
  protected readonly settings: S;
  /** The one it belongs to. */
  protected readonly host: H;
  /** The tick in which something last came, or went out. */
  #heard: number;
  /** How much had been written when something last came. */
  #mark = 0;
  #ping: Ping | undefined;
  readonly #age: Age | undefined;

  constructor(stream: Duplex, settings: S, host: H) {
    this.stream = stream;
    this.settings = settings;
    this.host = host;
    this.#heard = host.now;
    const { life } = settings;
    const limited = life.idleTimeout !== Infinity || life.maxLifetime !== Infinity;
    this.#age = limited ? { born: host.now, active: host.now } : undefined;
  }

  /** Settles with the milliseconds that a ping takes there and back; with undefined when the connection is gone before. */
  measure(): Promise<number | undefined> {
    if (!this.isOpen() || this.hasLeft()) return Promise.resolve(undefined);
    return (this.#ping ?? this.probe()).answer();
  }

  /** Looks whether the peer is still there: the server's one timer comes by from time to time. */
  look(): void {
    if (!this.isOpen()) return;
    const { now } = this.host;
    if (this.#ping?.progresses(untakenIn(this.stream)) === true) this.isThere();
    if (this.busy) this.isActive();
    const pulse = { now, heard: this.#heard, deaf: this.isDeaf(), ping: this.#ping, age: this.#age };
    const finding = examine(pulse, this.settings.life);
    if (finding === "silent") this.probe();
    else if (finding === "dead") this.fellSilent();
    else if (finding !== "well") this.retire(finding === "old" ? "maxLifetime" : "idleTimeout");
  }

  /** A pong came. RFC 6455 5.5.3: one that nobody asked for needs no answer. */
  pong(payload: Bytes): void {
    if (this.#ping?.isAnsweredBy(payload) !== true) return;
    this.#ping.answered(performance.now());
    this.#ping = undefined;
  }

  /** Something came. */
  protected isAlive(): void {
    this.#heard = this.host.now;
    this.#mark = this.handed;
  }

  /** Something went out, or the peer's silence is counted from here for another reason. */
  protected isThere(): void {
    this.#heard = this.host.now;
  }

  /** A message came or was sent. */
  protected isActive(): void {
    if (this.#age !== undefined) this.#age.active = this.host.now;
  }

  /** The stream is gone. */
  protected isGone(): void {
    this.#ping?.lost();
    this.#ping = undefined;
  }

  /** Its handler is at work. */
  abstract readonly busy: boolean;
  /** Bytes that were written, in 32 bits. */
  protected abstract readonly handed: number;
  /** It is open. */
  protected abstract isOpen(): boolean;
  /** The peer has said goodbye, and its handler is still busy with what it said before. */
  protected abstract hasLeft(): boolean;
  /** Reading was stopped, by us, and nobody here waits for the peer to take something. */
  protected abstract isDeaf(): boolean;
  /** Sends a ping. */
  protected abstract ask(payload: Bytes): void;
  /** Nobody is there any more. */
  protected abstract fellSilent(): void;
  /** It has lived, or been idle, for as long as it may. */
  protected abstract retire(limit: "maxLifetime" | "idleTimeout"): void;

  /** Sends a ping, the one that is out once more. */
  protected probe(): Ping {
    const { now } = this.host;
    this.#ping ??= new Ping(now, performance.now(), untakenIn(this.stream), (this.handed - this.#mark) >>> 0);
    const ping = this.#ping;
    ping.tick = now;
    if (!this.hasLeft()) this.ask(ping.payload);
    return ping;
  }
}
