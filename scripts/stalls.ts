import { once } from "node:events";
import { type Socket, connect } from "node:net";
import { parseArgs } from "node:util";
import { constants, deflateRawSync } from "node:zlib";
import { Child } from "./reliability/child.ts";
import { handshake } from "./reliability/client.ts";
import { FIN, Op, clientFrame } from "./reliability/frames.ts";
import { circumstances, inWords } from "./reliability/machine.ts";
import { publish } from "./reliability/save.ts";
import type { neighbour } from "./reliability/stalls/neighbour.ts";
import type { server } from "./reliability/stalls/server.ts";
import { markdownTable, whole } from "./reliability/table.ts";

/**
 * Measures how long peers that flood can stop the event loop, and what a neighbour notices. Server, neighbour, and hostile
 * peers with the members have a process each.
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
    /** Only the floods of this path, such as `/compressed`. */
    only: { type: "string" },
  },
});

/** The members of the chat, besides the one that floods. */
const MEMBERS = 200;

/** Bytes that one peer sends in one flood. */
const BYTES = 210_000;

/** Messages that one peer sends before the measurement: code is compiled then. */
const WARM_UP = 500;

/** Peers that send messages of 1 MiB of zeros, compressed to 1 KiB, and how many each sends. */
const BOMBERS = 100;
const BOMBS = 10;

/** RSV1: the message is compressed (RFC 7692 6). */
const RSV1 = 0x40;

/** Milliseconds that the neighbour is measured without a flood. */
const QUIET = 1000;

/** What floods. */
interface Flood {
  readonly what: string;
  readonly path: string;
  /** Clients of the same path that do not flood. */
  readonly members: number;
  /** Peers that flood. */
  readonly peers: number;
  readonly frame: Buffer;
  /** The frames that each peer sends at once. */
  readonly count: number;
  /** How often it sends them, so that each flood lasts about as long as the others. */
  readonly times: number;
  /** Whether the peers offer permessage-deflate. The neighbour never does. */
  readonly compressed: boolean;
}

const byte = clientFrame(FIN | Op.text, "x");
const brace = clientFrame(FIN | Op.text, "{");
const bomb = clientFrame(FIN | RSV1 | Op.binary, deflated(Buffer.alloc(1024 * 1024)));

const floods: readonly Flood[] = [
  {
    what: `a chat of ${String(MEMBERS)}, messages of one byte`,
    path: "/chat",
    members: MEMBERS,
    peers: 1,
    frame: byte,
    count: Math.floor(BYTES / byte.length),
    times: 1,
    compressed: false,
  },
  {
    what: '`invalidJson: "ignore"`, messages of one byte',
    path: "/json",
    members: 0,
    peers: 1,
    frame: brace,
    count: Math.floor(BYTES / brace.length),
    times: 10,
    compressed: false,
  },
  {
    what: `${String(BOMBERS)} peers, messages of 1 MiB of zeros, compressed to 1 KiB`,
    path: "/compressed",
    members: 0,
    peers: BOMBERS,
    frame: bomb,
    count: 1,
    times: BOMBS,
    compressed: true,
  },
];

/** Compresses a message by itself, as RFC 7692 7.2.1 has it: without the last four bytes. */
function deflated(message: Buffer): Buffer {
  return deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** One round. */
interface Round {
  /** The longest stall in milliseconds. */
  readonly worst: number;
  readonly messages: number;
  readonly p99Without: number;
  readonly p99With: number;
}

async function client(port: number, path: string, compressed = false): Promise<Socket> {
  // Members read into one memory: their work must not slow the server.
  const memory = Buffer.alloc(64 * 1024);
  let isOpen: (head: string) => void = () => undefined;
  const opened = new Promise<string>((resolve) => (isOpen = resolve));
  const onread = {
    buffer: memory,
    callback: (length: number) => {
      isOpen(memory.toString("latin1", 0, length));
      return true;
    },
  };
  const socket = connect({ port, host: "127.0.0.1", onread });
  const fields = compressed ? { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" } : {};
  socket.write(handshake(path, fields));
  const head = await opened;
  if (compressed && !/^sec-websocket-extensions: *permessage-deflate/im.test(head)) {
    throw new Error(`the server does not compress: ${head}`);
  }
  return socket;
}

async function measure({ path, members, peers, frame, count, times, compressed }: Flood): Promise<Round> {
  const ours = new Child<typeof server>("stalls/server.ts");
  const other = new Child<typeof neighbour>("stalls/neighbour.ts");
  try {
    const port = await ours.call("start", { build: values.build, compression: compressed });
    await other.call("open", port);
    const connect = (number: number): Promise<Socket[]> =>
      Promise.all(Array.from({ length: number }, () => client(port, path, compressed)));
    const sockets = await connect(members);
    const flooders = await connect(peers);
    const repeated = (number: number): Buffer => Buffer.concat(Array.from({ length: number }, () => frame));
    const first = Math.min(WARM_UP, count);
    await flood(ours, flooders, { bytes: repeated(first), count: first, times: 1 });
    const p99Without = await p99During(other, () => new Promise((resolve) => setTimeout(resolve, QUIET)));
    await ours.call("reset");
    const p99With = await p99During(other, () => flood(ours, flooders, { bytes: repeated(count), count, times }));
    const { worst } = await ours.call("stalls");
    for (const socket of [...sockets, ...flooders]) socket.destroy();
    return { worst, messages: count * times * peers, p99Without, p99With };
  } finally {
    await Promise.all([ours.stop(), other.stop()]);
  }
}

/** What each peer sends: the bytes of `count` messages, `times` times. */
interface Burst extends Pick<Flood, "count" | "times"> {
  readonly bytes: Buffer;
}

/** Sends the bytes on each socket, and waits until the server has handled their messages. */
async function flood(
  ours: Child<typeof server>,
  sockets: readonly Socket[],
  { bytes, count, times }: Burst,
): Promise<void> {
  const handled = async (): Promise<number> => {
    const { messages, errors } = await ours.call("stalls");
    return messages + errors;
  };
  const before = await handled();
  const send = async (socket: Socket): Promise<void> => {
    for (let i = 0; i < times; i++) if (!socket.write(bytes)) await once(socket, "drain");
  };
  await Promise.all(sockets.map(send));
  const expected = before + count * times * sockets.length;
  while ((await handled()) < expected) await new Promise((resolve) => setTimeout(resolve, 20));
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
for (const one of floods.filter(({ path }) => values.only === undefined || path === values.only)) {
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds); round++) rounds.push(await measure(one));
  results.push({ what: one.what, rounds });
}

const ms = (value: number): string => value.toFixed(1);
const table = markdownTable(
  [
    { head: "what is sent", left: true, cell: ({ what }) => what },
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
