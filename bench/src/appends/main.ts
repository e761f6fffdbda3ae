import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Hawser from "hawser";
import type { WebSocketServer } from "hawser";
import type * as HawserRedis from "hawser/redis";
import { Redis } from "ioredis";
import type { Command, Job, Report, Sample } from "../load/job.ts";
import { Meter } from "../load/meter.ts";
import { payload } from "../wire/frames.ts";

// A process that stores messages of topics with history in Redis, which is measured. It gets jobs and sends samples by IPC, and ends with
// the benchmark.
const build = process.env["HAWSER_BUILD"] ?? resolve(import.meta.dirname, "../../../dist");
const load = (file: string): Promise<unknown> => import(pathToFileURL(resolve(build, file)).href);
const hawser = (await load("hawser.js")) as typeof Hawser;
const { redis } = (await load("redis.js")) as typeof HawserRedis;

let server: Promise<WebSocketServer> | undefined;

/** All jobs have the same Redis. */
async function start(port: number): Promise<WebSocketServer> {
  const client = new Redis(port, "127.0.0.1", { lazyConnect: true });
  const handler = { onConnection: () => ({ onMessage: () => undefined }) };
  const wss = new hawser.WebSocketServer(handler, {
    port: 0,
    host: "127.0.0.1",
    backplane: redis(client),
    history: { "topic:*": {} },
  });
  await wss.backplane.ready;
  return wss;
}

/** Each topic keeps `depth` messages in flight. One is done when Redis has stored it. */
async function append(job: Job): Promise<Sample> {
  const wss = await (server ??= start(job.port));
  const meter = new Meter(job);
  const message = payload(job.size, job.format).toString();
  let isDone = false;
  const keepPublishing = async (topic: string): Promise<void> => {
    while (!isDone) {
      await wss.publish(topic, message);
      meter.count++;
    }
  };
  const publishers = Array.from({ length: job.connections * job.depth }, (_, n) =>
    keepPublishing(`topic:${n % job.connections}`),
  );
  const failure = Promise.all(publishers);
  await Promise.race([pause(job.warmup), failure]);
  meter.start();
  await Promise.race([pause(job.seconds), failure]);
  const sample = meter.stop(job.size);
  isDone = true;
  await failure;
  // The meter takes this process for the load generator.
  return {
    ...sample,
    serverMicros: sample.loadMicros,
    loadMicros: sample.serverMicros ?? 0,
    serverShare: sample.loadShare,
    loadShare: sample.serverShare ?? 0,
  };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

async function execute(command: Command): Promise<Report> {
  return "run" in command ? { sample: await append(command.run) } : { done: true };
}

process.on("message", (command: Command) => {
  void execute(command)
    .catch((error: unknown): Report => ({ failed: error instanceof Error ? error.message : String(error) }))
    .then((report) => process.send?.(report));
});
process.on("disconnect", () => process.exit(0));
