import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import Table from "cli-table3";
import { Command } from "commander";
import { ServerProcess } from "../measure/processes.ts";
import { median, ratio } from "../measure/statistics.ts";
import { RUNNING_NODE } from "../node.ts";
import type { Peer } from "../peers.ts";
import { describeMachine } from "../report/machine.ts";
import { times } from "../report/table.ts";
import { parseWhole } from "../sizes.ts";
import { makeCertificate } from "./certificate.ts";
import type { Transport } from "./links.ts";
import { type Exchange, exchange, handshakes, idleBytes } from "./measure.ts";

// WebSockets over HTTP/2 against those over HTTP/1.1, both with TLS, on one server. Each round has both, one after the other.
interface Flags {
  readonly rounds: string;
  readonly seconds: string;
  readonly save?: string;
}

/** The figures of one workload, by transport. */
interface Row {
  readonly id: string;
  readonly title: string;
  readonly perSecond: Record<Transport, number[]>;
  readonly cpuMicros: Record<Transport, number[]>;
  readonly bytes: Record<Transport, number[]>;
}

const TRANSPORTS: readonly Transport[] = ["HTTP/2", "HTTP/1.1"];

const EXCHANGES: readonly (readonly [string, string, Exchange])[] = [
  ["echo-20-1", "echo 20 B, 1 in flight, 100 WebSockets", { path: "/echo", connections: 100, size: 20, depth: 1 }],
  ["echo-20-16", "echo 20 B, 16 in flight, 100 WebSockets", { path: "/echo", connections: 100, size: 20, depth: 16 }],
  ["echo-64k", "echo 64 KiB, 2 in flight, 8 WebSockets", { path: "/echo", connections: 8, size: 65_536, depth: 2 }],
  ["fan-100", "broadcast to 100 × 100 B, 16 in flight", { path: "/broadcast", connections: 100, size: 100, depth: 16 }],
];

const IDLE = [100, 2000] as const;

const flags = new Command("npm run http2 --prefix bench --")
  .option("--rounds <n>", "rounds", "6")
  .option("--seconds <n>", "seconds of each run", "1")
  .option("--save <name>", "save the record as bench/results/NAME.json")
  .parse()
  .opts<Flags>();

const [rounds, seconds] = [parseWhole(flags.rounds), Number(flags.seconds)];
const machine = describeMachine(RUNNING_NODE);
const certificate = makeCertificate();
const peer: Peer = {
  id: "hawser-tls",
  title: "hawser, TLS",
  script: "hawser-tls.js",
  runtime: "node",
  dialect: "plain",
  environment: { TLS_KEY: certificate.key, TLS_CERT: certificate.cert },
  serves: () => true,
};
const rows = [
  ...EXCHANGES.map(([id, title]) => newRow(id, title)),
  newRow("handshakes", "handshakes: new TCP connections, against one session"),
  ...IDLE.map((count) => newRow(`idle-${count}`, `memory of each of ${count} idle WebSockets`)),
];
try {
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`round ${round}\n`);
    for (const transport of TRANSPORTS) await measureAll(transport);
  }
} finally {
  certificate.remove();
}
process.stdout.write(`${rounds} rounds, ${machine.processor}, Node ${machine.node}\n${format()}\n`);
if (flags.save !== undefined) {
  const folder = resolve(import.meta.dirname, "../../results");
  mkdirSync(folder, { recursive: true });
  const record = { date: new Date().toISOString(), machine, rounds, seconds, rows };
  writeFileSync(resolve(folder, `${flags.save}.json`), `${JSON.stringify(record, null, 2)}\n`);
}

function newRow(id: string, title: string): Row {
  const none = (): Record<Transport, number[]> => ({ "HTTP/1.1": [], "HTTP/2": [] });
  return { id, title, perSecond: none(), cpuMicros: none(), bytes: none() };
}

async function measureAll(transport: Transport): Promise<void> {
  const server = await ServerProcess.start(peer, "/echo");
  try {
    for (const [index, [, , work]] of EXCHANGES.entries())
      note(rows[index]!, transport, await exchange(server, transport, work, seconds));
    note(rows[EXCHANGES.length]!, transport, await handshakes(server, transport, seconds));
  } finally {
    await server.stop();
  }
  for (const [index, count] of IDLE.entries()) {
    const fresh = await ServerProcess.start(peer, "/echo");
    try {
      rows[EXCHANGES.length + 1 + index]!.bytes[transport].push(await idleBytes(fresh, transport, count));
    } finally {
      await fresh.stop();
    }
  }
}

function note(row: Row, transport: Transport, sample: { perSecond: number; cpuMicros: number }): void {
  row.perSecond[transport].push(sample.perSecond);
  row.cpuMicros[transport].push(sample.cpuMicros);
}

function format(): string {
  const table = new Table({
    head: ["workload", "HTTP/2", "HTTP/1.1", "ratio", "CPU µs, HTTP/2", "CPU µs, HTTP/1.1", "ratio"],
    style: { head: [], border: [], compact: true },
  });
  for (const { title, perSecond, cpuMicros, bytes } of rows) {
    const isMemory = bytes["HTTP/2"].length > 0;
    table.push([title, ...cells(isMemory ? bytes : perSecond, 0), ...(isMemory ? ["", "", ""] : cells(cpuMicros, 2))]);
  }
  return table.toString();
}

function cells(of: Record<Transport, number[]>, digits: number): string[] {
  const value = (transport: Transport): string => median(of[transport]).toFixed(digits);
  return [value("HTTP/2"), value("HTTP/1.1"), times(ratio(of["HTTP/2"], of["HTTP/1.1"]))];
}
