import { join, utf8 } from "../../test/support/bytes.ts";
import { announce, begin, close, half, handshake, more, ping, text } from "../../test/hostile/support/frames.ts";
import type { Memory, ServerOptions } from "../../test/hostile/support/server.ts";
import { HostileProcesses } from "./hostile-processes.ts";

/** The memory that a server needs for one connection of a kind. */
export interface MemoryPerConnection {
  readonly what: string;
  readonly connections: number;
  /** Bytes of the heap and of buffers, after garbage collection. */
  readonly held: number;
  /** Bytes by which the resident memory of the process has grown. */
  readonly pages: number;
  /** What limits it. */
  readonly bound: string;
}

/** A kind of hostile connection that stays open. */
interface Kind {
  readonly what: string;
  /** The number of connections, by default 1,000. It is smaller where the system has no memory for the buffers of 1,000. */
  readonly connections?: number;
  readonly options?: ServerOptions;
  readonly bound: string;
  /** Opens this number of connections and brings them into that state. */
  attack(processes: HostileProcesses, connections: number): Promise<unknown>;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** How often memory is measured. The highest value counts. */
const MEASUREMENTS = 3;

/** Timeouts so long that none ends during a measurement. */
const LONG_TIMEOUTS: ServerOptions = { handshakeTimeout: 120_000, closeTimeout: 120_000 };

const kinds: readonly Kind[] = [
  {
    what: "open and silent",
    bound: "the connection itself",
    attack: (processes, count) => processes.peers(count, { path: "/sink" }),
  },
  {
    what: "open and silent, over TLS",
    options: { secure: true },
    bound: "the connection itself, and TLS",
    attack: (processes, count) => processes.peers(count, { path: "/sink" }),
  },
  {
    what: "connected, sends nothing",
    bound: "`handshakeTimeout` ends it",
    attack: (processes, count) => processes.peers(count),
  },
  {
    what: "headers of a few bytes, 16 KiB of them",
    bound: "`maxHeaderSize`",
    attack: async (processes, count) =>
      (await processes.peers(count)).send(utf8(`GET / HTTP/1.1\r\n${"ab:cd\r\n".repeat(2300)}`)),
  },
  {
    what: "1 MB after the handshake while `onConnection` is busy",
    bound: "two reads of a socket",
    connections: 200,
    async attack(processes, count) {
      const peers = await processes.peers(count);
      await peers.send(handshake("/late"));
      await peers.send(text("x".repeat(1000)), 1000);
    },
  },
  {
    what: "a short message, half of it",
    bound: "131 bytes",
    attack: async (processes, count) => (await processes.peers(count, { path: "/sink" })).send(half(100)),
  },
  {
    what: "a message of 1 MiB, 40 bytes of it",
    bound: "one read of a socket",
    attack: async (processes, count) =>
      (await processes.peers(count, { path: "/sink" })).send(join([announce(BigInt(MIB)), new Uint8Array(40)])),
  },
  {
    what: "a length of 2^63 - 1, refused, and the connection kept",
    bound: "nothing is reserved; `closeTimeout` ends it",
    attack: async (processes, count) =>
      (await processes.peers(count, { path: "/sink" })).send(announce(2n ** 63n - 1n)),
  },
  {
    what: "16,000 empty continuation frames",
    bound: "the budget for fragments",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/sink" });
      await peers.send(begin(0));
      await peers.send(more(0), 16_000);
    },
  },
  {
    what: "16,000 fragments of a byte",
    bound: "one read of a socket, and the budget for fragments",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/sink" });
      await peers.send(begin(1));
      await peers.send(more(1), 16_000);
    },
  },
  {
    what: "a message that never ends, just below 1 MiB",
    connections: 200,
    bound: "`maxMessageSize`",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/sink" });
      await peers.send(begin(10_000));
      await peers.send(more(10_000), 103);
    },
  },
  {
    what: "short messages to a busy handler",
    connections: 200,
    bound: "two reads of a socket",
    attack: async (processes, count) => (await processes.peers(count, { path: "/busy" })).send(text("x"), 30_000),
  },
  {
    what: 'short JSON messages to a busy handler, `dataType: "object"`',
    connections: 200,
    options: { dataType: "object" },
    bound: "two reads of a socket, as objects",
    attack: async (processes, count) => (await processes.peers(count, { path: "/busy" })).send(text("{}"), 30_000),
  },
  {
    what: 'JSON of 40,000 empty objects to a busy handler, `dataType: "object"`',
    connections: 50,
    options: { dataType: "object" },
    bound: "two reads of a socket, as objects",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/busy" });
      await peers.send(text(`[${Array<string>(200).fill("{}").join()}]`), 200);
    },
  },
  {
    what: "7 MB of pings, and none of the answers read",
    connections: 50,
    bound: "one answer, and those to one read",
    attack: async (processes, count) =>
      (await processes.peers(count, { path: "/sink", reads: false })).send(ping(125), 60_000),
  },
  {
    what: "1 MiB sent, none of it read",
    connections: 100,
    options: { maxSendQueue: MIB },
    bound: "`maxSendQueue`, here 1 MiB",
    async attack(processes, count) {
      await processes.peers(count, { path: "/sink", reads: false });
      await processes.server.call("fill", "/sink", 16 * KIB, MIB);
    },
  },
  {
    what: "a close frame, and then silence",
    bound: "`closeTimeout` ends it",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/sink" });
      await peers.send(close(1000));
      await peers.see(8, 1);
    },
  },
];

/** Measures the memory that a server needs for each kind of hostile connection. */
export async function measureMemory(progress: (what: string) => void): Promise<MemoryPerConnection[]> {
  const results: MemoryPerConnection[] = [];
  for (const kind of kinds) {
    progress(kind.what);
    // A new process for each kind, so that it does not use memory pages of the last one.
    const processes = new HostileProcesses();
    try {
      results.push(await measure(processes, kind));
    } finally {
      await processes.end();
    }
  }
  return results;
}

async function measure(processes: HostileProcesses, kind: Kind): Promise<MemoryPerConnection> {
  const { what, connections = 1000, options = {}, bound } = kind;
  await processes.start({ ...LONG_TIMEOUTS, ...options });
  // First with a few connections: compiled code and caches must not be counted.
  await kind.attack(processes, 10);
  await processes.clear(0);
  await processes.start({ ...LONG_TIMEOUTS, ...options });
  const before = await processes.server.call("memory");
  await kind.attack(processes, connections);
  let highest: Memory = before;
  for (let i = 0; i < MEASUREMENTS; i++) {
    const now = await processes.server.call("memory");
    highest = { held: Math.max(highest.held, now.held), rss: Math.max(highest.rss, now.rss) };
  }
  return {
    what,
    connections,
    held: Math.round((highest.held - before.held) / connections),
    pages: Math.round((highest.rss - before.rss) / connections),
    bound,
  };
}
