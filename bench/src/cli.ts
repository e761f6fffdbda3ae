import { Command, InvalidArgumentError } from "commander";
import { measureEngine } from "./engine/rounds.ts";
import { summarizeEngine } from "./engine/summary.ts";
import type { EngineResult } from "./engine/summary.ts";
import { ALL_ENGINE_WORK, QUICK_ENGINE_WORK, isEngineId, selectEngineWork } from "./engine/work.ts";
import { BUILT, copyBuild, copyOf } from "./measure/builds.ts";
import { Patience } from "./measure/patience.ts";
import type { RunSettings, Timing } from "./measure/rounds.ts";
import { measure } from "./measure/rounds.ts";
import { RUNNING_NODE, findNode } from "./node.ts";
import type { NodeRuntime } from "./node.ts";
import { buildBenchmark, buildLibrary } from "./npm.ts";
import { QUICK_PEERS, isHawser, selectPeers, withBaseline, withBuild, withNode } from "./peers.ts";
import type { Peer } from "./peers.ts";
import type { Plan } from "./plan.ts";
import { drawChart } from "./report/chart.ts";
import { describeMachine, disturbances } from "./report/machine.ts";
import { openProgress } from "./report/progress.ts";
import { formatMarkdown } from "./report/markdown.ts";
import { readResult, saveResult } from "./report/save.ts";
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
  readonly node?: string;
  readonly table?: readonly string[];
  readonly save?: string;
  readonly json?: true;
  readonly build: boolean;
}

const ALL_IDS = [...ALL_WORK, ...ALL_ENGINE_WORK];
const QUICK_IDS = [...QUICK_WORK, ...QUICK_ENGINE_WORK];

const FULL_TIMING: Timing = { rounds: 5, seconds: 1.5, warmup: 0.3, compile: 1, patience: 120 };
const QUICK_TIMING: Timing = { rounds: 3, seconds: 0.5, warmup: 0.15, compile: 0.4, patience: 0 };

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

function parse(args: readonly string[]): Flags {
  return new Command("npm run bench --")
    .description("Compares hawser with other WebSocket servers, as ratios of one run on this machine.")
    .option("--quick", "the main ratios, in about a minute")
    .option(
      "--only <ids>",
      `workloads, separated by commas: ${ALL_IDS.join(" ")}; other sizes and depths are possible`,
      list,
    )
    .option("--peers <ids>", "servers to measure, separated by commas", list)
    .option("--rounds <n>", "rounds per workload", wholeAboveZero)
    .option("--seconds <s>", "seconds measured in each run", positive)
    .option("--patience <s>", "seconds in all to wait for an idle machine and to repeat disturbed runs", wholeNumber)
    .option("--baseline <folder>", "another build of hawser (its dist folder), measured as hawser-base")
    .option("--node <node>", "the Node of the servers: a path, or a version of this machine, such as 26")
    .option("--table <names>", "measure nothing: print saved results as one Markdown table, separated by commas", list)
    .option("--save <name>", "save the result as bench/results/NAME.json and NAME.svg")
    .option("--json", "print the result as JSON instead of tables")
    .option("--no-build", "measure the last build")
    .parse([...args], { from: "user" })
    .opts<Flags>();
}

function peersOf(flags: Flags, node: NodeRuntime): Peer[] {
  const peers = selectPeers(flags.peers ?? (flags.quick ? QUICK_PEERS : []));
  const ready = peers
    .map((peer) => (isHawser(peer) ? withBuild(peer, copyOf("measured")) : peer))
    .map((peer) => withNode(peer, node.executable));
  return flags.baseline === undefined ? ready : withBaseline(ready, copyOf("baseline"));
}

function planOf(flags: Flags, node: NodeRuntime): Plan {
  const usual = flags.quick ? QUICK_TIMING : FULL_TIMING;
  const ids = flags.only ?? (flags.quick ? QUICK_IDS : ALL_IDS);
  return {
    works: selectWork(ids.filter((id) => !isEngineId(id))),
    engine: selectEngineWork(ids.filter(isEngineId)),
    peers: peersOf(flags, node),
    timing: {
      ...usual,
      rounds: flags.rounds ?? usual.rounds,
      seconds: flags.seconds ?? usual.seconds,
      patience: flags.patience ?? usual.patience,
    },
  };
}

/** Builds the library and the benchmark, and copies the builds that are measured. */
function prepare(flags: Flags): void {
  if (flags.build) buildLibrary();
  copyBuild(BUILT, "measured");
  if (flags.baseline !== undefined) copyBuild(flags.baseline, "baseline");
  if (flags.build) buildBenchmark();
}

async function measureAll(plan: Plan): Promise<Pick<Result, "works" | "engine">> {
  const { peers, timing } = plan;
  const works: WorkResult[] = [];
  const engine: EngineResult[] = [];
  const progress = openProgress(plan);
  const settings: RunSettings = { timing, patience: new Patience(timing.patience), onStep: progress.step };
  try {
    for (const work of plan.works) {
      const entries = await measure(work, peers, settings);
      if (entries.length > 0) works.push(summarize(work, entries));
    }
    for (const work of plan.engine) {
      const entries = await measureEngine(work, peers, timing.rounds, settings.onStep);
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
 * @param args - the command line, without node and script
 * @returns the exit code: 1 if a server failed
 * @throws Error - if the command line is wrong, or a build fails
 */
export async function main(args: readonly string[]): Promise<number> {
  const flags = parse(args);
  if (flags.table !== undefined) {
    process.stdout.write(formatMarkdown(flags.table.map(readResult)));
    return 0;
  }
  const node = flags.node === undefined ? RUNNING_NODE : findNode(flags.node);
  const plan = planOf(flags, node);
  prepare(flags);
  const machine = describeMachine(node);
  const { works, engine } = await measureAll(plan);
  const result: Result = { date: new Date().toISOString(), machine, pace: plan.timing, works, engine };
  process.stdout.write(flags.json ? `${JSON.stringify(result, null, 2)}\n` : formatTables(result));
  const names = flags.save ? ["last", flags.save] : ["last"];
  const files = names.flatMap((name) => saveResult(name, result, drawChart(result)));
  // After the tables, on standard error, so that standard output is only JSON with `--json`.
  for (const line of [...disturbances(result), `Saved: ${files.join(", ")}`]) process.stderr.write(`${line}\n`);
  const rows = [...works, ...engine].flatMap((each): readonly { readonly failed?: string }[] => each.rows);
  return rows.some((row) => row.failed !== undefined) ? 1 : 0;
}
