import { setImmediate as turn } from "node:timers/promises";

/** The memory of a process in bytes, measured after a garbage collection. */
export interface Memory {
  readonly heapUsed: number;
  readonly external: number;
  /** Part of `external`. */
  readonly arrayBuffers: number;
  readonly rss: number;
}

/** Collections in a row: each one frees what the finalizers of the last one released. */
const COLLECTIONS = 4;

/**
 * Collects garbage and measures the memory of this process, which must run with `--expose-gc`.
 *
 * @throws Error - if it runs without
 */
export async function measureProcessMemory(): Promise<Memory> {
  for (let i = 0; i < COLLECTIONS; i++) {
    if (globalThis.gc === undefined) throw new Error("start Node with --expose-gc");
    globalThis.gc();
    await turn();
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heapUsed, external, arrayBuffers, rss };
}

/** Counts the objects that were not garbage-collected yet. */
export class ObjectCounter {
  #count = 0;
  readonly #registry = new FinalizationRegistry<undefined>(() => {
    this.#count--;
  });

  /** The number of these objects. It is exact only after `measureProcessMemory()`. */
  get size(): number {
    return this.#count;
  }

  /** Counts an object, without a reference to it. */
  add(object: object): void {
    this.#count++;
    this.#registry.register(object, undefined);
  }
}
