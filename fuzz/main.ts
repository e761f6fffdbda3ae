import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { campaign } from "./engine/campaign.ts";
import { CORPUS } from "./engine/corpus.ts";
import { Coverage } from "./engine/coverage.ts";
import { CRASHES, readCrash } from "./engine/crash.ts";
import { type Result, jsonOf, tableOf } from "./engine/summary.ts";
import type { Target } from "./engine/target.ts";
import { Watchdog } from "./engine/watchdog.ts";

const USAGE = `npm run fuzz -- [options]
  --target NAME    fuzzes this target only; may be given several times
  --seconds N      the time in all, for all targets together (60)
  --runs N         stops each target after this number of inputs
  --seed N         the same seed, corpus and number of inputs give the same inputs
  --save           shrinks the new inputs and writes them to fuzz/corpus
  --json FILE      also writes the results to a file
  --replay FILE    runs only the input of a crash`;

/** Milliseconds after which an input counts as one that never ends. */
const TIMEOUT = 10_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      target: { type: "string", multiple: true },
      seconds: { type: "string" },
      runs: { type: "string" },
      seed: { type: "string" },
      save: { type: "boolean" },
      json: { type: "string" },
      replay: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  // Before the library is loaded: only code that is compiled later is counted block by block.
  const coverage = new Coverage();
  const { targets } = await import("./targets/all.ts");
  if (values.replay !== undefined) return replay(targets, values.replay, coverage);
  const chosen = values.target === undefined ? targets : values.target.map((name) => named(targets, name));
  const seed = numberOf(values.seed, Date.now() % 1_000_000);
  const runs = numberOf(values.runs, Infinity);
  // With `--runs` there is no time limit, so that each run tries the same inputs.
  const seconds = numberOf(values.seconds, runs === Infinity ? 60 : Infinity);
  console.log(`seed ${String(seed)}`);
  const results: Result[] = [];
  for (const target of chosen) {
    const watch = new Watchdog({ timeout: TIMEOUT, folder: CRASHES, target: target.name, seed });
    const milliseconds = (seconds * 1000) / chosen.length;
    const save = values.save === true;
    results.push(
      await campaign(target, {
        seed,
        coverage,
        milliseconds,
        runs,
        save,
        corpus: CORPUS,
        crashes: CRASHES,
        watch,
        log: console.log,
      }),
    );
    await watch.close();
  }
  console.log(tableOf(results));
  if (values.json !== undefined) writeFileSync(values.json, jsonOf(results, seed));
  return results.some(({ crashes }) => crashes.length > 0) ? 1 : 0;
}

/** Runs one input again. */
async function replay(targets: readonly Target[], file: string, coverage: Coverage): Promise<number> {
  const { target, input } = readCrash(file);
  try {
    await named(targets, target).run(input, { steps: (call) => coverage.steps(call) });
  } catch (error) {
    console.log(error);
    return 1;
  }
  console.log(`${target}: every invariant holds for the input of ${file}`);
  return 0;
}

function named(targets: readonly Target[], name: string): Target {
  const target = targets.find((one) => one.name === name);
  if (target === undefined)
    throw new Error(`There is no target "${name}": ${targets.map((one) => one.name).join(", ")}.`);
  return target;
}

function numberOf(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const number = Number(text);
  if (!(number >= 0)) throw new Error(`Expected a number, got "${text}".`);
  return number;
}

process.exitCode = await main();
