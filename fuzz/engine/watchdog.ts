import { Worker } from "node:worker_threads";

import type { Watch } from "./fuzzer.ts";

/** In the shared memory: how many times an input has started or ended. */
export const COUNTER = 0;
/** In the shared memory: the length of the input. */
export const LENGTH = 1;
/** In the shared memory: the offset of the input, in bytes. */
export const INPUT = 8;

/** The maximum number of bytes of an input that are shared. */
const MAX_INPUT = 64 * 1024;

/** The data for the thread of a watchdog. */
export interface WatchdogData {
  readonly shared: SharedArrayBuffer;
  /** Milliseconds that an input may take. */
  readonly timeout: number;
  /** The folder that a crash is written to. */
  readonly folder: string;
  readonly target: string;
  readonly seed: number;
}

/** A thread of Node 20 cannot start with a TypeScript file: the loader must be registered first. */
const START = `import("tsx/esm/api").then(({ register }) => {
  register();
  return import(require("node:worker_threads").workerData.thread);
})`;

/** Checks from another thread that each input ends. If one does not, it is written to a file, and the process is ended. */
export class Watchdog implements Watch {
  readonly #shared = new SharedArrayBuffer(INPUT + MAX_INPUT);
  readonly #numbers = new Int32Array(this.#shared, 0, 2);
  readonly #bytes = new Uint8Array(this.#shared, INPUT);
  readonly #thread: Worker;

  constructor(data: Omit<WatchdogData, "shared">) {
    const thread = new URL("./watchdog-thread.ts", import.meta.url).href;
    this.#thread = new Worker(START, { eval: true, workerData: { ...data, shared: this.#shared, thread } });
    this.#thread.unref();
  }

  begin(input: Buffer): void {
    const shared = input.subarray(0, MAX_INPUT);
    this.#bytes.set(shared);
    Atomics.store(this.#numbers, LENGTH, shared.length);
    Atomics.add(this.#numbers, COUNTER, 1);
  }

  end(): void {
    Atomics.add(this.#numbers, COUNTER, 1);
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}
