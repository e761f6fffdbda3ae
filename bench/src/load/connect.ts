import { DEFLATE_OFFER } from "../wire/deflate.ts";
import { OPENINGS, targetOf } from "../wire/dialects.ts";
import { upgradeRequest } from "../wire/handshake.ts";
import { Client } from "./client.ts";
import type { Shared } from "./client.ts";
import type { Job, Sample } from "./job.ts";
import type { Latencies } from "./latency.ts";
import type { Meter } from "./meter.ts";
import { trafficOf } from "./traffic.ts";

// More connections at once would only wait in the server's listen queue.
const OPENING_AT_ONCE = 200;

// The number of messages between those with which two clients begin.
const FIRST_MESSAGE_STEP = 61;

type Events = Pick<Shared, "onOpen" | "onReplies" | "onFailure">;

/** Creates the frames and the request of a job. */
export function shared(job: Job, events: Events): Shared {
  const target = targetOf(job.dialect, job.route, job.size, job.format);
  const request = upgradeRequest("127.0.0.1", job.port, target, job.compressed ? DEFLATE_OFFER : undefined);
  return {
    port: job.port,
    request,
    opening: OPENINGS[job.dialect],
    traffic: trafficOf(job),
    checksAnswers: job.kind !== "idle" || job.messages > 0,
    ...events,
  };
}

/** Waits this many seconds. */
export function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Open connections, and a promise that rejects if one of them fails. */
export interface ConnectedClients {
  readonly clients: readonly Client[];
  readonly failure: Promise<never>;
  readonly traffic: Shared["traffic"];
}

/** Opens all connections of a job, a limited number at a time. */
export function connectAll(job: Job, onReplies: Shared["onReplies"]): Promise<ConnectedClients> {
  return new Promise((resolve, reject) => {
    let fail: (error: Error) => void = reject;
    const failure = new Promise<never>((_, rejectLater) => (fail = rejectLater));
    failure.catch(reject);
    const clients: Client[] = [];
    let open = 0;
    // Each client begins with another message. In a fan-out all receive the messages of one client.
    const connectNext = (): void => {
      clients.push(
        new Client(common, job.kind === "fan" || job.kind === "groups" ? 0 : clients.length * FIRST_MESSAGE_STEP),
      );
    };
    const common = shared(job, {
      onReplies,
      onFailure: (why) => fail(new Error(why)),
      onOpen: () => {
        open++;
        if (open === job.connections) resolve({ clients, failure, traffic: common.traffic });
        else if (clients.length < job.connections) connectNext();
      },
    });
    while (clients.length < Math.min(job.connections, OPENING_AT_ONCE)) connectNext();
  });
}

function receivedBy(clients: readonly Client[]): number {
  return clients.reduce((sum, client) => sum + client.received, 0);
}

/** Runs the warm-up and the measured time, returns the sample, and resets all connections. */
export async function measured(
  job: Job,
  connected: ConnectedClients,
  meter: Meter,
  latencies?: Latencies,
): Promise<Sample> {
  try {
    await Promise.race([pause(job.warmup), connected.failure]);
    latencies?.clear();
    const before = receivedBy(connected.clients);
    meter.start();
    await Promise.race([pause(job.seconds), connected.failure]);
    const sample = meter.stop(connected.traffic.messageBytes, latencies?.summary());
    return { ...sample, wireBytes: (receivedBy(connected.clients) - before) / sample.count };
  } finally {
    for (const client of connected.clients) client.reset();
  }
}
