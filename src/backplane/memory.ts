import { InvalidArgumentError } from "../errors/errors.ts";
import type { Range } from "../util/number-range.ts";
import { readTable } from "../util/option-table.ts";
import type { Backplane, Driver } from "./contract.ts";
import { MemoryBroker } from "./memory-broker.ts";
import { MemoryDriver } from "./memory-driver.ts";
import type { MemoryCounters } from "./memory-store.ts";

/** Options of `memory()`. */
export interface MemoryOptions {
  /** Bytes of all messages of all topics that are kept. Beyond it the oldest ones of the quietest topic go first. Default: 64 MiB. */
  readonly maxBytes?: number | undefined;
}

const MIB = 1024 * 1024;

const OPTIONS = {
  maxBytes: { min: 1, default: 64 * MIB, max: Number.MAX_SAFE_INTEGER, allowsInfinity: true },
} as const satisfies Record<string, Range>;

/** The most topics whose newest position is known: about 500 MB. */
const MAX_TOPICS = 1_000_000;

/** What joins the servers of one process, and keeps the histories of their topics. */
export class MemoryBackplane implements Backplane {
  readonly #broker: MemoryBroker;

  /** @param now a clock that never goes back, in milliseconds */
  constructor(options: MemoryOptions = {}, now: () => number = () => performance.now()) {
    const { maxBytes } = readTable(OPTIONS, options, {}, "memory: ");
    this.#broker = new MemoryBroker({ maxBytes, maxTopics: MAX_TOPICS }, now);
  }

  /** What was removed before its time, because a limit was reached. */
  get counters(): MemoryCounters {
    return this.#broker.store.counters;
  }

  /** Only the library calls it. */
  createDriver(): Driver {
    return new MemoryDriver(this.#broker);
  }
}

/**
 * Keeps the histories of topics in this process. Give the same one to several servers, and they are joined.
 *
 * @throws {InvalidArgumentError} for options that it does not have
 */
export function memory(options?: MemoryOptions): MemoryBackplane {
  if (options !== undefined && (typeof options !== "object" || (options as unknown) === null))
    throw new InvalidArgumentError("memory: options: expected an object");
  return new MemoryBackplane(options);
}
