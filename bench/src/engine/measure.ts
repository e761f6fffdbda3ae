import { collectNodeGarbage } from "../servers/common.ts";
import type { Engine } from "./engine.ts";
import { sliceOf } from "./slice.ts";
import type { Slice } from "./slice.ts";
import type { EngineWork } from "./work.ts";

/** A measurement: of one part, or of all parts of a round together. */
export interface EngineSample {
  /** The number of messages. It is the same for every engine and on every machine. */
  readonly messages: number;
  /** CPU time in microseconds, user and system, all threads of the process. */
  readonly micros: number;
}

/** The number of parts of a round. The engines run them alternately, so that a disturbance of the machine affects all of them. */
export const PARTS = 8;

// The messages of a round. They are fewer if each has more frames or bytes, so that all rounds take a similar time.
const MESSAGES = 250_000;
// This many bytes of payload cost about as much as one more frame. A cut costs about as much as four.
const BYTES_PER_FRAME_COST = 4096;
const FRAMES_PER_CUT_COST = 4;

/** Measures one engine with one workload, for a fixed number of messages. */
export class EngineMeter {
  readonly #slice: Slice;
  /** The number of slices of a part. */
  readonly #slices: number;

  constructor(work: EngineWork, engine: Engine) {
    this.#slice = sliceOf(work, engine);
    // A writer does not copy large messages.
    const bytes = work.part === "write" && work.format === "binary" ? 0 : work.size;
    const frames = work.fragments * (1 + bytes / BYTES_PER_FRAME_COST) * (work.cut ? FRAMES_PER_CUT_COST : 1);
    this.#slices = Math.ceil(MESSAGES / frames / this.#slice.messages / PARTS);
  }

  /**
   * Runs as many messages as a round has, so that code gets compiled, and then collects garbage. It does not do that before
   * each part: V8 would start with a small heap again, which dominates the cost of such short parts (ws, writing: 4 times).
   */
  async warmUp(): Promise<void> {
    await this.#repeat(PARTS * this.#slices);
    collectNodeGarbage();
  }

  /**
   * Measures one part.
   *
   * @throws Error - if the amount of output is wrong
   */
  async part(): Promise<EngineSample> {
    const before = this.#slice.output();
    const micros = await this.#repeat(this.#slices);
    if (this.#slice.output() - before !== this.#slices * this.#slice.expectedOutput)
      throw new Error("the amount of output is wrong");
    return { messages: this.#slices * this.#slice.messages, micros };
  }

  /** Runs the slice this many times, and returns the CPU time. */
  async #repeat(times: number): Promise<number> {
    let micros = 0;
    for (let i = 0; i < times; i++) {
      this.#slice.prepare();
      const before = process.cpuUsage();
      this.#slice.run();
      // Work that an engine does at the end of the turn counts too.
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
