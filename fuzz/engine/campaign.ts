import { type Seed, readCorpus, writeCorpus } from "./corpus.ts";
import type { Coverage } from "./coverage.ts";
import { type Crash, writeCrash } from "./crash.ts";
import { Fuzzer, type Watch } from "./fuzzer.ts";
import type { Result } from "./summary.ts";
import type { Target } from "./target.ts";

/** How long a target is fuzzed, and what is done with what is found. */
export interface CampaignOptions {
  readonly seed: number;
  readonly coverage: Coverage;
  /** Milliseconds, or so many inputs: whichever comes first. */
  readonly milliseconds: number;
  readonly runs: number;
  /** Whether finds are written to the corpus. */
  readonly save: boolean;
  /** Where the corpus is. */
  readonly corpus: string;
  /** Where crashes are written to. */
  readonly crashes: string;
  readonly watch?: Watch | undefined;
  readonly say: (line: string) => void;
}

/** Finds that are written to the corpus at most, those that reach a new block first: a replay takes seconds, not minutes. */
const MAX_SAVED = 150;

/** Fuzzes one target. */
export async function campaign(target: Target, options: CampaignOptions): Promise<Result> {
  const { seed, coverage, milliseconds, runs, say } = options;
  const seeds = readCorpus(target, options.corpus);
  const onCrash = (crash: Crash): void => {
    say(`${target.name}: ${crash.message}\n  ${writeCrash(options.crashes, crash)}`);
  };
  const fuzzer = new Fuzzer({ target, seeds, seed, coverage, watch: options.watch, onCrash });
  const begun = performance.now();
  await fuzzer.start();
  const before = { blocks: fuzzer.blocks, features: fuzzer.features };
  while (performance.now() - begun < milliseconds && fuzzer.tried < runs) await fuzzer.round();
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  if (options.save)
    say(`${target.name}: wrote ${writeCorpus(target, await worthSaving(fuzzer, seeds), options.corpus)}`);
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

/** The corpus with what was found, shrunk, as far as it still adds something. */
async function worthSaving(fuzzer: Fuzzer, seeds: readonly Seed[]): Promise<Seed[]> {
  const saved = [...seeds];
  for (const entry of fuzzer.findsByWorth().slice(0, MAX_SAVED)) {
    const seed = await fuzzer.shrunk(entry);
    if (!saved.some(({ input }) => input.equals(seed.input))) saved.push(seed);
  }
  return saved;
}
