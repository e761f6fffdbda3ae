import { once } from "node:events";
import { WebSocket } from "ws";
import { announce, begin, half, more, ping, text } from "../../test/hostile/support/frames.ts";
import { utf8 } from "../../test/support/bytes.ts";
import { HostileProcesses } from "./hostile-processes.ts";

/** The round-trip times of a normal client, in milliseconds. */
export interface RoundTrips {
  readonly p50: number;
  readonly p99: number;
}

/** How a thousand hostile connections of one kind delay a normal client: medians of several rounds. */
export interface Delay {
  readonly what: string;
  readonly without: RoundTrips;
  readonly with: RoundTrips;
  /** The median over the rounds of: the p99 with hostile connections minus the p99 without. */
  readonly added: number;
}

/** A kind of hostile connection. */
interface Kind {
  readonly what: string;
  /** Opens this many connections. Each goes on with its attack. */
  attack(processes: HostileProcesses, connections: number): Promise<unknown>;
}

const CONNECTIONS = 1000;

/** Milliseconds between two messages of the normal client. It does not wait for the answer, so that no delay is missed. */
const INTERVAL = 1;

/** Milliseconds at the start that do not count: code is compiled then. */
const WARM_UP = 300;

const SECOND = 1000;

/** The same with hostile connections: until their first repeated action, so that the start of the attack is not measured. */
const ATTACK_WARM_UP = 1.5 * SECOND;

/** Milliseconds of the whole run after which each kind gets only one round: a slow machine measures fewer rounds. */
const TIME_LIMIT = 400 * SECOND;

const kinds: readonly Kind[] = [
  {
    what: "open and silent",
    attack: (processes, count) => processes.peers(count, { path: "/sink" }),
  },
  {
    what: "a byte of a header each second",
    async attack(processes, count) {
      const peers = await processes.peers(count);
      await peers.send(utf8("GET /sink HTTP/1.1\r\nX: "));
      await peers.beat(utf8("x"), SECOND);
    },
  },
  {
    what: "a byte of a message of 1 MiB each second",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/sink" });
      await peers.send(announce(1024n * 1024n));
      await peers.beat(new Uint8Array(1), SECOND);
    },
  },
  {
    what: "ten fragments of a byte each second",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/sink" });
      await peers.send(begin(1));
      await peers.beat(more(1), SECOND / 10);
    },
  },
  {
    what: "ten pings each second",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/sink" });
      await peers.beat(ping(125), SECOND / 10);
    },
  },
  {
    what: "a message each second, and the answers are never read",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/echo", reads: false });
      await peers.beat(text("x".repeat(1000)), SECOND);
    },
  },
  {
    what: "a busy handler, and ten messages each second for it",
    async attack(processes, count) {
      const peers = await processes.peers(count, { path: "/busy" });
      await peers.beat(text("busy"), SECOND / 10);
    },
  },
  {
    what: "half a message, then nothing",
    attack: async (processes, count) => (await processes.peers(count, { path: "/sink" })).send(half(100)),
  },
];

/** Measures the round trips of a normal client, alternately without and with hostile connections. */
export async function measureDelays(
  rounds: number,
  seconds: number,
  progress: (what: string) => void,
): Promise<Delay[]> {
  const processes = new HostileProcesses();
  try {
    const results: Delay[] = [];
    for (const kind of kinds) {
      progress(kind.what);
      results.push(await measure(processes, kind, rounds, seconds));
    }
    return results;
  } finally {
    await processes.end();
  }
}

async function measure(processes: HostileProcesses, kind: Kind, rounds: number, seconds: number): Promise<Delay> {
  const without: RoundTrips[] = [];
  const under: RoundTrips[] = [];
  for (let round = 0; round < rounds && (round === 0 || performance.now() < TIME_LIMIT); round++) {
    await processes.start({ handshakeTimeout: 60_000 });
    const client = new WebSocket(`ws://127.0.0.1:${processes.port}/echo`);
    await once(client, "open");
    await roundTrips(client, WARM_UP);
    without.push(await roundTrips(client, seconds * SECOND));
    await kind.attack(processes, CONNECTIONS);
    await roundTrips(client, ATTACK_WARM_UP);
    under.push(await roundTrips(client, seconds * SECOND));
    await processes.clear(1);
    client.terminate();
  }
  const each = (of: readonly RoundTrips[], part: keyof RoundTrips): number[] => of.map((trips) => trips[part]);
  return {
    what: kind.what,
    without: { p50: quantile(each(without, "p50"), 0.5), p99: quantile(each(without, "p99"), 0.5) },
    with: { p50: quantile(each(under, "p50"), 0.5), p99: quantile(each(under, "p99"), 0.5) },
    added: quantile(
      under.map(({ p99 }, round) => p99 - (without[round]?.p99 ?? 0)),
      0.5,
    ),
  };
}

/** Sends a message every `INTERVAL` milliseconds. The time of an answer starts when its message was due. */
async function roundTrips(client: WebSocket, milliseconds: number): Promise<RoundTrips> {
  const due: number[] = [];
  const times: number[] = [];
  const count = Math.round(milliseconds / INTERVAL);
  const start = performance.now();
  return new Promise((resolve) => {
    const send = (): void => {
      for (let now = performance.now(); due.length < count && start + due.length * INTERVAL <= now;) {
        due.push(now);
        client.send(`message ${due.length} of a normal client`);
      }
    };
    const timer = setInterval(send, 1);
    const answer = (): void => {
      times.push(performance.now() - (due[times.length] ?? 0));
      if (times.length < count) return;
      clearInterval(timer);
      client.off("message", answer);
      resolve({ p50: quantile(times, 0.5), p99: quantile(times, 0.99) });
    };
    client.on("message", answer);
  });
}

/** The value below which this part of all values lies. */
function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}
