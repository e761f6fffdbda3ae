import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { parseArgs } from "node:util";
import { Child } from "./reliability/child.ts";
import { FIN, Op, clientFrame } from "./reliability/frames.ts";
import { circumstances, inWords } from "./reliability/machine.ts";
import { publish } from "./reliability/save.ts";
import type { neighbour } from "./reliability/stalls/neighbour.ts";
import type { server } from "./reliability/stalls/server.ts";
import { markdownTable, whole } from "./reliability/table.ts";

/**
 * Measures how long one peer that floods can stop the event loop, and what a neighbour notices. Server, neighbour, and hostile
 * peer with the members have a process each.
 *
 *     npx tsx scripts/stalls.ts --save docs/reliability/stalls.json
 */
const { values } = parseArgs({
  options: {
    /** A JSON file for the record. */
    save: { type: "string" },
    /** Another build of the library, a path to its `hawser.js`. */
    build: { type: "string", default: "hawser" },
    rounds: { type: "string", default: "5" },
  },
});

/** The members of the chat, besides the one that floods. */
const MEMBERS = 200;

/** Bytes that are sent in one flood. */
const BYTES = 210_000;

/** Milliseconds that the neighbour is measured without a flood. */
const QUIET = 1000;

/** What floods. */
interface Flood {
  readonly what: string;
  readonly path: string;
  readonly members: number;
  readonly payload: string;
  /** How often `BYTES` are sent, so that the flood lasts about as long as the other. */
  readonly times: number;
}

const floods: readonly Flood[] = [
  {
    what: `a chat of ${String(MEMBERS)}, messages of one byte`,
    path: "/chat",
    members: MEMBERS,
    payload: "x",
    times: 1,
  },
  { what: '`invalidJson: "ignore"`, messages of one byte', path: "/json", members: 0, payload: "{", times: 10 },
];

/** One round. */
interface Round {
  /** The longest stall in milliseconds. */
  readonly worst: number;
  readonly messages: number;
  readonly p99Without: number;
  readonly p99With: number;
}

async function client(port: number, path: string): Promise<Socket> {
  // Members read into one memory: their work must not slow the server.
  const memory = Buffer.alloc(64 * 1024);
  let isOpen: (value: unknown) => void = () => undefined;
  const opened = new Promise((resolve) => (isOpen = resolve));
  const onread = {
    buffer: memory,
    callback: () => {
      isOpen(undefined);
      return true;
    },
  };
  const socket = connect({ port, host: "127.0.0.1", onread });
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  await opened;
  return socket;
}

async function measure({ path, members, payload, times }: Flood): Promise<Round> {
  const ours = new Child<typeof server>("stalls/server.ts");
  const other = new Child<typeof neighbour>("stalls/neighbour.ts");
  try {
    const port = await ours.call("start", values.build);
    await other.call("open", port);
    const sockets = await Promise.all(Array.from({ length: members }, () => client(port, path)));
    const flooder = await client(port, path);
    const frame = clientFrame(FIN | Op.text, payload);
    const count = Math.floor(BYTES / frame.length);
    const bytes = Buffer.concat(Array.from({ length: count }, () => frame));
    // The first messages are slower: code is compiled.
    await flood(ours, flooder, bytes.subarray(0, 500 * frame.length), 500, 1);
    const p99Without = await p99During(other, () => new Promise((resolve) => setTimeout(resolve, QUIET)));
    await ours.call("reset");
    const p99With = await p99During(other, () => flood(ours, flooder, bytes, count, times));
    const { worst } = await ours.call("stalls");
    for (const socket of [...sockets, flooder]) socket.destroy();
    return { worst, messages: count * times, p99Without, p99With };
  } finally {
    await Promise.all([ours.stop(), other.stop()]);
  }
}

/** Sends the bytes, and waits until the server has handled their messages. */
async function flood(
  ours: Child<typeof server>,
  socket: Socket,
  bytes: Buffer,
  count: number,
  times: number,
): Promise<void> {
  const handled = async (): Promise<number> => {
    const { messages, errors } = await ours.call("stalls");
    return messages + errors;
  };
  const before = await handled();
  for (let i = 0; i < times; i++) if (!socket.write(bytes)) await once(socket, "drain");
  while ((await handled()) < before + count * times) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function p99During(other: Child<typeof neighbour>, action: () => Promise<unknown>): Promise<number> {
  await other.call("begin");
  await action();
  const all = (await other.call("end")).sort((a, b) => a - b);
  return all[Math.floor(all.length * 0.99)] ?? 0;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

const machine = circumstances();
const results: { readonly what: string; readonly rounds: Round[] }[] = [];
for (const one of floods) {
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds); round++) rounds.push(await measure(one));
  results.push({ what: one.what, rounds });
}

const ms = (value: number): string => value.toFixed(1);
const table = markdownTable(
  [
    { head: "what one peer floods", left: true, cell: ({ what }) => what },
    { head: "messages", cell: ({ rounds }) => whole(rounds[0]?.messages ?? 0) },
    { head: "worst stall, ms (median)", cell: ({ rounds }) => ms(median(rounds.map(({ worst }) => worst))) },
    { head: "worst of all rounds", cell: ({ rounds }) => ms(Math.max(...rounds.map(({ worst }) => worst))) },
    { head: "neighbour's p99 without, ms", cell: ({ rounds }) => ms(median(rounds.map((round) => round.p99Without))) },
    { head: "with", cell: ({ rounds }) => ms(median(rounds.map((round) => round.p99With))) },
  ],
  results,
);
publish(
  { machine, results },
  `# Stalls\n\n${inWords(machine)}; \`npx tsx scripts/stalls.ts\`.\n\n${table}`,
  values.save,
);
