import { Command, InvalidArgumentError } from "commander";
import { measureEngine } from "./engine/rounds.ts";
import { summarizeEngine } from "./engine/summary.ts";
import type { EngineResult } from "./engine/summary.ts";
import { ALL_ENGINE_WORK, QUICK_ENGINE_WORK, isEngineId, selectEngineWork } from "./engine/work.ts";
import { BUILT, freeze, frozen } from "./measure/builds.ts";
import { Patience } from "./measure/patience.ts";
import type { Conduct, Pace } from "./measure/rounds.ts";
import { measure } from "./measure/rounds.ts";
import { buildBenchmark, buildLibrary } from "./npm.ts";
import { QUICK_PEERS, isHawser, selectPeers, withBaseline, withBuild } from "./peers.ts";
import type { Peer } from "./peers.ts";
import type { Plan } from "./plan.ts";
import { drawChart } from "./report/chart.ts";
import { describeMachine, disturbances } from "./report/machine.ts";
import { openProgress } from "./report/progress.ts";
import { saveResult } from "./report/save.ts";
import { summarize } from "./report/summary.ts";
import type { Result, WorkResult } from "./report/summary.ts";
import { formatTables } from "./report/table.ts";
import { parseWhole } from "./sizes.ts";
import { ALL_WORK, QUICK_WORK, selectWork } from "./work.ts";

interface Flags {
  readonly quick?: true;
  readonly only?: readonly string[];
  readonly peers?: readonly string[];
  readonly rounds?: number;
  readonly seconds?: number;
  readonly patience?: number;
  readonly baseline?: string;
  readonly save?: string;
  readonly json?: true;
  readonly build: boolean;
}

const ALL_IDS = [...ALL_WORK, ...ALL_ENGINE_WORK];
const QUICK_IDS = [...QUICK_WORK, ...QUICK_ENGINE_WORK];

const FULL_PACE: Pace = { rounds: 5, seconds: 1.5, warmup: 0.3, compile: 1, patience: 120 };
const QUICK_PACE: Pace = { rounds: 3, seconds: 0.5, warmup: 0.15, compile: 0.4, patience: 0 };

function list(text: string): string[] {
  return text.split(",").filter((part) => part !== "");
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError("A number above zero is expected.");
  return number;
}

function wholeAboveZero(text: string): number {
  const number = parseWhole(text);
  if (number === 0) throw new InvalidArgumentError("A whole number above zero is expected.");
  return number;
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("A whole number is expected.");
  return Number(text);
}

function parse(words: readonly string[]): Flags {
  return new Command("npm run bench --")
    .description("Measures hawser against other WebSocket servers: ratios of one run, on this machine.")
    .option("--quick", "the main ratios, in about a minute")
    .option("--only <ids>", `work to do, separated by commas: ${ALL_IDS.join(" ")}; sizes and depths are free`, list)
    .option("--peers <ids>", "servers that take part, separated by commas", list)
    .option("--rounds <n>", "rounds per work", wholeAboveZero)
    .option("--seconds <s>", "measured seconds per run", positive)
    .option(
      "--patience <s>",
      "seconds for waiting until the machine is quiet and for repeating disturbed runs, in all",
      wholeNumber,
    )
    .option("--baseline <folder>", "another build of hawser (its dist folder) that takes part as hawser-base")
    .option("--save <name>", "keep the result as bench/results/NAME.json and NAME.svg")
    .option("--json", "print the result as JSON instead of tables")
    .option("--no-build", "measure what was built before")
    .parse([...words], { from: "user" })
    .opts<Flags>();
}

function peersOf(flags: Flags): Peer[] {
  const peers = selectPeers(flags.peers ?? (flags.quick ? QUICK_PEERS : []));
  const ready = peers.map((peer) => (isHawser(peer) ? withBuild(peer, frozen("measured")) : peer));
  return flags.baseline === undefined ? ready : withBaseline(ready, frozen("baseline"));
}

function planOf(flags: Flags): Plan {
  const usual = flags.quick ? QUICK_PACE : FULL_PACE;
  const ids = flags.only ?? (flags.quick ? QUICK_IDS : ALL_IDS);
  return {
    works: selectWork(ids.filter((id) => !isEngineId(id))),
    engine: selectEngineWork(ids.filter(isEngineId)),
    peers: peersOf(flags),
    pace: {
      ...usual,
      rounds: flags.rounds ?? usual.rounds,
      seconds: flags.seconds ?? usual.seconds,
      patience: flags.patience ?? usual.patience,
    },
  };
}

/** Puts what is measured in its place. */
function prepare(flags: Flags): void {
  if (flags.build) buildLibrary();
  freeze(BUILT, "measured");
  if (flags.baseline !== undefined) freeze(flags.baseline, "baseline");
  if (flags.build) buildBenchmark();
}

async function measureAll(plan: Plan): Promise<Pick<Result, "works" | "engine">> {
  const { peers, pace } = plan;
  const works: WorkResult[] = [];
  const engine: EngineResult[] = [];
  const progress = openProgress(plan);
  const conduct: Conduct = { pace, patience: new Patience(pace.patience), onStep: progress.step };
  try {
    for (const work of plan.works) {
      const entries = await measure(work, peers, conduct);
      if (entries.length > 0) works.push(summarize(work, entries));
    }
    for (const work of plan.engine) {
      const entries = await measureEngine(work, peers, pace.rounds, conduct.onStep);
      if (entries.length > 0) engine.push(summarizeEngine(work, entries));
    }
  } finally {
    progress.close();
  }
  return { works, engine };
}

/**
 * Runs the benchmark.
 *
 * @param words - the command line, without node and script
 * @returns the exit code: 1 when a server failed
 * @throws Error - when the command line is wrong, or something cannot be built
 */
export async function main(words: readonly string[]): Promise<number> {
  const flags = parse(words);
  const plan = planOf(flags);
  prepare(flags);
  const machine = describeMachine();
  const { works, engine } = await measureAll(plan);
  const result: Result = { date: new Date().toISOString(), machine, pace: plan.pace, works, engine };
  process.stdout.write(flags.json ? `${JSON.stringify(result, null, 2)}\n` : formatTables(result));
  const names = flags.save ? ["last", flags.save] : ["last"];
  const files = names.flatMap((name) => saveResult(name, result, drawChart(result)));
  // After the tables, on standard error, so that `--json` stays clean.
  for (const line of [...disturbances(result), `Saved: ${files.join(", ")}`]) process.stderr.write(`${line}\n`);
  const rows = [...works, ...engine].flatMap((each): readonly { readonly failed?: string }[] => each.rows);
  return rows.some((row) => row.failed !== undefined) ? 1 : 0;
}
