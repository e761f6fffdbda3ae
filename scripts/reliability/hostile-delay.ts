import { once } from "node:events";
import { WebSocket } from "ws";
import { announce, begin, half, more, ping, text } from "../../test/hostile/support/frames.ts";
import { utf8 } from "../../test/support/bytes.ts";
import { Armies } from "./hostile-armies.ts";

/** Round trips of a good client, in milliseconds. */
export interface RoundTrips {
  readonly p50: number;
  readonly p99: number;
}

/** What a thousand hostile connections of a kind did to a good one: medians of several rounds. */
export interface Delay {
  readonly what: string;
  readonly without: RoundTrips;
  readonly with: RoundTrips;
  /** The p99 with them less the one without, of each round: the median. */
  readonly added: number;
}

/** A kind of hostile connection. */
interface Kind {
  readonly what: string;
  /** Opens this number of connections; they continue what they do. */
  attack(armies: Armies, connections: number): Promise<unknown>;
}

const CONNECTIONS = 1000;

/** Milliseconds between two messages of the good client: it does not wait for the answer, so that no stall is missed. */
const PACE = 1;

/** Milliseconds of measuring that do not count: what is new is compiled. */
const WARM_UP = 300;

const SECOND = 1000;

/** The same with hostile connections: past their first beat, so that what they begin and what they go on with are not mixed. */
const SETTLED = 1.5 * SECOND;

/** Milliseconds of the whole run after which each kind has one more round at most: a slow machine has fewer. */
const PATIENCE = 400 * SECOND;

const kinds: readonly Kind[] = [
  {
    what: "open and silent",
    attack: (armies, count) => armies.peers(count, { path: "/sink" }),
  },
  {
    what: "a byte of a header each second",
    async attack(armies, count) {
      const peers = await armies.peers(count);
      await peers.send(utf8("GET /sink HTTP/1.1\r\nX: "));
      await peers.beat(utf8("x"), SECOND);
    },
  },
  {
    what: "a byte of a message of 1 MiB each second",
    async attack(armies, count) {
      const peers = await armies.peers(count, { path: "/sink" });
      await peers.send(announce(1024n * 1024n));
      await peers.beat(new Uint8Array(1), SECOND);
    },
  },
  {
    what: "ten fragments of a byte each second",
    async attack(armies, count) {
      const peers = await armies.peers(count, { path: "/sink" });
      await peers.send(begin(1));
      await peers.beat(more(1), SECOND / 10);
    },
  },
  {
    what: "ten pings each second",
    async attack(armies, count) {
      const peers = await armies.peers(count, { path: "/sink" });
      await peers.beat(ping(125), SECOND / 10);
    },
  },
  {
    what: "a message each second, the answers never read",
    async attack(armies, count) {
      const peers = await armies.peers(count, { path: "/echo", reads: false });
      await peers.beat(text("x".repeat(1000)), SECOND);
    },
  },
  {
    what: "a busy handler, and ten messages each second for it",
    async attack(armies, count) {
      const peers = await armies.peers(count, { path: "/busy" });
      await peers.beat(text("busy"), SECOND / 10);
    },
  },
  {
    what: "half a message, then nothing",
    attack: async (armies, count) => (await armies.peers(count, { path: "/sink" })).send(half(100)),
  },
];

/** Measures the round trips of a good client by turns without and with hostile connections. */
export async function measureDelays(
  rounds: number,
  seconds: number,
  progress: (what: string) => void,
): Promise<Delay[]> {
  const armies = new Armies();
  try {
    const results: Delay[] = [];
    for (const kind of kinds) {
      progress(kind.what);
      results.push(await measure(armies, kind, rounds, seconds));
    }
    return results;
  } finally {
    await armies.end();
  }
}

async function measure(armies: Armies, kind: Kind, rounds: number, seconds: number): Promise<Delay> {
  const without: RoundTrips[] = [];
  const under: RoundTrips[] = [];
  for (let round = 0; round < rounds && (round === 0 || performance.now() < PATIENCE); round++) {
    await armies.start({ handshakeTimeout: 60_000 });
    const client = new WebSocket(`ws://127.0.0.1:${armies.port}/echo`);
    await once(client, "open");
    await roundTrips(client, WARM_UP);
    without.push(await roundTrips(client, seconds * SECOND));
    await kind.attack(armies, CONNECTIONS);
    await roundTrips(client, SETTLED);
    under.push(await roundTrips(client, seconds * SECOND));
    await armies.clear(1);
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

/** Sends a message every `PACE` milliseconds and takes the time of each answer from when its message was due. */
async function roundTrips(client: WebSocket, milliseconds: number): Promise<RoundTrips> {
  const due: number[] = [];
  const times: number[] = [];
  const count = Math.round(milliseconds / PACE);
  const begun = performance.now();
  return new Promise((resolve) => {
    const send = (): void => {
      for (let now = performance.now(); due.length < count && begun + due.length * PACE <= now;) {
        due.push(now);
        client.send(`message ${due.length} of a client that does nothing wrong`);
      }
    };
    const pace = setInterval(send, 1);
    const answer = (): void => {
      times.push(performance.now() - (due[times.length] ?? 0));
      if (times.length < count) return;
      clearInterval(pace);
      client.off("message", answer);
      resolve({ p50: quantile(times, 0.5), p99: quantile(times, 0.99) });
    };
    client.on("message", answer);
  });
}

/** The value below which a part of all lies. */
function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}
