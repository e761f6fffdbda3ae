import { Worker } from "node:worker_threads";

import type { Watch } from "./fuzzer.ts";

/** What the watchdog and its thread share: how many times an input has begun or ended, its length, and its bytes. */
export const BEAT = 0;
/** Where the length of the input is. */
export const LENGTH = 1;
/** Where the input is, in bytes. */
export const INPUT = 8;

/** Bytes of an input that can be told at most. */
const MAX_INPUT = 64 * 1024;

/** What the thread is told at its beginning. */
export interface WatchdogOrder {
  readonly shared: SharedArrayBuffer;
  /** Milliseconds that an input may take. */
  readonly patience: number;
  /** Where a crash is written to, and of which target and seed it is. */
  readonly folder: string;
  readonly target: string;
  readonly seed: number;
}

/** A thread of Node 20 does not begin with a file of TypeScript: it has to be told how to read one. */
const START = `import("tsx/esm/api").then(({ register }) => {
  register();
  return import(require("node:worker_threads").workerData.thread);
})`;

/** Looks, from a thread of its own, whether an input ever ends: one that does not is written down, and the process ended. */
export class Watchdog implements Watch {
  readonly #shared = new SharedArrayBuffer(INPUT + MAX_INPUT);
  readonly #numbers = new Int32Array(this.#shared, 0, 2);
  readonly #bytes = new Uint8Array(this.#shared, INPUT);
  readonly #thread: Worker;

  constructor(order: Omit<WatchdogOrder, "shared">) {
    const thread = new URL("./watchdog-thread.ts", import.meta.url).href;
    this.#thread = new Worker(START, { eval: true, workerData: { ...order, shared: this.#shared, thread } });
    this.#thread.unref();
  }

  begin(input: Buffer): void {
    const told = input.subarray(0, MAX_INPUT);
    this.#bytes.set(told);
    Atomics.store(this.#numbers, LENGTH, told.length);
    Atomics.add(this.#numbers, BEAT, 1);
  }

  end(): void {
    Atomics.add(this.#numbers, BEAT, 1);
  }

  /** Looks no more. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}
