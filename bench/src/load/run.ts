import { GREETINGS, exchangeOf, targetOf } from "../wire/dialects.ts";
import { repeated } from "../wire/frames.ts";
import { upgradeRequest } from "../wire/handshake.ts";
import { Client } from "./client.ts";
import type { Shared } from "./client.ts";
import type { Job, Sample } from "./job.ts";
import { Latencies } from "./latency.ts";
import { Meter } from "./meter.ts";

// Opening more at once would only fill the server's backlog.
const OPENING_AT_ONCE = 200;

type Events = Pick<Shared, "onOpen" | "onReplies" | "onFailure">;

/** The frames and the request of a job, made once. */
function shared(job: Job, events: Events): Shared {
  const exchange = exchangeOf(job.dialect, job.size, job.format);
  const burst = repeated(exchange.request, job.depth);
  const bursts = Array.from({ length: job.depth + 1 }, (_, n) => burst.subarray(0, n * exchange.request.length));
  const hello = upgradeRequest("127.0.0.1", job.port, targetOf(job.dialect, job.route, job.size, job.format));
  return {
    port: job.port,
    hello,
    greetings: GREETINGS[job.dialect],
    exchange,
    bursts,
    listening: job.kind !== "idle",
    ...events,
  };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Connections that are all open, and the promise that fails if one of them does. */
interface Fleet {
  readonly clients: readonly Client[];
  readonly failure: Promise<never>;
  readonly exchange: Shared["exchange"];
}

/** Opens every connection of a job, a few at a time. */
function openFleet(job: Job, onReplies: Shared["onReplies"]): Promise<Fleet> {
  return new Promise((resolve, reject) => {
    let fail: (error: Error) => void = reject;
    const failure = new Promise<never>((_, rejectLater) => (fail = rejectLater));
    failure.catch(reject);
    const clients: Client[] = [];
    let open = 0;
    const common = shared(job, {
      onReplies,
      onFailure: (why) => fail(new Error(why)),
      onOpen: () => {
        open++;
        if (open === job.connections) resolve({ clients, failure, exchange: common.exchange });
        else if (clients.length < job.connections) clients.push(new Client(common));
      },
    });
    while (clients.length < Math.min(job.connections, OPENING_AT_ONCE)) clients.push(new Client(common));
  });
}

/** Warm-up, measured time, sample, and every connection reset. */
async function measured(job: Job, fleet: Fleet, meter: Meter, latencies?: Latencies): Promise<Sample> {
  try {
    await Promise.race([pause(job.warmup), fleet.failure]);
    latencies?.clear();
    meter.start();
    await Promise.race([pause(job.seconds), fleet.failure]);
    return meter.stop(fleet.exchange.reply.length, latencies?.summary());
  } finally {
    for (const client of fleet.clients) client.reset();
  }
}

async function echo(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const fleet = await openFleet(job, (client, count) => {
    meter.count += count;
    client.send(count);
  });
  for (const client of fleet.clients) client.send(job.depth);
  return measured(job, fleet, meter);
}

async function fan(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const fleet = await openFleet(job, (client, count) => {
    meter.count += count;
    if (client === fleet.clients[0]) client.send(count);
  });
  fleet.clients[0]?.send(job.depth);
  return measured(job, fleet, meter);
}

async function handshakes(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const clients = new Set<Client>();
  let done = false;
  const failure = new Promise<never>((_, reject) => {
    const common = shared(job, {
      onReplies: () => undefined,
      onFailure: (why) => reject(new Error(why)),
      onOpen: (client) => {
        client.reset();
        clients.delete(client);
        meter.count++;
        if (!done) clients.add(new Client(common));
      },
    });
    for (let i = 0; i < job.connections; i++) clients.add(new Client(common));
  });
  try {
    await Promise.race([pause(job.warmup), failure]);
    meter.start();
    await Promise.race([pause(job.seconds), failure]);
    return meter.stop(0);
  } finally {
    done = true;
    for (const client of clients) client.reset();
  }
}

/** Messages leave when they are due, however late the answers are; a message's time runs from when it was due. */
async function latency(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const latencies = new Latencies(job);
  const fleet = await openFleet(job, (client, count) => {
    meter.count += count;
    latencies.arrived(client, count);
  });
  const stop = latencies.drive(fleet.clients);
  try {
    return await measured(job, fleet, meter, latencies);
  } finally {
    stop();
  }
}

/**
 * Opens the connections of an `idle` job and leaves them alone.
 *
 * @returns how to let go of them; it throws when one of them did not last so long
 */
export async function hold(job: Job): Promise<() => void> {
  const fleet = await openFleet(job, () => undefined);
  let lost: Error | undefined;
  fleet.failure.catch((error: Error) => (lost = error));
  return () => {
    for (const client of fleet.clients) client.reset();
    if (lost) throw lost;
  };
}

/** Runs a job of any other kind. */
export function run(job: Job): Promise<Sample> {
  if (job.kind === "echo") return echo(job);
  if (job.kind === "fan") return fan(job);
  if (job.kind === "handshakes") return handshakes(job);
  if (job.kind === "latency") return latency(job);
  throw new RangeError("idle connections are held, not run");
}
