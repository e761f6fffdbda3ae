import { type Profiler, Session } from "node:inspector";

/** What one function has done since the last look. */
export interface FunctionReport {
  /** The file it is in. */
  readonly url: string;
  /** Its own range first, then the blocks whose count differs from that of what they are in. */
  readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
}

/** True for the files of the library. */
export function isLibrary(url: string): boolean {
  return url.startsWith(LIBRARY);
}

const LIBRARY = new URL("../../src/", import.meta.url).href;

/**
 * Which blocks of which functions run how often, told by V8 itself through Node's inspector, in this very process.
 * Taking it costs more than a millisecond however little has run: V8 walks its heap for the counters.
 */
export class Coverage {
  readonly #session = new Session();
  readonly #counts: (url: string) => boolean;
  /** What was taken on the way, for `steps`. */
  #taken: FunctionReport[] = [];

  /** @param counts tells, of a script's URL, whether what it does counts */
  constructor(counts: (url: string) => boolean = isLibrary) {
    this.#counts = counts;
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** What has run since the last call. */
  take(): readonly FunctionReport[] {
    const taken = [...this.#taken, ...this.#read()];
    this.#taken = [];
    return taken;
  }

  /** How often blocks are entered while `call` runs. What runs counts for the next `take` too. */
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
    // Inside one process the answer comes before `post` returns.
    this.#session.post("Profiler.takePreciseCoverage", (error, answer) => {
      if (error === null) ({ result } = answer);
    });
    if (result === undefined) throw new Error("The inspector gives no coverage at once.");
    return result
      .filter(({ url }) => this.#counts(url))
      .flatMap(({ url, functions }) => functions.map(({ ranges }) => ({ url, ranges })))
      .filter(({ ranges }) => (ranges[0]?.count ?? 0) > 0);
  }
}
