/** What a handler of a scenario throws. */
export class Boom extends Error {}

/** A promise of the library that must settle. */
interface Promised {
  readonly what: string;
  readonly owner: unknown;
}

/** Memory that the test keeps, and a copy of it. */
interface Kept {
  readonly what: string;
  readonly memory: Uint8Array;
  readonly copy: Buffer;
}

/** The most broken rules that are noted, and the most bytes that are kept. */
const MAX_FAULTS = 12;
const MAX_KEPT = 16 * 1024 * 1024;

/** All that a scenario remembers until its end. */
export class World {
  /** Broken rules. */
  readonly faults: string[] = [];
  /** Distinguishes the messages of this scenario from those of another one in the same process. */
  readonly mark: string;
  /** How often something happened, for the summary of a long run. */
  readonly tally: Record<string, number> = {};
  readonly #promised = new Set<Promised>();
  readonly #kept: Kept[] = [];
  readonly #thrown = new Map<Boom, string>();
  #keptBytes = 0;

  constructor(mark: string) {
    this.mark = mark;
  }

  /** Notes a broken rule. */
  fault(text: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push(text);
  }

  count(what: string, times = 1): void {
    this.tally[what] = (this.tally[what] ?? 0) + times;
  }

  /** The promise must settle until the end, and must not reject. */
  promise(promise: Promise<unknown>, what: string, owner?: unknown): void {
    const entry = { what, owner };
    this.#promised.add(entry);
    promise.then(
      () => this.#promised.delete(entry),
      (error: unknown) => {
        this.#promised.delete(entry);
        this.fault(`${what} has rejected: ${String(error)}`);
      },
    );
  }

  /** What the promises are that have not settled; of one owner, or of all. */
  unsettled(owner?: unknown): string[] {
    const open = [...this.#promised].filter((one) => owner === undefined || one.owner === owner);
    return open.map(({ what }) => what);
  }

  /** Keeps memory that must not change any more. */
  keep(memory: Uint8Array, what: string): void {
    if (this.#keptBytes > MAX_KEPT) return;
    this.#keptBytes += memory.length;
    this.#kept.push({ what, memory, copy: Buffer.from(memory) });
  }

  checkKept(): void {
    for (const { what, memory, copy } of this.#kept)
      if (!copy.equals(memory)) this.fault(`${what} of ${String(copy.length)} bytes was changed later`);
  }

  /** An error for a handler to throw. It must be reported. */
  boom(where: string): Boom {
    const boom = new Boom(where);
    this.#thrown.set(boom, where);
    this.count("throws of handlers");
    return boom;
  }

  /** A handler was told of an error. Returns whether a handler of the scenario has thrown it. */
  reported(error: unknown): boolean {
    if (!(error instanceof Boom)) return false;
    if (!this.#thrown.delete(error)) this.fault(`${error.message}: what it threw was reported twice`);
    return true;
  }

  /** The process was warned. Returns whether that reports an error of a handler: a server that has ended has no `onError`. */
  warned(text: string): boolean {
    for (const boom of this.#thrown.keys()) if (text.endsWith(`: ${boom.message}`)) return this.#thrown.delete(boom);
    return false;
  }

  /** Where handlers have thrown what no one was told of. */
  unreported(): string[] {
    return [...this.#thrown.values()];
  }
}
