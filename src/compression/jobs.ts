import { Fifo } from "../util/fifo.ts";

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
   * @returns what the job's promise is settled with
   */
  async run<Result>(start: () => Promise<Result>): Promise<Result> {
    // A job that ends hands its place to the first that waits: a job that comes in between does not get it.
    if (this.#running < this.#max) this.#running++;
    else await new Promise<void>((next) => this.#waiting.push(next));
    try {
      return await start();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
