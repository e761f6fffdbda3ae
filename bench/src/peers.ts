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
  /** File in `servers/`, and its arguments after the route. */
  readonly script: string;
  readonly options?: readonly string[];
  readonly runtime: "node" | "bun";
  readonly dialect: Dialect;
  readonly environment?: Readonly<Record<string, string>>;
  /** The packages it consists of, as far as a result names their versions. */
  readonly packages?: readonly string[];
  /** Where its fan-out lives, if not at `/fan`. */
  readonly fanRoute?: "/broadcast";
  /** Its frame parser and frame writer, where they are measured by themselves. */
  readonly engine?: EngineName;
  /** Whether it can do this work, or can do it in a way of its own. */
  serves(work: Work): boolean;
}

const node = { runtime: "node", dialect: "plain" } as const;

const always = (): boolean => true;
const fanOnly = (work: Work): boolean => work.kind === "fan";

/** Every peer there is, in the order of the report; the first that takes part is what the others are held against. */
export const PEERS: readonly Peer[] = [
  {
    ...node,
    id: "hawser",
    title: "hawser",
    script: "hawser.js",
    packages: ["hawser"],
    engine: "hawser",
    serves: always,
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
    id: "ws",
    title: "ws + bufferutil",
    script: "ws.js",
    packages: ["ws", "bufferutil"],
    engine: "ws",
    serves: always,
  },
  {
    ...node,
    id: "bun",
    title: "Bun.serve (native)",
    script: "bun.js",
    packages: ["bun"],
    runtime: "bun",
    serves: always,
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
    serves: always,
  },
  {
    ...node,
    id: "socket.io",
    title: "Socket.IO (WebSocket)",
    script: "socketio.js",
    packages: ["socket.io", "bufferutil"],
    dialect: "socket.io",
    // Its binary messages are two frames, and its opening is more than a handshake: neither compares.
    serves: (work) => work.format !== "binary" && work.kind !== "handshakes",
  },
  { ...node, id: "floor", title: "node:net, canned", script: "floor.js", serves: (work) => work.kind !== "latency" },
  {
    ...node,
    id: "floor-http",
    title: "node:http upgrade, bare",
    script: "floor-http.js",
    serves: (work) => work.kind === "handshakes" || work.kind === "idle",
  },
];

/** What `--quick` runs against. */
export const QUICK_PEERS: readonly string[] = ["hawser", "ws", "bun"];

/**
 * The peers a list of ids stands for, in the order of {@link PEERS}. None: all.
 *
 * @throws RangeError - for an id that is none
 */
export function selectPeers(ids: readonly string[]): Peer[] {
  const unknown = ids.find((id) => !PEERS.some((peer) => peer.id === id));
  if (unknown !== undefined) {
    throw new RangeError(`no peer is called "${unknown}"; there are ${PEERS.map((peer) => peer.id).join(" ")}`);
  }
  return PEERS.filter((peer) => ids.length === 0 || ids.includes(peer.id));
}

/** Whether a peer is hawser, in whatever way it broadcasts. */
export function isHawser(peer: Peer): boolean {
  return peer.script === "hawser.js";
}

/** A peer of hawser that runs a certain build of it. */
export function withBuild(peer: Peer, folder: string): Peer {
  return { ...peer, environment: { HAWSER_BUILD: folder } };
}

/** Another build of hawser as a peer of its own, directly after the first. */
export function withBaseline(peers: readonly Peer[], folder: string): Peer[] {
  const base: Peer = { ...withBuild(PEERS[0]!, folder), id: "hawser-base", title: "hawser, baseline" };
  return [...peers.slice(0, 1), base, ...peers.slice(1)];
}

/** The packages that a server, by its id, consists of, as far as a result names their versions. */
export function packagesOf(id: string): readonly string[] {
  return PEERS.find((peer) => peer.id === id)?.packages ?? [];
}

/** The packages whose versions a result names. */
export const MEASURED_PACKAGES: readonly string[] = ["ws", "bufferutil", "bun", "crossws", "socket.io"];

/**
 * Bun's executable inside the package for this platform; no install script is needed to find it there.
 *
 * @returns undefined where npm installed none
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
