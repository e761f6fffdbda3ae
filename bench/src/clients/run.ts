import type { Job, Sample } from "../load/job.ts";
import { Meter } from "../load/meter.ts";
import { payload } from "../wire/frames.ts";
import type { Connect, MeasuredConnection, Payload } from "./libraries.ts";

// More connections at once would only wait in the server's listen queue.
const OPENING_AT_ONCE = 200;

/** One run of a client library. The job's server is the one that answers; the CPU time that counts is that of this process. */
export async function runClients(job: Job, connect: Connect): Promise<Sample> {
  const sample = job.kind === "handshakes" ? await handshakes(job, connect) : await echo(job, connect);
  // The meter takes this process for the load generator.
  return {
    ...sample,
    serverMicros: sample.loadMicros,
    loadMicros: sample.serverMicros ?? 0,
    serverShare: sample.loadShare,
    loadShare: sample.serverShare ?? 0,
  };
}

/** Opens connections, and leaves them open. */
export async function openIdle(job: Job, connect: Connect): Promise<readonly MeasuredConnection[]> {
  const { connections } = await openAll(job, connect, () => undefined);
  return connections;
}

async function echo(job: Job, connect: Connect): Promise<Sample> {
  const meter = new Meter(job);
  const message = messageOf(job);
  const { connections, failure } = await openAll(job, connect, (connection, data) => {
    if (sizeOf(data) !== job.size) throw new Error(`an answer has ${sizeOf(data)} bytes, not ${job.size}`);
    meter.count++;
    connection.send(message);
  });
  for (const connection of connections) for (let n = 0; n < job.depth; n++) connection.send(message);
  return measured(job, meter, failure, () => connections);
}

async function handshakes(job: Job, connect: Connect): Promise<Sample> {
  const meter = new Meter(job);
  let isDone = false;
  const open = new Set<MeasuredConnection>();
  const failure = new Promise<never>((_, reject) => {
    const next = (): void => {
      connect(urlOf(job), {
        onOpen: (connection) => {
          meter.count++;
          connection.close();
          if (!isDone) next();
        },
        onMessage: () => undefined,
        onFailure: (why) => reject(new Error(why)),
      });
    };
    for (let n = 0; n < job.connections; n++) next();
  });
  failure.catch(() => undefined);
  const sample = await measured(job, meter, failure, () => open);
  isDone = true;
  return sample;
}

async function measured(
  job: Job,
  meter: Meter,
  failure: Promise<never>,
  connections: () => Iterable<MeasuredConnection>,
): Promise<Sample> {
  try {
    await Promise.race([pause(job.warmup), failure]);
    meter.start();
    await Promise.race([pause(job.seconds), failure]);
    return meter.stop(job.size);
  } finally {
    for (const connection of connections()) connection.close();
  }
}

interface OpenConnections {
  readonly connections: readonly MeasuredConnection[];
  readonly failure: Promise<never>;
}

function openAll(
  job: Job,
  connect: Connect,
  onMessage: (connection: MeasuredConnection, data: unknown) => void,
): Promise<OpenConnections> {
  return new Promise((resolve, reject) => {
    const connections: MeasuredConnection[] = [];
    let started = 0;
    let fail: (error: Error) => void = reject;
    const failure = new Promise<never>((_, rejectLater) => (fail = rejectLater));
    failure.catch(reject);
    const next = (): void => {
      started++;
      connect(urlOf(job), {
        onOpen: (connection) => {
          connections.push(connection);
          if (connections.length === job.connections) resolve({ connections, failure });
          else if (started < job.connections) next();
        },
        onMessage,
        onFailure: (why) => fail(new Error(why)),
      });
    };
    while (started < Math.min(job.connections, OPENING_AT_ONCE)) next();
  });
}

function urlOf({ port, route }: Job): string {
  return `ws://127.0.0.1:${port}${route}`;
}

function messageOf({ size, format }: Job): Payload {
  const bytes = payload(size, format);
  return format === "binary" ? bytes : bytes.toString();
}

/** The bytes of an answer: all are ASCII. */
function sizeOf(data: unknown): number {
  return typeof data === "string" ? data.length : (data as ArrayBuffer).byteLength;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
