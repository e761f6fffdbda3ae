import { Fifo } from "../util/fifo.ts";

/** Who waits for a job. */
export interface JobOwner {
  /** Whether it still wants the result. */
  readonly isWanted: boolean;
}

/** Asynchronous jobs, of which only some run at a time. The others wait; the first that came is the first that runs. */
export class Jobs {
  readonly #max: number;
  #running = 0;
  readonly #waiting = new Fifo<() => void>();

  /** @param max the most jobs that run at a time */
  constructor(max: number) {
    this.#max = max;
  }

  /** The number of jobs that run now. */
  get running(): number {
    return this.#running;
  }

  /** The number of jobs that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Starts a job, at once or after jobs that came before it.
   *
   * @param isWanted is called when the job's turn comes. If it returns false, the job is not started
   * @returns what the job's promise is settled with; undefined: it was not started
   */
  async run<Result>(start: () => Promise<Result>, isWanted: () => boolean = always): Promise<Result | undefined> {
    // When a job ends, the first that waits is next: a job that comes in between waits too.
    if (this.#running < this.#max) this.#running++;
    else await new Promise<void>((next) => this.#waiting.push(next));
    try {
      return isWanted() ? await start() : undefined;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

function always(): boolean {
  return true;
}
