import type { Bytes } from "../../protocol/bytes.ts";
import type { LimitCounters } from "../counters/limit-counters.ts";

/**
 * The pongs that wait for a stream that is full: the newest ones, for RFC 6455 5.5.3 wants only the latest ping answered.
 * Most connections never have any.
 */
export class Pongs {
  #frames: Bytes[] = [];

  /** Adds a frame; the oldest makes way where there would be more than `most`. */
  add(frame: Bytes, most: number, limitCounters: Pick<LimitCounters, "maxPongQueue">): void {
    if (this.#frames.push(frame) <= most) return;
    this.#frames.shift();
    limitCounters.maxPongQueue++;
  }

  /** Takes out all of them, the oldest first. */
  take(): readonly Bytes[] {
    const frames = this.#frames;
    this.#frames = [];
    return frames;
  }
}
