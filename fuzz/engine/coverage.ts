import { type Profiler, Session } from "node:inspector";

/** What one function has done since the last report. */
export interface FunctionReport {
  /** The URL of its file. */
  readonly url: string;
  /** First the range of the function, then the blocks whose count differs from that of the block around them. */
  readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
}

/** True for the files of the library. */
export function isLibrary(url: string): boolean {
  return url.startsWith(LIBRARY);
}

const LIBRARY = new URL("../../src/", import.meta.url).href;

/**
 * Counts how often each block of each function runs. V8 counts it, and Node's inspector reports it, in this process.
 * Each report takes more than a millisecond, even if little code has run: V8 searches its heap for the counters.
 */
export class Coverage {
  readonly #session = new Session();
  readonly #counts: (url: string) => boolean;
  /** Reports that `steps` has read and `take` has not returned yet. */
  #taken: FunctionReport[] = [];

  /** @param counts whether the script with this URL is counted */
  constructor(counts: (url: string) => boolean = isLibrary) {
    this.#counts = counts;
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** The functions that have run since the last call. */
  take(): readonly FunctionReport[] {
    const taken = [...this.#taken, ...this.#read()];
    this.#taken = [];
    return taken;
  }

  /** How often blocks are entered while `call` runs. The next `take` returns these too. */
  steps(call: () => void): number {
    this.#taken.push(...this.#read());
    call();
    const during = this.#read();
    this.#taken.push(...during);
    return during.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
  }

  /** Stops counting. */
  close(): void {
    this.#session.disconnect();
  }

  #read(): FunctionReport[] {
    let result: Profiler.ScriptCoverage[] | undefined;
    // In the same process the callback runs before `post` returns.
    this.#session.post("Profiler.takePreciseCoverage", (error, answer) => {
      if (error === null) ({ result } = answer);
    });
    if (result === undefined) throw new Error("The inspector did not return the coverage synchronously.");
    return result
      .filter(({ url }) => this.#counts(url))
      .flatMap(({ url, functions }) => functions.map(({ ranges }) => ({ url, ranges })))
      .filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0);
  }
}
