import { type Seed, readCorpus, writeCorpus } from "./corpus.ts";
import type { Coverage } from "./coverage.ts";
import { type Crash, writeCrash } from "./crash.ts";
import { Fuzzer, type Watch } from "./fuzzer.ts";
import type { Result } from "./summary.ts";
import type { Target } from "./target.ts";

/** How long a target is fuzzed, and where the results are written. */
export interface CampaignOptions {
  readonly seed: number;
  readonly coverage: Coverage;
  /** The fuzzing ends after this many milliseconds or after `runs` inputs. */
  readonly milliseconds: number;
  readonly runs: number;
  /** Whether new inputs are written to the corpus. */
  readonly save: boolean;
  /** The folder of the corpus. */
  readonly corpus: string;
  /** The folder that crashes are written to. */
  readonly crashes: string;
  readonly watch?: Watch | undefined;
  readonly log: (line: string) => void;
}

/** The maximum number of new inputs that are written to the corpus, the best first: a replay must take seconds, not minutes. */
const MAX_SAVED = 150;

/** Fuzzes one target. */
export async function campaign(target: Target, options: CampaignOptions): Promise<Result> {
  const { seed, coverage, milliseconds, runs, log } = options;
  const seeds = readCorpus(target, options.corpus);
  const onCrash = (crash: Crash): void => {
    log(`${target.name}: ${crash.message}\n  ${writeCrash(options.crashes, crash)}`);
  };
  const fuzzer = new Fuzzer({ target, seeds, seed, coverage, watch: options.watch, onCrash });
  const start = performance.now();
  await fuzzer.start();
  const before = { blocks: fuzzer.blocks, features: fuzzer.features };
  while (performance.now() - start < milliseconds && fuzzer.tried < runs) await fuzzer.round();
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  if (options.save)
    log(`${target.name}: wrote ${writeCorpus(target, await seedsToSave(fuzzer, seeds), options.corpus)}`);
  return {
    target: target.name,
    inputs: fuzzer.tried,
    seconds,
    corpus: [seeds.length, fuzzer.entries.length],
    blocks: [before.blocks, fuzzer.blocks],
    features: [before.features, fuzzer.features],
    crashes: [...fuzzer.crashes.keys()],
  };
}

/** The corpus, and the new inputs that still add something after they were shrunk. */
async function seedsToSave(fuzzer: Fuzzer, seeds: readonly Seed[]): Promise<Seed[]> {
  const saved = [...seeds];
  for (const entry of fuzzer.bestFinds().slice(0, MAX_SAVED)) {
    const seed = await fuzzer.shrunk(entry);
    if (!saved.some(({ input }) => input.equals(seed.input))) saved.push(seed);
  }
  return saved;
}
