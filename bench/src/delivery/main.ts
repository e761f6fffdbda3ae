import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import Table from "cli-table3";
import { Command, InvalidArgumentError } from "commander";
import { startJoined } from "../measure/joined.ts";
import { RUNNING_NODE } from "../node.ts";
import { selectPeers } from "../peers.ts";
import { type Machine, describeMachine } from "../report/machine.ts";
import { type Contestant, selectContestants } from "./contestants.ts";
import { type Delivery, type DeliveryPlan, deliver } from "./run.ts";

// The delivery test: clients are cut at random under load, and what they receive is counted.
interface Flags extends DeliveryPlan {
  readonly peers: readonly string[];
  readonly save?: string;
}

/** One line of a record. */
type Row = Delivery & Pick<Contestant, "id" | "title">;

const flags = parse();
const { peers, save, ...plan } = flags;
const machine = describeMachine(RUNNING_NODE);
const rows: Row[] = [];
for (const contestant of selectContestants(peers)) {
  process.stderr.write(`${contestant.title}: ${plan.clients} clients, ${plan.rate} messages/s, ${plan.seconds} s\n`);
  rows.push({ id: contestant.id, title: contestant.title, ...(await run(contestant)) });
}
process.stdout.write(`${format(machine, rows)}\n`);
if (save !== undefined) {
  const folder = resolve(import.meta.dirname, "../../results");
  mkdirSync(folder, { recursive: true });
  const record = { date: new Date().toISOString(), machine, plan, rows };
  writeFileSync(resolve(folder, `${save}.json`), `${JSON.stringify(record, null, 2)}\n`);
}
// A client may still wait to connect again.
process.exit();

async function run(contestant: Contestant): Promise<Delivery> {
  const [peer] = selectPeers([contestant.peer]);
  const site = await startJoined(peer!, "/history");
  try {
    return await deliver(contestant, site, plan);
  } finally {
    await site.stop();
  }
}

function format({ processor, cores, system, node, versions }: Machine, all: readonly Row[]): string {
  const table = new Table({
    head: ["server and client", "delivered", "doubled", "out of order", "told missing", "incomplete clients", "cuts"],
    colAligns: ["left", "right", "right", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of all) {
    const percent = (count: number): string => `${((100 * count) / row.expected).toFixed(3)} %`;
    const counts = [row.delivered, row.doubled, row.outOfOrder].map(percent);
    table.push([row.title, ...counts, row.toldMissing, `${row.incomplete}/${plan.clients}`, row.cuts]);
  }
  const packages = ["hawser", "socket.io", "@socket.io/redis-streams-adapter", "ioredis"];
  return [
    `${processor}, ${cores} cores, ${system}, Node ${node}, ${packages.map((name) => `${name} ${versions[name]}`).join(", ")}`,
    `${plan.clients} clients, ${plan.rate} messages/s for ${plan.seconds} s, each client cut every ${plan.every} s for ${plan.outage} s, seed ${plan.seed}`,
    table.toString(),
  ].join("\n");
}

function parse(): Flags {
  return new Command("npm run delivery --prefix bench --")
    .description("Cuts clients at random under load, and counts what they receive: two servers that Redis joins.")
    .option("--clients <n>", "clients", aboveZero, 100)
    .option("--rate <n>", "messages per second, of two publishers", aboveZero, 100)
    .option("--seconds <s>", "seconds of load", aboveZero, 60)
    .option("--every <s>", "seconds between two cuts of one client, on average", aboveZero, 10)
    .option("--outage <s>", "seconds of one cut", aboveZero, 2)
    .option("--seed <n>", "another number gives other cuts", aboveZero, 1)
    .option("--peers <ids>", "hawser, hawser-page, socket.io, separated by commas", (text) => text.split(","), [])
    .option("--save <name>", "save the record as bench/results/NAME.json")
    .parse()
    .opts<Flags>();
}

function aboveZero(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError("A number above zero is expected.");
  return number;
}
