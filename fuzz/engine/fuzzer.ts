import type { Coverage } from "./coverage.ts";
import { FOUND, type Seed } from "./corpus.ts";
import { type Crash, nameOf, signatureOf } from "./crash.ts";
import { FeatureMap, blockOf } from "./features.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import type { RunContext, Target } from "./target.ts";

/** An input that is worth mutating. */
export interface Entry extends Seed {
  /** What it does. */
  readonly features: ReadonlySet<number>;
  /** What nothing before it did. */
  readonly own: readonly number[];
}

/** Is told which input runs, for the case that it never ends. */
export interface Watch {
  /** An input begins. */
  begin(input: Buffer): void;
  /** It has ended. */
  end(): void;
}

/** What a fuzzer needs beside its target. */
export interface FuzzerOptions {
  readonly target: Target;
  /** What it starts with. */
  readonly seeds: readonly Seed[];
  /** The same seed and the same corpus lead to the same inputs. */
  readonly seed: number;
  readonly coverage: Coverage;
  readonly watch?: Watch | undefined;
  /** Is told of the first input for each signature, shrunk. */
  readonly onCrash?: (crash: Crash) => void;
}

/** Inputs that run alone in a round where how often each block is entered is looked at, too. */
const ALONE = 8;

/** One round in so many is of that kind: the others only look for blocks that nobody has entered, many inputs at once. */
const ALONE_EVERY = 8;

/** Times a feature may come and not come again with the same input, until it is taken for noise. */
const NOISE = 3;

/** Runs to shrink a find at most. */
const SHRINK_TRIES = 1500;

/** Mutates what is in the corpus, runs it, and keeps what reaches something new. */
export class Fuzzer {
  readonly target: Target;
  /** The corpus, and what was found. */
  readonly entries: Entry[] = [];
  /** All crashes, one for each signature. */
  readonly crashes = new Map<string, Crash>();
  /** Inputs tried, without those that were run again. */
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

  /** Features reached so far: blocks of code, and how often each. */
  get features(): number {
    return this.#seen.size;
  }

  /** Blocks of code reached so far. */
  get blocks(): number {
    return this.#seenBlocks.size;
  }

  /** Runs the corpus: what it reaches is nothing new. */
  async start(): Promise<void> {
    // Once so that all blocks are known, which a report tells by and by, and once to see who enters them.
    for (const { input } of this.#options.seeds) await this.#featuresOf(input);
    for (const { name, input } of this.#options.seeds) {
      const features = await this.#featuresOf(input);
      const own = [...features].filter((feature) => !this.#seen.has(feature));
      this.#see(features);
      this.entries.push({ name, input, features, own });
    }
    this.tried += this.#options.seeds.length;
  }

  /** Tries some inputs. */
  async round(): Promise<void> {
    const alone = this.#rounds++ % ALONE_EVERY === 0 || this.target.batch === 1;
    const inputs = Array.from({ length: alone ? ALONE : this.target.batch }, () => this.#next());
    this.tried += inputs.length;
    if (alone) for (const input of inputs) await this.#consider(input);
    // What no half of them shows again depends on what ran before.
    else for (const feature of await this.#together(inputs)) if (!this.#seen.has(feature)) this.#doubt(feature);
  }

  /**
   * The finds that reach all that was found, as few as it takes: those first that reach most that nobody before them
   * does.
   */
  findsByWorth(): Entry[] {
    const finds = this.entries.filter(({ name }) => name.startsWith(FOUND));
    const known = new Set(
      this.entries.filter((entry) => !finds.includes(entry)).flatMap(({ features }) => [...features]),
    );
    const chosen: Entry[] = [];
    for (let left = finds; left.length > 0;) {
      // What is new of each by now.
      const worth = left.map((entry) => ({ entry, own: [...entry.features].filter((feature) => !known.has(feature)) }));
      left = worth.filter(({ own }) => own.length > 0).map(({ entry }) => entry);
      const best = worth.reduce((a, b) => (b.own.length > a.own.length ? b : a));
      if (best.own.length === 0) break;
      for (const feature of best.own) known.add(feature);
      chosen.push({ ...best.entry, own: best.own });
    }
    return chosen;
  }

  /** Shrinks a find as far as it still does what it was kept for. */
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
    // Half of the time one of the latest: what is new has been tried least.
    const latest = Math.max(1, entries.length >> 2);
    const entry = random.oneIn(2) ? random.pick(entries) : random.pick(entries.slice(-latest));
    return mutate(entry.input, random.pick(entries).input, random, this.target.mutators, this.target.maxLength);
  }

  /** Runs many inputs and looks which new blocks they reach together; where there are some, at each half. */
  async #together(inputs: readonly Buffer[]): Promise<readonly number[]> {
    const [first] = inputs;
    if (first !== undefined && inputs.length === 1) await this.#consider(first);
    if (inputs.length < 2) return [];
    for (const input of inputs) await this.#run(input);
    const features = this.#map.of(this.#options.coverage.take());
    const fresh = [...features].filter((feature) => !this.#seenBlocks.has(blockOf(feature)));
    if (fresh.length > 0) {
      const half = inputs.length >> 1;
      await this.#together(inputs.slice(0, half));
      await this.#together(inputs.slice(half));
    }
    return fresh;
  }

  /** Keeps an input that reaches something new, and does so twice. */
  async #consider(input: Buffer): Promise<void> {
    const features = await this.#featuresOf(input);
    const fresh = [...features].filter((feature) => !this.#seen.has(feature));
    if (fresh.length === 0) return;
    const again = await this.#featuresOf(input);
    const own = fresh.filter((feature) => again.has(feature));
    for (const feature of fresh) if (!again.has(feature)) this.#doubt(feature);
    if (own.length === 0) return;
    this.#see(own);
    this.entries.push({ name: FOUND + nameOf(input), input, features, own });
  }

  #see(features: Iterable<number>): void {
    for (const feature of features) {
      this.#seen.add(feature);
      this.#seenBlocks.add(blockOf(feature));
    }
  }

  /** Some blocks depend on what ran before, e.g. on how full a buffer is that all connections share. */
  #doubt(feature: number): void {
    const times = (this.#unstable.get(feature) ?? 0) + 1;
    this.#unstable.set(feature, times);
    if (times >= NOISE) this.#see([feature]);
  }

  async #featuresOf(input: Buffer): Promise<Set<number>> {
    await this.#run(input);
    return this.#map.of(this.#options.coverage.take());
  }

  /** Runs an input; what it breaks is shrunk and told, once for each signature. */
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

  /** What running an input throws, in an object of its own: it may be undefined. */
  async #attempt(input: Buffer): Promise<{ readonly thrown: unknown } | undefined> {
    this.#options.watch?.begin(input);
    try {
      // Those that do not wait for anything cost no turn.
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
