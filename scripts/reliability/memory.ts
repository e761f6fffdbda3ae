import { setImmediate as turn } from "node:timers/promises";

/** The memory of a process in bytes, measured after a garbage collection. */
export interface Memory {
  readonly heapUsed: number;
  readonly external: number;
  /** Part of `external`. */
  readonly arrayBuffers: number;
  readonly rss: number;
}

/** Collections in a row: what finalizers let go of is gone with the next. */
const COLLECTIONS = 4;

/**
 * Collects garbage and weighs this process, which was started with `--expose-gc`.
 *
 * @throws Error - when it was not
 */
export async function weigh(): Promise<Memory> {
  for (let i = 0; i < COLLECTIONS; i++) {
    if (globalThis.gc === undefined) throw new Error("start Node with --expose-gc");
    globalThis.gc();
    await turn();
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heapUsed, external, arrayBuffers, rss };
}

/** Counts the objects of a kind that are still held by somebody. */
export class Census {
  #members = 0;
  readonly #registry = new FinalizationRegistry<undefined>(() => {
    this.#members--;
  });

  /** How many there are: exact only after `weigh()`. */
  get size(): number {
    return this.#members;
  }

  /** Counts an object, without holding it. */
  add(member: object): void {
    this.#members++;
    this.#registry.register(member, undefined);
  }
}
