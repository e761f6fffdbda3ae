import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import Table from "cli-table3";
import { Command } from "commander";
import { type Ratio, median, ratio } from "../measure/statistics.ts";
import { RUNNING_NODE } from "../node.ts";
import { type Peer, selectPeers } from "../peers.ts";
import { describeMachine } from "../report/machine.ts";
import { times } from "../report/table.ts";
import { parseWhole } from "../sizes.ts";
import { TOPICS_EACH, type TopicSample, measureTopics } from "./measure.ts";

// What many topics cost in one process. Each round has new servers, one after the other.
interface Flags {
  readonly topics: string;
  readonly rounds: string;
  readonly save?: string;
}

/** All samples of one server. The others are compared with those of the first one. */
interface Row {
  readonly peer: string;
  readonly title: string;
  readonly samples: TopicSample[];
}

const FIGURES: readonly (readonly [keyof TopicSample, string, number])[] = [
  ["newTopicMicros", "new topic: CPU µs", 2],
  ["subscribeMicros", "further subscription: CPU µs", 2],
  ["topicBytes", "new topic: bytes", 0],
  ["subscriptionBytes", "further subscription: bytes", 0],
  ["publishMicros", "publish to 2: CPU µs", 1],
];

const flags = new Command("npm run topics --prefix bench --")
  .option("--topics <n>", `topics in all: each connection has ${TOPICS_EACH} of them`, "100000")
  .option("--rounds <n>", "rounds", "3")
  .option("--save <name>", "save the record as bench/results/NAME.json")
  .parse()
  .opts<Flags>();

const [topics, rounds] = [parseWhole(flags.topics), parseWhole(flags.rounds)];
if (topics === 0 || topics % TOPICS_EACH !== 0 || rounds === 0)
  throw new RangeError(`--topics must be a multiple of ${TOPICS_EACH}, and --rounds above zero`);
const machine = describeMachine(RUNNING_NODE);
const [hawser, ws, bun] = selectPeers(["hawser", "ws", "bun"]) as [Peer, Peer, Peer];
const peers = [
  hawser,
  { ...hawser, id: "hawser-history", title: "hawser, topics with history", options: ["history"] },
  ws,
  bun,
];
const rows = peers.map(({ id, title }): Row => ({ peer: id, title, samples: [] }));
for (let round = 1; round <= rounds; round++) {
  for (const [index, peer] of peers.entries()) {
    process.stderr.write(`round ${round}: ${peer.title}\n`);
    rows[index]!.samples.push(await measureTopics(peer, topics));
  }
}
process.stdout.write(`${topics} topics, ${rounds} rounds, ${machine.processor}, Node ${machine.node}\n${format()}\n`);
if (flags.save !== undefined) {
  const folder = resolve(import.meta.dirname, "../../results");
  mkdirSync(folder, { recursive: true });
  const record = { date: new Date().toISOString(), machine, topics, rounds, rows };
  writeFileSync(resolve(folder, `${flags.save}.json`), `${JSON.stringify(record, null, 2)}\n`);
}

function format(): string {
  const table = new Table({
    head: ["server", ...FIGURES.flatMap(([, head]) => [head, "hawser: ratio"])],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const cells = FIGURES.flatMap(([name, , digits]) => [
      median(row.samples.map((sample) => sample[name])).toFixed(digits),
      row === rows[0] ? "" : times(ratioTo(row, name)),
    ]);
    table.push([row.title, ...cells]);
  }
  return table.toString();
}

function ratioTo(row: Row, name: keyof TopicSample): Ratio | null {
  const of = ({ samples }: Row): number[] => samples.map((sample) => sample[name]);
  return ratio(of(rows[0]!), of(row));
}
