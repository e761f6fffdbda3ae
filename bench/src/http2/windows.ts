import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import Table from "cli-table3";
import { Command } from "commander";
import { ServerProcess } from "../measure/processes.ts";
import { median, ratio } from "../measure/statistics.ts";
import { RUNNING_NODE } from "../node.ts";
import type { Peer } from "../peers.ts";
import { describeMachine } from "../report/machine.ts";
import { times } from "../report/table.ts";
import { parseWhole } from "../sizes.ts";
import { OPCODE, clientFrame } from "../wire/frames.ts";
import { type CertificateFiles, makeCertificate } from "./certificate.ts";
import { openDistantLine } from "./distant-line.ts";
import { openSession, openStream } from "./links.ts";
import { exchange } from "./measure.ts";

// How large the windows of HTTP/2 should be: echoes of 64 KiB on this machine, and an upload over a line with a delay.
// The smaller the window, the less a peer can make the server hold; the larger, the faster an upload from far away.

const KIB = 1024;

/** Bytes of a stream's window, and of its session's. The second is what the library's own port has. */
const WINDOWS = [
  [64 * KIB, 512 * KIB],
  [128 * KIB, 1024 * KIB],
  [256 * KIB, 2048 * KIB],
  [1024 * KIB, 8192 * KIB],
] as const;

/** The row of {@link WINDOWS} that the others are compared with. */
const OURS = 1;

/** Milliseconds that a byte is on the line, in each direction. */
const DELAY = 20;

/** Bytes of a message of the upload. */
const MESSAGE = 64 * KIB;

interface Row {
  readonly stream: number;
  readonly session: number;
  readonly echoes: number[];
  readonly echoMicros: number[];
  /** MB in a second, of one WebSocket over the line. */
  readonly upload: number[];
}

const flags = new Command("npm run windows --prefix bench --")
  .option("--rounds <n>", "rounds", "6")
  .option("--seconds <n>", "seconds of each run", "1")
  .option("--save <name>", "save the record as bench/results/NAME.json")
  .parse()
  .opts<{ readonly rounds: string; readonly seconds: string; readonly save?: string }>();

const [rounds, seconds] = [parseWhole(flags.rounds), Number(flags.seconds)];
const machine = describeMachine(RUNNING_NODE);
const certificate = makeCertificate();
const rows = WINDOWS.map(([stream, session]): Row => ({ stream, session, echoes: [], echoMicros: [], upload: [] }));
try {
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`round ${round}\n`);
    for (const row of rows) await measure(row, certificate);
  }
} finally {
  certificate.remove();
}
process.stdout.write(`${rounds} rounds, ${machine.processor}, Node ${machine.node}\n${format()}\n`);
if (flags.save !== undefined) {
  const record = { date: new Date().toISOString(), machine, rounds, seconds, delay: DELAY, rows };
  writeFileSync(
    resolve(import.meta.dirname, `../../results/${flags.save}.json`),
    `${JSON.stringify(record, null, 2)}\n`,
  );
}
process.exit();

async function measure(row: Row, { key, cert }: CertificateFiles): Promise<void> {
  const peer: Peer = {
    id: "hawser-http2",
    title: "hawser, HTTP/2",
    script: "hawser-http2.js",
    runtime: "node",
    dialect: "plain",
    environment: {
      TLS_KEY: key,
      TLS_CERT: cert,
      STREAM_WINDOW: String(row.stream),
      SESSION_WINDOW: String(row.session),
    },
    serves: () => true,
  };
  const server = await ServerProcess.start(peer, "/echo");
  try {
    const echo = await exchange(server, "HTTP/2", { path: "/echo", connections: 8, size: 64 * KIB, depth: 2 }, seconds);
    row.echoes.push(echo.perSecond);
    row.echoMicros.push(echo.cpuMicros);
    row.upload.push(await upload(server.port));
  } finally {
    await server.stop();
  }
}

/** Sends messages on one WebSocket over the line, as fast as the windows let it. Returns MB in a second. */
async function upload(port: number): Promise<number> {
  const line = await openDistantLine(port, DELAY);
  const session = await openSession(line.port);
  const stream = await openStream(session, line.port, "/sink");
  let answers = 0;
  // An answer has a header of two bytes, and one byte.
  stream.on("data", (chunk: Buffer) => (answers += chunk.length / 3));
  const frame = clientFrame(OPCODE.binary, Buffer.alloc(MESSAGE));
  let isOver = false;
  const sending = (async (): Promise<void> => {
    while (!isOver) if (!stream.write(frame)) await Promise.race([once(stream, "drain"), pause(100)]);
  })();
  // The first round trips are those of the handshake and of the windows' first updates.
  await pause(500);
  const before = answers;
  const from = performance.now();
  await pause(seconds * 1000);
  const megabytes = ((answers - before) * MESSAGE) / 1e6 / ((performance.now() - from) / 1000);
  isOver = true;
  await sending;
  session.destroy();
  line.close();
  return megabytes;
}

function format(): string {
  const table = new Table({
    head: ["stream", "session", "echo 64 KiB a second", "CPU for each", `upload, ${2 * DELAY} ms round trip`],
  });
  const base = rows[OURS]!;
  for (const row of rows)
    table.push([
      `${row.stream / KIB} KiB`,
      `${row.session / KIB} KiB`,
      times(ratio(row.echoes, base.echoes)),
      times(ratio(row.echoMicros, base.echoMicros)),
      `${median(row.upload).toFixed(1)} MB/s`,
    ]);
  return table.toString();
}
