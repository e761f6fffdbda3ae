import type { BackplaneStage, Driver } from "../backplane/contract.ts";
import { hasCode } from "../errors/errors.ts";

/** Milliseconds between two heartbeats: a lease is 10 s. */
const BEAT_MS = 3_000;

/** What is told of the heartbeats of a server. */
export interface HeartbeatListener {
  /** The broker has answered. `wasExpired`: it had given this server up. */
  onBeat(wasExpired: boolean): void;
  /** The broker has refused one, or a dead server could not be removed. */
  onFailed(stage: BackplaneStage, error: unknown): void;
}

/** Proves every 3 s that a server lives, and removes what dead ones have left. */
export class Heartbeat {
  readonly #driver: Pick<Driver, "beat" | "reap">;
  readonly #listener: HeartbeatListener;
  /** The servers whose lease had run out at the last heartbeat. */
  #expired: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #isBeating = false;
  #isEnding = false;
  #isReaping = false;

  constructor(driver: Pick<Driver, "beat" | "reap">, listener: HeartbeatListener) {
    this.#driver = driver;
    this.#listener = listener;
  }

  /** Begins. */
  start(): void {
    this.#timer ??= setInterval(() => void this.beat(), BEAT_MS).unref();
  }

  /** The server is about to end: tells the broker at once. */
  end(): void {
    this.#isEnding = true;
    // Otherwise the next one follows when that has its answer.
    if (this.#timer !== undefined && !this.#isBeating) void this.beat();
  }

  /** Ends. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** One heartbeat, if none is under way. */
  async beat(): Promise<void> {
    if (this.#isBeating) return;
    this.#isBeating = true;
    const isEnding = this.#isEnding;
    try {
      const { expired, wasExpired } = await this.#driver.beat(isEnding);
      this.#listener.onBeat(wasExpired);
      this.#reap(expired);
    } catch (error) {
      if (!hasCode(error, "HWS_BACKPLANE_AWAY")) this.#listener.onFailed("presence", error);
    } finally {
      this.#isBeating = false;
      if (this.#isEnding !== isEnding) this.end();
    }
  }

  /** A server is dead when its lease had run out twice: a clock that jumps must not remove a living one. */
  #reap(expired: readonly string[]): void {
    const before = this.#expired;
    this.#expired = new Set(expired);
    // Those that die meanwhile are found with a later heartbeat.
    if (!this.#isReaping) void this.#reapAll(expired.filter((node) => before.has(node)));
  }

  /** One after the other: many may have died together, and each of them costs hundreds of commands. */
  async #reapAll(nodes: readonly string[]): Promise<void> {
    this.#isReaping = true;
    for (const node of nodes) {
      try {
        await this.#driver.reap(node);
      } catch (error) {
        if (hasCode(error, "HWS_BACKPLANE_AWAY")) break;
        this.#listener.onFailed("presence", error);
      }
    }
    this.#isReaping = false;
  }
}
