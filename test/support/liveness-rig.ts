import type { KeepaliveSettings } from "../../src/connection/keepalive/settings.ts";
import { Liveness, type WriteProgress } from "../../src/connection/keepalive/liveness.ts";
import type { Ping } from "../../src/connection/keepalive/ping.ts";
import { pendingWriteBytes } from "../../src/connection/transport/pending-write-bytes.ts";
import { copy, hex } from "./bytes.ts";
import { Wire } from "./wire.ts";

const LIFE: KeepaliveSettings = {
  tickMs: 1000,
  pingInterval: 3,
  pingTimeout: 2,
  idleTimeout: Infinity,
  maxLifetime: Infinity,
};

/**
 * A connection that has nothing but its `Liveness`, and uses it as `Connection` does. Its clock begins at 100; it is pinged
 * after 3 ticks, and has 2 to answer.
 */
export class LivenessRig {
  /** What happened to it. */
  readonly log: string[] = [];
  /** The payloads of its pings. */
  readonly asked: ReturnType<typeof copy>[] = [];
  readonly #clock = { currentTick: 100 };
  readonly #wire: Wire;
  readonly #life: KeepaliveSettings;
  readonly #liveness: Liveness;
  open = true;
  readingStopped = false;
  left = false;
  written = 0;
  busy = false;

  constructor(life: Partial<KeepaliveSettings> = {}, wire = new Wire()) {
    this.#wire = wire;
    this.#life = { ...LIFE, ...life };
    this.#liveness = new Liveness(this.#life, this.#clock);
  }

  /** Advances the clock, and checks the connection in each tick, as the server does. */
  live(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      this.#clock.currentTick++;
      this.checkPeer();
    }
  }

  checkPeer(): void {
    if (!this.open) return;
    if (this.busy) this.#liveness.noteMessage();
    const verdict = this.#liveness.check(this.#life, this.#progress, this.readingStopped);
    if (verdict === "pingDue") this.#ping();
    else if (verdict !== "alive") {
      this.log.push(`${verdict === "pingTimeout" ? "dead" : verdict} at ${this.#clock.currentTick}`);
      this.open = false;
    }
  }

  /** The peer takes one of the writes that wait. */
  take(): void {
    this.#wire.takeOne();
  }

  /** One more write waits. */
  write(): void {
    this.#wire.write(hex("00"));
  }

  receive(): void {
    this.#liveness.noteReceived(this.written);
  }

  noteProgress(): void {
    this.#liveness.noteActivity();
  }

  message(): void {
    this.#liveness.noteMessage();
  }

  stop(): void {
    this.#liveness.stop();
  }

  onPong(payload: ReturnType<typeof copy>): void {
    this.#liveness.onPong(payload);
  }

  measureRoundTrip(): Promise<number | undefined> {
    if (!this.open || this.left) return Promise.resolve(undefined);
    return (this.#liveness.ping ?? this.#ping()).roundTrip();
  }

  get #progress(): WriteProgress {
    return { bytesWritten: this.written, pendingBytes: pendingWriteBytes(this.#wire) };
  }

  #ping(): Ping {
    const ping = this.#liveness.nextPing(this.#progress);
    if (!this.left) {
      this.asked.push(copy(ping.payload));
      this.log.push(`ping at ${this.#clock.currentTick}`);
    }
    return ping;
  }
}
