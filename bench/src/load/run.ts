import { OPENINGS, exchangeOf, targetOf } from "../wire/dialects.ts";
import { repeated } from "../wire/frames.ts";
import { upgradeRequest } from "../wire/handshake.ts";
import { Client } from "./client.ts";
import type { Shared } from "./client.ts";
import type { Job, Sample } from "./job.ts";
import { Latencies } from "./latency.ts";
import { Meter } from "./meter.ts";

// More connections at once would only wait in the server's listen queue.
const OPENING_AT_ONCE = 200;

type Events = Pick<Shared, "onOpen" | "onReplies" | "onFailure">;

/** Creates the frames and the request of a job. */
function shared(job: Job, events: Events): Shared {
  const exchange = exchangeOf(job.dialect, job.size, job.format);
  const burst = repeated(exchange.request, job.depth);
  const bursts = Array.from({ length: job.depth + 1 }, (_, n) => burst.subarray(0, n * exchange.request.length));
  const request = upgradeRequest("127.0.0.1", job.port, targetOf(job.dialect, job.route, job.size, job.format));
  return {
    port: job.port,
    request,
    opening: OPENINGS[job.dialect],
    exchange,
    bursts,
    checksAnswers: job.kind !== "idle",
    ...events,
  };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Open connections, and a promise that rejects if one of them fails. */
interface ConnectedClients {
  readonly clients: readonly Client[];
  readonly failure: Promise<never>;
  readonly exchange: Shared["exchange"];
}

/** Opens all connections of a job, a limited number at a time. */
function connectAll(job: Job, onReplies: Shared["onReplies"]): Promise<ConnectedClients> {
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

/** Runs the warm-up and the measured time, returns the sample, and resets all connections. */
async function measured(job: Job, connected: ConnectedClients, meter: Meter, latencies?: Latencies): Promise<Sample> {
  try {
    await Promise.race([pause(job.warmup), connected.failure]);
    latencies?.clear();
    meter.start();
    await Promise.race([pause(job.seconds), connected.failure]);
    return meter.stop(connected.exchange.reply.length, latencies?.summary());
  } finally {
    for (const client of connected.clients) client.reset();
  }
}

async function echo(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const connected = await connectAll(job, (client, count) => {
    meter.count += count;
    client.send(count);
  });
  for (const client of connected.clients) client.send(job.depth);
  return measured(job, connected, meter);
}

async function fan(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const connected = await connectAll(job, (client, count) => {
    meter.count += count;
    if (client === connected.clients[0]) client.send(count);
  });
  connected.clients[0]?.send(job.depth);
  return measured(job, connected, meter);
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

/** Sends messages when they are due, however late the answers are. The latency of a message starts when it is due. */
async function latency(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const latencies = new Latencies(job);
  const connected = await connectAll(job, (client, count) => {
    meter.count += count;
    latencies.noteAnswers(client, count);
  });
  const stop = latencies.start(connected.clients);
  try {
    return await measured(job, connected, meter, latencies);
  } finally {
    stop();
  }
}

/**
 * Opens the connections of an `idle` job and keeps them open.
 *
 * @returns a function that resets them; it throws if one of them was closed before
 */
export async function hold(job: Job): Promise<() => void> {
  const connected = await connectAll(job, () => undefined);
  let lost: Error | undefined;
  connected.failure.catch((error: Error) => (lost = error));
  return () => {
    for (const client of connected.clients) client.reset();
    if (lost) throw lost;
  };
}

/** Runs a job of any kind except `idle`. */
export function run(job: Job): Promise<Sample> {
  if (job.kind === "echo") return echo(job);
  if (job.kind === "fan") return fan(job);
  if (job.kind === "handshakes") return handshakes(job);
  if (job.kind === "latency") return latency(job);
  throw new RangeError("an idle job cannot be run, use hold");
}
