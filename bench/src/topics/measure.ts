import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";
import { cpuSeconds } from "../load/cpu.ts";
import { collect, residentBytes } from "../measure/memory.ts";
import { ServerProcess } from "../measure/processes.ts";
import type { Peer } from "../peers.ts";

/** What many topics cost in one process. */
export interface TopicSample {
  /** CPU time of a subscription that makes a topic, in µs. */
  readonly newTopicMicros: number;
  /** CPU time of a further subscription to each of these topics, in µs. */
  readonly subscribeMicros: number;
  /** Resident memory of a topic with its first subscription. */
  readonly topicBytes: number;
  /** Resident memory of a further subscription. */
  readonly subscriptionBytes: number;
  /** CPU time of a message to one of the topics, which two connections receive, in µs. */
  readonly publishMicros: number;
}

/** Topics of one connection: hawser allows 1,000. */
export const TOPICS_EACH = 1000;

const MESSAGES = 20_000;
const DEPTH = 16;
const SETTLE = 200;

/** Measures a new server: `topics` topics, with two connections in each. */
export async function measureTopics(peer: Peer, topics: number): Promise<TopicSample> {
  const server = await ServerProcess.start(peer, "/topics");
  const clients: WebSocket[] = [];
  try {
    const count = topics / TOPICS_EACH;
    for (let n = 0; n < 2 * count; n++) clients.push(await open(server.port));
    // What a server reserves at its first subscription does not count.
    await ask(clients[0]!, "subscribe 0 1");
    const [first, further] = [clients.slice(0, count), clients.slice(count)];
    const before = await memoryOf(server);
    const newTopicMicros = (await subscribeAll(server, first)) / topics;
    const withTopics = await memoryOf(server);
    const subscribeMicros = (await subscribeAll(server, further)) / topics;
    const withBoth = await memoryOf(server);
    const publishMicros = (await publishAll(server, [first[0]!, further[0]!])) / MESSAGES;
    return {
      newTopicMicros,
      subscribeMicros,
      topicBytes: (withTopics - before) / topics,
      subscriptionBytes: (withBoth - withTopics) / topics,
      publishMicros,
    };
  } finally {
    for (const client of clients) client.terminate();
    await server.stop();
  }
}

async function open(port: number): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/topics`);
  await once(client, "open");
  return client;
}

async function ask(client: WebSocket, command: string): Promise<void> {
  client.send(command);
  const [answer] = (await once(client, "message")) as [Buffer];
  if (answer.toString() !== "done") throw new Error(`the answer is "${answer.toString()}"`);
}

/** Each connection subscribes to topics of its own. Returns the CPU time in µs. */
function subscribeAll(server: ServerProcess, clients: readonly WebSocket[]): Promise<number> {
  return cpuMicros(server, async () => {
    for (const [index, client] of clients.entries())
      await ask(client, `subscribe ${index * TOPICS_EACH} ${TOPICS_EACH}`);
  });
}

/** One connection publishes to a topic in the middle of its own, and keeps some messages in flight. Returns the CPU time in µs. */
async function publishAll(server: ServerProcess, [sender, other]: readonly [WebSocket, WebSocket]): Promise<number> {
  const command = `publish ${TOPICS_EACH / 2}`;
  const micros = await cpuMicros(server, async () => {
    let [sent, received] = [0, 0];
    const done = new Promise<void>((resolve) => {
      const next = (): void => {
        received++;
        if (sent < MESSAGES) {
          sent++;
          sender.send(command);
        }
        if (received === 2 * MESSAGES) resolve();
      };
      sender.on("message", next);
      other.on("message", () => {
        received++;
        if (received === 2 * MESSAGES) resolve();
      });
    });
    for (; sent < DEPTH; sent++) sender.send(command);
    await done;
  });
  for (const client of [sender, other]) client.removeAllListeners("message");
  return micros;
}

async function cpuMicros(server: ServerProcess, action: () => Promise<void>): Promise<number> {
  const before = cpuSeconds(server.pid);
  await action();
  const after = cpuSeconds(server.pid);
  if (before === null || after === null) throw new Error("this system has no /proc");
  return (after - before) * 1e6;
}

async function memoryOf(server: ServerProcess): Promise<number> {
  await pause(SETTLE);
  await collect(server);
  return residentBytes(server.pid);
}
