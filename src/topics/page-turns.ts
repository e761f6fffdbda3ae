import { Fifo } from "../util/fifo.ts";

/** Pages that are read, or kept, for one receiver at the same time. With two, the next one is read while one is sent. */
const MAX_PAGES = 2;

/** The turns of one receiver. */
interface Turns {
  /** How many are taken. */
  taken: number;
  /** Those who wait for one. */
  readonly waiting: Fifo<() => void>;
}

/**
 * Whoever reads a page of a history for a receiver, and keeps it until it is sent, has a turn meanwhile. So a receiver with many topics that
 * reads slowly costs no more memory than one with two.
 */
export class PageTurns<Receiver> {
  readonly #receivers = new Map<Receiver, Turns>();
  readonly #max: number;

  /** @param max how many turns one receiver has at the same time */
  constructor(max = MAX_PAGES) {
    this.#max = max;
  }

  /** How many receivers have a turn. */
  get size(): number {
    return this.#receivers.size;
  }

  /** Takes a turn. Undefined: it is there at once. A promise: it is there when that resolves, in the order of the calls. */
  take(receiver: Receiver): Promise<void> | undefined {
    const turns = this.#receivers.get(receiver);
    if (turns === undefined) this.#receivers.set(receiver, { taken: 1, waiting: new Fifo() });
    else if (turns.taken < this.#max) turns.taken++;
    else return new Promise((resolve) => turns.waiting.push(resolve));
    return undefined;
  }

  /** Gives a turn on to the one who has waited longest. Each turn that was taken is given once. */
  give(receiver: Receiver): void {
    const turns = this.#receivers.get(receiver);
    if (turns === undefined) return;
    const next = turns.waiting.shift();
    if (next !== undefined) next();
    else if (--turns.taken === 0) this.#receivers.delete(receiver);
  }
}

/** The reads for the receivers of a server that are under way at the same time: a broker, and the memory for its answers, are for all. */
const MAX_READS = 64;

/** The turns of those reads. */
export class ReadTurns extends PageTurns<"all"> {
  constructor() {
    super(MAX_READS);
  }
}
