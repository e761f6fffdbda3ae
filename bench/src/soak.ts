import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import type { Job } from "./load/job.ts";
import { residentBytes } from "./measure/memory.ts";
import { LoadProcess, ServerProcess } from "./measure/processes.ts";
import { RUNNING_NODE, findNode } from "./node.ts";
import { selectPeers, withNode } from "./peers.ts";
import { describeMachine } from "./report/machine.ts";
import { nodeOf } from "./report/table.ts";
import { parseWhole } from "./sizes.ts";

// The soak test of compression: many compressed messages on many connections, and the memory of the server in the meantime.
const CONNECTIONS = 2000;
const STEPS = 10;

interface Flags {
  readonly messages: string;
  readonly peer: string;
  readonly node?: string;
  readonly save?: string;
}

const flags = new Command("node bench/dist/soak.js")
  .option("--messages <n>", "compressed messages in all", "1000000")
  .option("--peer <id>", "the server", "hawser-deflate")
  .option("--node <node>", "the Node of the server: a path, or a version of this machine")
  .option("--save <name>", "save the record as bench/results/NAME.json")
  .parse()
  .opts<Flags>();

const messagesInAStep = Math.ceil(parseWhole(flags.messages) / STEPS / CONNECTIONS);
if (messagesInAStep === 0) throw new RangeError("--messages is not a whole number above zero");
const node = flags.node === undefined ? RUNNING_NODE : findNode(flags.node);
const machine = describeMachine(node);
const [peer] = selectPeers([flags.peer]).map((each) => withNode(each, node.executable));
const rss = await soak();
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
process.stdout.write(
  [
    `${peer!.title}: ${CONNECTIONS} connections, ${nodeOf(machine)}, ${machine.processor}`,
    "",
    "| messages | resident memory, MiB |",
    "| -------: | -------------------: |",
    ...rss.map(({ messages, bytes }) => `| ${messages.toLocaleString("en-US")} | ${mebibytes(bytes)} |`),
    "",
  ].join("\n"),
);
if (flags.save !== undefined) {
  const folder = resolve(import.meta.dirname, "../results");
  mkdirSync(folder, { recursive: true });
  const record = { date: new Date().toISOString(), machine, peer: peer!.id, connections: CONNECTIONS, rss };
  writeFileSync(resolve(folder, `${flags.save}.json`), `${JSON.stringify(record, null, 2)}\n`);
}

async function soak(): Promise<{ readonly messages: number; readonly bytes: number }[]> {
  const load = new LoadProcess();
  const server = await ServerProcess.start(peer!, "/echo");
  try {
    await load.hold(jobOf(server));
    const points: { readonly messages: number; readonly bytes: number }[] = [];
    for (let step = 1; step <= STEPS; step++) {
      await load.exchange(messagesInAStep);
      points.push({ messages: step * messagesInAStep * CONNECTIONS, bytes: residentBytes(server.pid) });
    }
    await load.release();
    return points;
  } finally {
    await Promise.all([load.stop(), server.stop()]);
  }
}

function jobOf({ port, pid }: ServerProcess): Job {
  return {
    kind: "idle",
    port,
    serverPids: [pid],
    dialect: "plain",
    route: "/echo",
    format: "text",
    connections: CONNECTIONS,
    size: 1024,
    depth: 1,
    messages: 1,
    varied: true,
    compressed: peer!.compressed === true,
    rate: 0,
    warmup: 0,
    seconds: 0,
  };
}
