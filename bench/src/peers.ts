import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import type { EngineName } from "./engine/engine.ts";
import type { Dialect } from "./wire/dialects.ts";
import type { Work } from "./work.ts";

/** A server that is measured. */
export interface Peer {
  readonly id: string;
  readonly title: string;
  /** The file in `servers/`. */
  readonly script: string;
  /** The arguments of the script after the route. */
  readonly options?: readonly string[];
  readonly runtime: "node" | "bun";
  readonly dialect: Dialect;
  readonly environment?: Readonly<Record<string, string>>;
  /** Its packages whose versions are part of a result. */
  readonly packages?: readonly string[];
  /** Whether it compresses. The load generator offers permessage-deflate to it, and fails if it answers without compression. */
  readonly compressed?: true;
  /** The executable of Node. Without it, the one that runs the benchmark. */
  readonly node?: string;
  /** The route of its fan-out, if it is not `/fan`. */
  readonly fanRoute?: "/broadcast" | "/publish" | "/history";
  /** Its frame parser and frame writer, if they are measured alone. */
  readonly engine?: EngineName;
  /** Whether it is measured with this workload. */
  serves(work: Work): boolean;
}

const node = { runtime: "node", dialect: "plain" } as const;

const isServed = (work: Work): boolean => work.side === "server";
const plain = (work: Work): boolean => isServed(work) && !work.varied;
const client = (work: Work): boolean => work.side === "client";
/** Only those with topics, or with groups of their own, serve groups. */
const ungrouped = (work: Work): boolean => plain(work) && work.kind !== "groups";
const fanOnly = (work: Work): boolean => plain(work) && work.kind === "fan";

/** The servers that compress. */
const COMPRESSED_PEERS: readonly Peer[] = [
  {
    ...node,
    id: "hawser-deflate",
    title: "hawser, deflate",
    script: "hawser.js",
    packages: ["hawser"],
    options: ["deflate"],
    compressed: true,
    serves: (work) => isServed(work) && work.varied,
  },
  {
    ...node,
    id: "hawser-deflate-pool",
    title: "hawser, deflate, pool of 64, level 1",
    script: "hawser.js",
    packages: ["hawser"],
    options: ["deflate-pool"],
    compressed: true,
    serves: (work) => isServed(work) && work.varied,
  },
  {
    ...node,
    id: "ws-deflate",
    title: "ws + bufferutil, deflate",
    script: "ws.js",
    packages: ["ws", "bufferutil"],
    options: ["deflate"],
    compressed: true,
    serves: (work) => isServed(work) && work.varied,
  },
  {
    ...node,
    id: "bun-deflate",
    title: "Bun.serve (native), deflate",
    script: "bun.js",
    packages: ["bun"],
    options: ["deflate"],
    runtime: "bun",
    compressed: true,
    serves: (work) => isServed(work) && work.varied,
  },
];

/** The peers whose clients are measured. The first one is compared with the others. */
const CLIENT_PEERS: readonly Peer[] = [
  {
    ...node,
    id: "hawser-client",
    title: "hawser, client",
    script: "clients/main.js",
    packages: ["hawser"],
    options: ["hawser"],
    serves: client,
  },
  {
    ...node,
    id: "ws-client",
    title: "ws + bufferutil, client",
    script: "clients/main.js",
    packages: ["ws", "bufferutil"],
    options: ["ws"],
    serves: client,
  },
  {
    ...node,
    id: "undici",
    title: "undici, client",
    script: "clients/main.js",
    packages: ["undici"],
    options: ["undici"],
    serves: client,
  },
];

const joined = (work: Work): boolean => work.side === "joined";

/** Two servers that Redis joins, and those that only store. The first one is compared with the others. */
const REDIS_PEERS: readonly Peer[] = [
  {
    ...node,
    id: "hawser-redis",
    title: "hawser, redis()",
    script: "hawser-redis.js",
    packages: ["hawser", "ioredis"],
    dialect: "topic",
    fanRoute: "/publish",
    serves: joined,
  },
  {
    ...node,
    id: "hawser-redis-history",
    title: "hawser, redis(), history",
    script: "hawser-redis.js",
    packages: ["hawser", "ioredis"],
    dialect: "header",
    fanRoute: "/history",
    serves: joined,
  },
  {
    ...node,
    id: "socket.io-redis",
    title: "Socket.IO, redis-adapter",
    script: "socketio-redis.js",
    packages: ["socket.io", "bufferutil", "ioredis", "@socket.io/redis-adapter"],
    dialect: "socket.io",
    fanRoute: "/publish",
    serves: joined,
  },
  {
    ...node,
    id: "socket.io-streams",
    title: "Socket.IO, redis-streams-adapter, recovery",
    script: "socketio-redis.js",
    packages: ["socket.io", "bufferutil", "ioredis", "@socket.io/redis-streams-adapter"],
    dialect: "recovery",
    fanRoute: "/history",
    serves: joined,
  },
  {
    ...node,
    id: "hawser-append",
    title: "hawser, publish() with history",
    script: "appends/main.js",
    packages: ["hawser", "ioredis"],
    serves: (work) => work.side === "append",
  },
];

/**
 * All peers, in the order of the report. The others are compared with the first one that is measured: with compression that is
 * `hawser-deflate`, and `hawser` is the same without compression.
 */
export const PEERS: readonly Peer[] = [
  ...COMPRESSED_PEERS,
  {
    ...node,
    id: "hawser",
    title: "hawser",
    script: "hawser.js",
    packages: ["hawser"],
    engine: "hawser",
    serves: isServed,
  },
  {
    ...node,
    id: "hawser-broadcast",
    title: "hawser, broadcast()",
    script: "hawser.js",
    packages: ["hawser"],
    fanRoute: "/broadcast",
    serves: fanOnly,
  },
  {
    ...node,
    id: "hawser-topic",
    title: "hawser, publish()",
    script: "hawser.js",
    packages: ["hawser"],
    fanRoute: "/publish",
    serves: fanOnly,
  },
  {
    ...node,
    id: "hawser-history",
    title: "hawser, publish() with history",
    script: "hawser.js",
    packages: ["hawser"],
    fanRoute: "/history",
    serves: fanOnly,
  },
  {
    ...node,
    id: "ws",
    title: "ws + bufferutil",
    script: "ws.js",
    packages: ["ws", "bufferutil"],
    engine: "ws",
    serves: plain,
  },
  {
    ...node,
    id: "bun",
    title: "Bun.serve (native)",
    script: "bun.js",
    packages: ["bun"],
    runtime: "bun",
    serves: plain,
  },
  {
    ...node,
    id: "bun-loop",
    title: "Bun.serve, loop",
    script: "bun.js",
    packages: ["bun"],
    options: ["loop"],
    runtime: "bun",
    serves: fanOnly,
  },
  {
    ...node,
    id: "crossws",
    title: "crossws (Node)",
    script: "crossws.js",
    packages: ["crossws", "bufferutil"],
    serves: ungrouped,
  },
  {
    ...node,
    id: "socket.io",
    title: "Socket.IO (WebSocket)",
    script: "socketio.js",
    packages: ["socket.io", "bufferutil"],
    dialect: "socket.io",
    // A binary message is two frames, and opening a connection is more than a handshake: neither is comparable.
    serves: (work) => ungrouped(work) && work.format !== "binary" && work.kind !== "handshakes",
  },
  {
    ...node,
    id: "floor",
    title: "node:net, canned",
    script: "floor.js",
    serves: (work) => ungrouped(work) && work.kind !== "latency",
  },
  {
    ...node,
    id: "floor-http",
    title: "node:http upgrade, bare",
    script: "floor-http.js",
    serves: (work) => plain(work) && (work.kind === "handshakes" || work.kind === "idle"),
  },
  ...CLIENT_PEERS,
  ...REDIS_PEERS,
];

/** The server that answers all clients: hawser's, in the build that is measured. */
export function echoServerOf(clients: readonly Peer[]): Peer {
  const { environment } = clients.find(isHawser) ?? {};
  const server = PEERS.find(({ id }) => id === "hawser");
  if (server === undefined) throw new Error("there is no server for clients");
  return environment === undefined ? server : { ...server, environment };
}

/** The peers of `--quick`. */
export const QUICK_PEERS: readonly string[] = ["hawser-deflate", "ws-deflate", "bun-deflate", "hawser", "ws", "bun"];

/**
 * The peers with these ids, in the order of {@link PEERS}. An empty list means all.
 *
 * @throws RangeError - for an unknown id
 */
export function selectPeers(ids: readonly string[]): Peer[] {
  const unknown = ids.find((id) => !PEERS.some((peer) => peer.id === id));
  if (unknown !== undefined) {
    throw new RangeError(`no peer is called "${unknown}"; there are ${PEERS.map((peer) => peer.id).join(" ")}`);
  }
  return PEERS.filter((peer) => ids.length === 0 || ids.includes(peer.id));
}

/** Whether a peer is hawser, with any kind of fan-out. */
export function isHawser(peer: Peer): boolean {
  return peer.packages?.includes("hawser") === true;
}

/** The same peer with another build of hawser. */
export function withBuild(peer: Peer, folder: string): Peer {
  return { ...peer, environment: { HAWSER_BUILD: folder } };
}

// Of these, another build can be measured in the same run.
const BASELINES: Readonly<Record<string, Pick<Peer, "id" | "title">>> = {
  hawser: { id: "hawser-base", title: "hawser, baseline" },
  "hawser-redis": { id: "hawser-redis-base", title: "hawser, redis(), baseline" },
  "hawser-redis-history": { id: "hawser-redis-history-base", title: "hawser, redis(), history, baseline" },
  "hawser-append": { id: "hawser-append-base", title: "hawser, publish() with history, baseline" },
  "hawser-deflate": { id: "hawser-deflate-base", title: "hawser, deflate, baseline" },
};

/** Adds another build of hawser: after each peer that it can be compared with. */
export function withBaseline(peers: readonly Peer[], folder: string): Peer[] {
  return peers.flatMap((peer) => {
    const base = BASELINES[peer.id];
    return base === undefined ? [peer] : [peer, { ...withBuild(peer, folder), ...base }];
  });
}

/** The same peer on another Node, if it runs on Node. */
export function withNode(peer: Peer, executable: string): Peer {
  return peer.runtime === "node" ? { ...peer, node: executable } : peer;
}

/** The packages of the server with this id whose versions are part of a result. */
export function packagesOf(id: string): readonly string[] {
  return PEERS.find((peer) => peer.id === id)?.packages ?? [];
}

/** The packages whose versions are part of a result. */
export const MEASURED_PACKAGES: readonly string[] = [
  "ws",
  "bufferutil",
  "bun",
  "crossws",
  "socket.io",
  "undici",
  "ioredis",
  "@socket.io/redis-adapter",
  "@socket.io/redis-streams-adapter",
];

/**
 * The executable of Bun in its package for this platform. It needs no install script.
 *
 * @returns undefined if npm installed none
 */
export function bunExecutable(): string | undefined {
  const require = createRequire(import.meta.url);
  const libc = process.platform === "linux" && isMusl() ? "-musl" : "";
  const architecture = process.arch === "arm64" ? "aarch64" : process.arch;
  try {
    const folder = require.resolve(`@oven/bun-${process.platform}-${architecture}${libc}/package.json`);
    const file = resolve(folder, "../bin/bun");
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

function isMusl(): boolean {
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined;
}
