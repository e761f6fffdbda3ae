import { Client } from "./client.ts";
import { connectAll, measured, pause, shared } from "./connect.ts";
import { GROUP_SIZE } from "./job.ts";
import type { Job, Sample } from "./job.ts";
import { crossing, joined } from "./joined.ts";
import { Latencies } from "./latency.ts";
import { Meter } from "./meter.ts";

// Connections of an idle job that exchange messages at the same time.
const EXCHANGING_AT_ONCE = 50;

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

/** Whoever the servers put into one group: on average each connection sends one message for each {@link GROUP_SIZE} that it receives. */
async function groups(job: Job): Promise<Sample> {
  const meter = new Meter(job);
  const received = new Map<Client, number>();
  const connected = await connectAll(job, (client, count) => {
    meter.count += count;
    let left = (received.get(client) ?? 0) + count;
    for (; left >= GROUP_SIZE; left -= GROUP_SIZE) client.send(1);
    received.set(client, left);
  });
  for (const client of connected.clients) client.send(job.depth);
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

/** The open connections of an `idle` job. */
export interface Held {
  /** Each connection sends this many messages, one after the other, and waits for their answers. */
  exchange(messages: number): Promise<void>;
  /**
   * Resets the connections.
   *
   * @throws Error - if one of them was closed before
   */
  release(): void;
}

/** Opens the connections of an `idle` job, exchanges its messages, and keeps the connections open. */
export async function hold(job: Job): Promise<Held> {
  const left = new Map<Client, number>();
  let onDone = (): void => undefined;
  const connected = await connectAll(job, (client) => {
    const messages = left.get(client)! - 1;
    left.set(client, messages);
    if (messages > 0) client.send(1);
    else onDone();
  });
  let lost: Error | undefined;
  connected.failure.catch((error: Error) => (lost = error));
  const exchange = async (messages: number): Promise<void> => {
    if (messages === 0) return;
    const { clients } = connected;
    let begun = 0;
    let ended = 0;
    const beginNext = (): void => {
      const client = clients[begun++];
      if (client === undefined) return;
      left.set(client, messages);
      client.send(1);
    };
    const done = new Promise<void>((resolve) => {
      onDone = () => {
        ended++;
        if (ended === clients.length) resolve();
        else beginNext();
      };
    });
    for (let n = 0; n < EXCHANGING_AT_ONCE; n++) beginNext();
    await Promise.race([done, connected.failure]);
  };
  await exchange(job.messages);
  return {
    exchange,
    release: () => {
      for (const client of connected.clients) client.reset();
      if (lost) throw lost;
    },
  };
}

/** Runs a job of any kind except `idle` and `append`. */
export function run(job: Job): Promise<Sample> {
  if (job.kind === "echo") return echo(job);
  if (job.kind === "fan") return fan(job);
  if (job.kind === "groups") return groups(job);
  if (job.kind === "handshakes") return handshakes(job);
  if (job.kind === "latency") return latency(job);
  if (job.kind === "joined") return joined(job);
  if (job.kind === "crossing") return crossing(job);
  throw new RangeError(`a job of the kind ${job.kind} cannot be run here`);
}
