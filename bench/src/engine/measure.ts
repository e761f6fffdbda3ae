import { collectNodeGarbage } from "../servers/common.ts";
import type { Engine } from "./engine.ts";
import { sliceOf } from "./slice.ts";
import type { Slice } from "./slice.ts";
import type { EngineWork } from "./work.ts";

/** What was measured: one part, or the parts of a round together. */
export interface EngineSample {
  /** How many messages: as many on every side and machine. */
  readonly messages: number;
  /** CPU time in microseconds, user and system, all threads of the process. */
  readonly micros: number;
}

/** Parts of a round. Sides take turns at them, so that what slows the machine for a while slows them all. */
export const PARTS = 8;

// Messages of a round; fewer where each has more frames or bytes, so that all rounds take about as long.
const MESSAGES = 250_000;
// This many bytes of payload, or a quarter of a cut, cost about as much as one more frame.
const BYTES_LIKE_A_FRAME = 4096;
const CUT_LIKE_FRAMES = 4;

/** Measures one side at one work, in a fixed number of messages. */
export class EngineMeter {
  readonly #slice: Slice;
  /** Slices of a part. */
  readonly #slices: number;

  constructor(work: EngineWork, engine: Engine) {
    this.#slice = sliceOf(work, engine);
    // A writer hands on large bytes as they are.
    const bytes = work.part === "write" && work.format === "binary" ? 0 : work.size;
    const frames = work.fragments * (1 + bytes / BYTES_LIKE_A_FRAME) * (work.cut ? CUT_LIKE_FRAMES : 1);
    this.#slices = Math.ceil(MESSAGES / frames / this.#slice.messages / PARTS);
  }

  /**
   * As many messages as a round has, so that code gets compiled; then garbage is collected. Not before each part: V8
   * begins with a small heap again then, and in a part as short as these that was all one saw (ws, writing: 4 times).
   */
  async warmUp(): Promise<void> {
    await this.#repeat(PARTS * this.#slices);
    collectNodeGarbage();
  }

  /**
   * Measures one part.
   *
   * @throws Error - when not as much came out as should have
   */
  async part(): Promise<EngineSample> {
    const before = this.#slice.came();
    const micros = await this.#repeat(this.#slices);
    if (this.#slice.came() - before !== this.#slices * this.#slice.yield)
      throw new Error("more or less came out than should have");
    return { messages: this.#slices * this.#slice.messages, micros };
  }

  /** Does the slice this number of times, and returns the CPU time it took. */
  async #repeat(times: number): Promise<number> {
    let micros = 0;
    for (let i = 0; i < times; i++) {
      this.#slice.renew();
      const before = process.cpuUsage();
      this.#slice.run();
      // What a side leaves for the end of the turn is its own work.
      await turnEnd();
      const { user, system } = process.cpuUsage(before);
      micros += user + system;
    }
    return micros;
  }
}

function turnEnd(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
