import { ENGINE_GRAMMAR } from "./engine/work.ts";
import { GROUP_SIZE } from "./load/job.ts";
import type { Kind } from "./load/job.ts";
import { formatSize, parseSize, parseWhole } from "./sizes.ts";
import type { Format } from "./wire/frames.ts";

/** One workload of the benchmark: what every server must do. */
export interface Work {
  readonly id: string;
  readonly title: string;
  readonly kind: Kind;
  /** Whether servers are measured, the clients of libraries, servers that Redis joins, or what a server stores in Redis. */
  readonly side: "server" | "client" | "joined" | "append";
  readonly format: Format;
  readonly connections: number;
  readonly size: number;
  readonly depth: number;
  readonly rate: number;
  /** Messages that each connection exchanges before its memory is measured. */
  readonly messages: number;
  /** Whether the messages differ from each other. Those of the workloads with compression do. */
  readonly varied: boolean;
}

/** What a workload asks of the load generator, whatever the server. */
export function loadOf({ kind, format, connections, size, depth, rate, messages, varied }: Work) {
  return { kind, format, connections, size, depth, rate, messages, varied } as const;
}

// Enough to keep a server busy, and few enough that a turn of the event loop does not handle a long list of them.
const CONNECTIONS = 50;
// Fewer connections for big messages, so that the data in flight (at most 16 MiB) is not much larger than the processor's caches.
const BIG_CONNECTIONS = 8;
const BIG = 64 * 1024;
const FAN_SIZE = 100;
// Short messages are not worth compressing.
const COMPRESSED_FAN_SIZE = 1024;
const MEMORY_MESSAGES = 20;
// Few, so that the latency is that of the way and not of the fan-out.
const CROSSING = 10;

/** The workloads of `npm run bench` without options, in this order. */
export const ALL_WORK: readonly string[] = [
  "echo-20-1",
  "echo-20-8",
  "echo-20-16",
  "echo-20-64",
  "echo-20-256",
  "echo-1k-16",
  "json-100-16",
  "binary-64k-2",
  "binary-1m-2",
  "fan-500-1",
  "fan-500-16",
  "fan-5000-1",
  "fan-5000-16",
  "groups-10000-1",
  "handshakes-50",
  "latency-10000",
  "idle-15000",
  "deflate-1k-16",
  "deflate-fan-500-16",
  "deflate-memory-10000",
  "client-echo-20-1",
  "client-echo-20-64",
  "client-echo-1m-2",
  "client-binary-1m-2",
  "client-handshakes-50",
  "client-idle-5000",
];

/** The workloads with Redis, which run only if they are named: `--only redis`. */
export const REDIS_WORK: readonly string[] = [
  "redis-fan-500-1",
  "redis-fan-500-16",
  "redis-latency-200",
  "redis-append-256-1",
  "redis-append-64-16",
  "redis-append-16-256",
];

/** The workloads of `--quick`. */
export const QUICK_WORK: readonly string[] = ["echo-20-1", "echo-20-64", "fan-500-16", "handshakes-50"];

const GRAMMAR = `ids are echo-SIZE-DEPTH, json-SIZE-DEPTH, binary-SIZE-DEPTH, fan-RECEIVERS-DEPTH, groups-CONNECTIONS-DEPTH, handshakes-AT_ONCE, latency-PER_SECOND, idle-CONNECTIONS, redis-fan-RECEIVERS-DEPTH, redis-latency-PER_SECOND, redis-append-TOPICS-DEPTH, deflate-SIZE-DEPTH, deflate-fan-RECEIVERS-DEPTH, deflate-memory-CONNECTIONS, and client- before echo, binary, handshakes and idle; the usual ones:\n  ${[...ALL_WORK, ...REDIS_WORK].join(" ")}\nand ${ENGINE_GRAMMAR}, without a server`;

/**
 * The workloads of a list of ids. An id need not be one of the usual ones: `echo-300-32` is possible too.
 * The beginning of usual ids selects all of them: `echo`, `fan-500`.
 *
 * @throws RangeError - for an invalid id
 */
export function selectWork(ids: readonly string[]): Work[] {
  const whole = ids.flatMap((id) => {
    const matching = [...ALL_WORK, ...REDIS_WORK].filter((usual) => usual === id || usual.startsWith(`${id}-`));
    return matching.length > 0 ? matching : [id];
  });
  return [...new Set(whole)].map(parseWork);
}

const BASE = {
  side: "server",
  format: "text",
  connections: CONNECTIONS,
  size: 20,
  depth: 1,
  rate: 0,
  messages: 0,
  varied: false,
} as const;

function parseWork(id: string): Work {
  const [, parse = parsePlain] = Object.entries(PARSERS).find(([name]) => id.startsWith(`${name}-`)) ?? [];
  const work = parse(id);
  if (work === undefined) throw new RangeError(`no workload is called "${id}"; ${GRAMMAR}`);
  return work;
}

function parsePlain(id: string): Work | undefined {
  const [name = "", first = "", second = ""] = id.split("-");
  const base = { ...BASE, id };
  const size = parseSize(first);
  const depth = parseWhole(second);
  if (name === "fan" && parseWhole(first) > 0 && depth > 0) {
    const title = `fan-out to ${first}, ${FAN_SIZE} B, ${depth} in flight`;
    return { ...base, title, kind: "fan", connections: parseWhole(first), size: FAN_SIZE, depth };
  }
  if (name === "groups" && parseWhole(first) >= GROUP_SIZE && depth > 0) {
    const title = `topics of ${GROUP_SIZE} among ${first} connections, ${FAN_SIZE} B, ${depth} in flight each`;
    return { ...base, title, kind: "groups", connections: parseWhole(first), size: FAN_SIZE, depth };
  }
  if ((name === "echo" || name === "json" || name === "binary") && size > 0 && depth > 0) {
    const format = name === "echo" ? "text" : name;
    const connections = size >= BIG ? BIG_CONNECTIONS : CONNECTIONS;
    return {
      ...base,
      title: `echo ${formatSize(size)} ${format}, ${depth} in flight`,
      kind: "echo",
      format,
      connections,
      size,
      depth,
    };
  }
  const number = second === "" ? parseWhole(first) : 0;
  if (number > 0) {
    if (name === "handshakes")
      return { ...base, title: `handshakes, ${number} at once`, kind: "handshakes", connections: number };
    if (name === "latency")
      return { ...base, title: `latency of a 20 B echo at ${number}/s`, kind: "latency", rate: number };
    if (name === "idle")
      return { ...base, title: `memory of ${number} idle connections`, kind: "idle", connections: number };
  }
  return undefined;
}

const CLIENT_KINDS: readonly Kind[] = ["echo", "handshakes", "idle"];

/** What clients do: the same as for servers, with a title of its own. */
function parseClient(id: string): Work | undefined {
  const work = parsePlain(id.slice("client-".length));
  if (work === undefined || !CLIENT_KINDS.includes(work.kind) || work.format === "json") return undefined;
  return { ...work, id, side: "client", title: `clients: ${work.title}` };
}

/** Two servers with RECEIVERS connections each, or topics whose messages are stored. */
function parseRedis(id: string): Work | undefined {
  const [name, first = "", second = ""] = id.split("-").slice(1);
  const base = { ...BASE, id, size: FAN_SIZE };
  const [number, depth] = [parseWhole(first), parseWhole(second)];
  if (name === "fan" && number > 0 && depth > 0) {
    const title = `Redis, fan-out to 2 × ${first}, ${FAN_SIZE} B, ${depth} in flight`;
    return { ...base, title, side: "joined", kind: "joined", connections: number, depth };
  }
  if (name === "append" && number > 0 && depth > 0) {
    const title = `Redis, stored: ${first} topics, ${FAN_SIZE} B, ${depth} in flight each`;
    return { ...base, title, side: "append", kind: "append", connections: number, depth };
  }
  if (name === "latency" && number > 0 && second === "") {
    const title = `Redis, latency from server to server at ${first}/s, 2 × ${CROSSING} receivers`;
    return { ...base, title, side: "joined", kind: "crossing", connections: CROSSING, rate: number };
  }
  return undefined;
}

function parseCompressed(id: string): Work | undefined {
  const parts = id.split("-").slice(1);
  const base = { ...BASE, id, varied: true };
  const [first = "", second = "", third = ""] = parts;
  const [size, depth] = [parseSize(first), parseWhole(second)];
  if (parts.length === 2 && size > 0 && depth > 0) {
    const title = `compressed echo, ${formatSize(size)} of JSON, ${depth} in flight`;
    return { ...base, title, kind: "echo", size, depth, connections: size >= BIG ? BIG_CONNECTIONS : CONNECTIONS };
  }
  const connections = parseWhole(second);
  if (connections === 0) return undefined;
  if (parts.length === 3 && first === "fan" && parseWhole(third) > 0) {
    const title = `compressed fan-out to ${second}, ${formatSize(COMPRESSED_FAN_SIZE)} of JSON, ${third} in flight`;
    return { ...base, title, kind: "fan", connections, size: COMPRESSED_FAN_SIZE, depth: parseWhole(third) };
  }
  if (parts.length === 2 && first === "memory") {
    const title = `memory of ${second} connections after ${MEMORY_MESSAGES} compressed messages each`;
    return { ...base, title, kind: "idle", connections, size: 1024, messages: MEMORY_MESSAGES };
  }
  return undefined;
}

/** The beginnings of ids that have a grammar of their own. */
const PARSERS: Readonly<Record<string, (id: string) => Work | undefined>> = {
  deflate: parseCompressed,
  client: parseClient,
  redis: parseRedis,
};
