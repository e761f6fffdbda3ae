import type { Coverage } from "./coverage.ts";
import { FOUND, type Seed } from "./corpus.ts";
import { type Crash, nameOf, signatureOf } from "./crash.ts";
import { FeatureMap, blockOf } from "./features.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import type { RunContext, Target } from "./target.ts";

/** An input that the fuzzer mutates. */
export interface Entry extends Seed {
  /** The features that it reaches. */
  readonly features: ReadonlySet<number>;
  /** The features that no input before it reached. */
  readonly own: readonly number[];
}

/** Knows which input runs, in case it never ends. */
export interface Watch {
  /** An input starts. */
  begin(input: Buffer): void;
  /** It has ended. */
  end(): void;
}

/** The options of a fuzzer. */
export interface FuzzerOptions {
  readonly target: Target;
  /** The inputs of the corpus. */
  readonly seeds: readonly Seed[];
  /** The same seed and the same corpus give the same inputs. */
  readonly seed: number;
  readonly coverage: Coverage;
  readonly watch?: Watch | undefined;
  /** Is called for the first crash with each signature, after its input was shrunk. */
  readonly onCrash?: (crash: Crash) => void;
}

/** The number of inputs in a round of single inputs. Such a round also compares how often each block is entered. */
const SINGLE_INPUTS = 8;

/** One round of this many is a round of single inputs. The others run many inputs at once and only look for new blocks. */
const SINGLE_ROUND_EVERY = 8;

/** A feature that was not reached again with the same input this many times is ignored from then on. */
const MAX_UNSTABLE = 3;

/** The maximum number of runs to shrink an input. */
const SHRINK_TRIES = 1500;

/** Mutates the inputs of the corpus, runs them, and keeps those that reach something new. */
export class Fuzzer {
  readonly target: Target;
  /** The corpus, and the new inputs. */
  readonly entries: Entry[] = [];
  /** All crashes, one for each signature. */
  readonly crashes = new Map<string, Crash>();
  /** The number of inputs that were tried. An input that was run again counts once. */
  tried = 0;

  readonly #options: FuzzerOptions;
  readonly #random: Random;
  readonly #context: RunContext;
  readonly #map = new FeatureMap();
  readonly #seen = new Set<number>();
  readonly #seenBlocks = new Set<number>();
  readonly #unstable = new Map<number, number>();
  #rounds = 0;

  constructor(options: FuzzerOptions) {
    this.#options = options;
    this.target = options.target;
    this.#random = new Random(options.seed);
    this.#context = { steps: (call) => options.coverage.steps(call) };
  }

  /** The number of features reached so far. */
  get features(): number {
    return this.#seen.size;
  }

  /** The number of blocks of code reached so far. */
  get blocks(): number {
    return this.#seenBlocks.size;
  }

  /** Runs the corpus. The features that it reaches are not new. */
  async start(): Promise<void> {
    // Twice: after the first time all blocks are known, the second time tells which input enters them.
    for (const { input } of this.#options.seeds) await this.#featuresOf(input);
    for (const { name, input } of this.#options.seeds) {
      const features = await this.#featuresOf(input);
      const own = [...features].filter((feature) => !this.#seen.has(feature));
      this.#noteSeen(features);
      this.entries.push({ name, input, features, own });
    }
    this.tried += this.#options.seeds.length;
  }

  /** Tries several inputs. */
  async round(): Promise<void> {
    const alone = this.#rounds++ % SINGLE_ROUND_EVERY === 0 || this.target.batch === 1;
    const inputs = Array.from({ length: alone ? SINGLE_INPUTS : this.target.batch }, () => this.#next());
    this.tried += inputs.length;
    if (alone) for (const input of inputs) await this.#consider(input);
    // A block that neither half reaches again depends on what ran before.
    else
      for (const feature of await this.#runTogether(inputs)) if (!this.#seen.has(feature)) this.#noteUnstable(feature);
  }

  /**
   * A small set of the new inputs that together reach all new features. Each next one is the input that adds the most
   * features.
   */
  bestFinds(): Entry[] {
    const finds = this.entries.filter(({ name }) => name.startsWith(FOUND));
    const known = new Set(
      this.entries.filter((entry) => !finds.includes(entry)).flatMap(({ features }) => [...features]),
    );
    const chosen: Entry[] = [];
    for (let left = finds; left.length > 0;) {
      // The features that each input would still add.
      const candidates = left.map((entry) => ({
        entry,
        own: [...entry.features].filter((feature) => !known.has(feature)),
      }));
      left = candidates.filter(({ own }) => own.length > 0).map(({ entry }) => entry);
      const best = candidates.reduce((a, b) => (b.own.length > a.own.length ? b : a));
      if (best.own.length === 0) break;
      for (const feature of best.own) known.add(feature);
      chosen.push({ ...best.entry, own: best.own });
    }
    return chosen;
  }

  /** Shrinks a new input as long as it still reaches its own features. */
  async shrunk({ name, input, own }: Entry): Promise<Seed> {
    const check = async (candidate: Buffer): Promise<boolean> => {
      const features = await this.#featuresOf(candidate);
      return own.every((feature) => features.has(feature));
    };
    const { simpler } = this.target;
    const smaller = (await check(input)) ? await shrink(input, check, { tries: SHRINK_TRIES / 4, simpler }) : input;
    return smaller === input ? { name, input } : { name: FOUND + nameOf(smaller), input: smaller };
  }

  #next(): Buffer {
    const random = this.#random;
    const { entries } = this;
    if (entries.length === 0)
      return mutate(random.bytes(8), random.bytes(8), random, this.target.mutators, this.target.maxLength);
    // Half of the time one of the latest: new inputs have been tried least.
    const latest = Math.max(1, entries.length >> 2);
    const entry = random.oneIn(2) ? random.pick(entries) : random.pick(entries.slice(-latest));
    return mutate(entry.input, random.pick(entries).input, random, this.target.mutators, this.target.maxLength);
  }

  /** Runs many inputs, and looks for new blocks that they reach together. If there are some, it does the same with each half. */
  async #runTogether(inputs: readonly Buffer[]): Promise<readonly number[]> {
    const [first] = inputs;
    if (first !== undefined && inputs.length === 1) await this.#consider(first);
    if (inputs.length < 2) return [];
    for (const input of inputs) await this.#run(input);
    const features = this.#map.of(this.#options.coverage.take());
    const fresh = [...features].filter((feature) => !this.#seenBlocks.has(blockOf(feature)));
    if (fresh.length > 0) {
      const half = inputs.length >> 1;
      await this.#runTogether(inputs.slice(0, half));
      await this.#runTogether(inputs.slice(half));
    }
    return fresh;
  }

  /** Keeps an input that reaches something new twice. */
  async #consider(input: Buffer): Promise<void> {
    const features = await this.#featuresOf(input);
    const fresh = [...features].filter((feature) => !this.#seen.has(feature));
    if (fresh.length === 0) return;
    const again = await this.#featuresOf(input);
    const own = fresh.filter((feature) => again.has(feature));
    for (const feature of fresh) if (!again.has(feature)) this.#noteUnstable(feature);
    if (own.length === 0) return;
    this.#noteSeen(own);
    this.entries.push({ name: FOUND + nameOf(input), input, features, own });
  }

  #noteSeen(features: Iterable<number>): void {
    for (const feature of features) {
      this.#seen.add(feature);
      this.#seenBlocks.add(blockOf(feature));
    }
  }

  /** Some blocks depend on what ran before, for example on the fill level of a buffer that all connections share. */
  #noteUnstable(feature: number): void {
    const times = (this.#unstable.get(feature) ?? 0) + 1;
    this.#unstable.set(feature, times);
    if (times >= MAX_UNSTABLE) this.#noteSeen([feature]);
  }

  async #featuresOf(input: Buffer): Promise<Set<number>> {
    await this.#run(input);
    return this.#map.of(this.#options.coverage.take());
  }

  /** Runs an input. If it fails with a new signature, the input is shrunk and reported. */
  async #run(input: Buffer): Promise<void> {
    const error = await this.#attempt(input);
    if (error === undefined) return;
    const signature = signatureOf(error.thrown);
    if (this.crashes.has(signature)) return;
    const check = async (candidate: Buffer): Promise<boolean> => {
      const again = await this.#attempt(candidate);
      return again !== undefined && signatureOf(again.thrown) === signature;
    };
    const { simpler } = this.target;
    const smallest = (await check(input)) ? await shrink(input, check, { tries: SHRINK_TRIES, simpler }) : input;
    const { thrown } = (await this.#attempt(smallest)) ?? error;
    const { message, stack = "" } = thrown instanceof Error ? thrown : new Error(String(thrown));
    const crash = { target: this.target.name, signature, message, stack, seed: this.#options.seed, input: smallest };
    this.crashes.set(signature, crash);
    this.#options.onCrash?.(crash);
  }

  /** What an input throws, wrapped in an object: the thrown value may be undefined. */
  async #attempt(input: Buffer): Promise<{ readonly thrown: unknown } | undefined> {
    this.#options.watch?.begin(input);
    try {
      // A synchronous target needs no turn of the event loop.
      const running = this.target.run(Buffer.from(input), this.#context);
      if (running !== undefined) await running;
      return undefined;
    } catch (thrown) {
      return { thrown };
    } finally {
      this.#options.watch?.end();
    }
  }
}
