import { WebSocket } from "hawser/client";
import { mustEnd } from "../ends.ts";
import type { NodeState } from "../node.ts";
import { type Outcome, type Row, type Scale, check } from "../record.ts";
import { Rig, pause } from "../rig.ts";
import { SlowReader } from "../slow-reader.ts";
import { longest } from "./broker.ts";

const MIB = 1024 * 1024;

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}

/** Looks at the nodes for some time. */
async function watch(rig: Rig, milliseconds: number, look: (states: readonly NodeState[]) => void): Promise<void> {
  const end = Date.now() + milliseconds;
  while (Date.now() < end) {
    look(await rig.states());
    await pause(250);
  }
}

/** What may be used: what waits for the broker (16 MiB), the recent messages of the topics (64 MiB), and garbage. */
const MAX_GROWTH = 160 * MIB;

const slowBroker: Row = {
  name: "slow-broker",
  failure: "More is published than Redis takes: 100 KB/s for each server",
  promise: "publish on a topic with history rejects, plain messages are dropped and counted, and memory stays bounded",
  run: (scale) =>
    Rig.run({ scale, nodes: 2 }, async (rig) => {
      await rig.begin({ clients: 20, topics: 16, padding: 60_000, rate: scale.isShort ? 50 : 25 });
      await pause(500);
      const base = (await rig.states()).map(({ memory }) => memory.used);
      for (const { proxy } of rig.nodes) proxy.up.bytesPerSecond = 100_000;
      let growth = 0;
      const resident: number[] = [];
      await watch(rig, scale.isShort ? 8_000 : 30_000, (states) => {
        for (const [n, { memory }] of states.entries()) growth = Math.max(growth, memory.used - (base[n] ?? 0));
        resident.push(Math.max(...states.map(({ memory }) => memory.rss)));
      });
      await rig.traffic.call("stop");
      const states = await rig.states();
      for (const { proxy } of rig.nodes) proxy.up.bytesPerSecond = Infinity;
      await rig.whenAll("ready", 0);
      const dropped = states.map(({ counters }) => counters.dropped);
      const totals = await rig.finish();
      const middle = resident.slice(0, resident.length / 2);
      return {
        totals,
        checks: [
          check("rejected because too much waits", (totals.failures["HWS_BACKPLANE_FULL"] ?? 0) > 0, totals.failures),
          check("plain messages dropped and counted", Math.min(...dropped) > 0, dropped),
          check("heap and buffers grew by at most", growth < MAX_GROWTH, mebibytes(growth)),
        ],
        notes: [
          `most resident memory: ${mebibytes(Math.max(...middle))} in the first half of the time, ${mebibytes(Math.max(...resident))} in all of it`,
        ],
      };
    }),
};

/** What one slow reader may have in the server: `highWaterMark`, one message and its frame. */
const MESSAGE = 8_000;
const MAX_BUFFERED = MIB + MESSAGE + 200;

/** Publishes numbered messages of 8 KB through a node. Returns how many were accepted. */
async function publishLarge(url: string, topic: string, plan: { seconds: number; rate: number }): Promise<number> {
  let accepted = 0;
  let answered = 0;
  const onMessage = (_ws: unknown, { data }: { data: unknown }): void => {
    answered++;
    if (String(data).endsWith(" ok")) accepted++;
  };
  const ws = await WebSocket.connect(`${url}/?publisher=1`, { onMessage });
  const end = mustEnd(() => {
    ws.destroy();
  });
  const count = plan.seconds * plan.rate;
  for (let n = 0; n < count; n++) {
    ws.send(`${String(n)} ${topic} ${String(n)} ${"x".repeat(MESSAGE)}`);
    await pause(1_000 / plan.rate);
  }
  while (answered < count) await pause(50);
  await end();
  return accepted;
}

async function readSlowly(rig: Rig, { slowSeconds, isShort }: Scale): Promise<Outcome> {
  const url = rig.nodes[0]?.url ?? "";
  const port = Number(new URL(url).port);
  const topic = "h/slow";
  const readers = await Promise.all(Array.from({ length: isShort ? 20 : 100 }, () => SlowReader.open(port, topic)));
  const end = mustEnd(() => readers.forEach((reader) => reader.end()));
  // As much for the short time as for the long one, but no more than the history keeps.
  const rate = Math.max(10, Math.min(40, Math.floor(4_000 / slowSeconds)));
  const publishing = publishLarge(url, topic, { seconds: slowSeconds, rate });
  let buffered = 0;
  let used = 0;
  await watch(rig, slowSeconds * 1_000, ([state]) => {
    buffered = Math.max(buffered, state?.buffered ?? 0);
    used = Math.max(used, state?.memory.rss ?? 0);
  });
  const accepted = await publishing;
  const before = readers.map(({ numbers }) => numbers.length);
  const start = Date.now();
  for (const reader of readers) reader.hurry();
  while (readers.some(({ numbers, gaps }) => numbers.length < accepted && gaps === 0) && Date.now() - start < 120_000)
    await pause(50);
  const caughtUp = Date.now() - start;
  const isWhole = (numbers: readonly number[]): boolean => numbers.every((n, i) => n === i);
  const whole = readers.filter(({ numbers }) => numbers.length === accepted && isWhole(numbers)).length;
  const catchUps = (await rig.states())[0]?.history.catchUps ?? 0;
  await end();
  return {
    recoveries: [longest("all have caught up", [caughtUp], undefined)],
    checks: [
      check(
        "readers that got all, once and in order",
        whole === readers.length,
        `${String(whole)} of ${String(readers.length)}`,
      ),
      check("most bytes that wait for one", buffered <= MAX_BUFFERED, buffered),
      check("times that one was too slow", catchUps > 0, catchUps),
    ],
    notes: [
      `${String(accepted)} messages of 8 KB in ${String(slowSeconds)} s; the readers had got ${String(Math.min(...before))} to ${String(Math.max(...before))} of them, and the system's buffers some more`,
      `most resident memory of the server: ${mebibytes(used)}`,
    ],
  };
}

const slowClients: Row = {
  name: "slow-clients",
  failure: "100 clients read 1 KB a second",
  promise:
    "They get everything when they read faster, and what waits for each is bounded (`highWaterMark` and a message)",
  run: (scale) => Rig.run({ scale, nodes: 1 }, (rig) => readSlowly(rig, scale)),
};

const clientCuts: Row = {
  name: "client-cuts",
  failure: "Clients are cut at random, and cannot connect for 2 s",
  promise: "They resume, and get everything",
  run: (scale) =>
    Rig.run({ scale, clientProxies: true }, async (rig) => {
      await rig.begin();
      let cut = 0;
      const times = scale.isShort ? 1 : 8;
      for (let n = 0; n < times; n++) {
        await pause(1_500);
        for (const proxy of rig.clientProxies) {
          proxy.refuses = true;
          cut += proxy.cut(0.3);
        }
        await pause(2_000);
        for (const proxy of rig.clientProxies) proxy.refuses = false;
      }
      await pause(2_000);
      const totals = await rig.finish();
      const { accepted, expected, lost } = totals.history;
      const share = `${((100 * (expected - lost)) / expected).toFixed(2)} % of ${String(accepted)} messages`;
      return { totals, checks: [check("delivered", lost === 0, share)], notes: [`${String(cut)} connections cut`] };
    }),
};

const storm: Row = {
  name: "storm",
  failure: "A server with 10,000 clients is killed, and all of them connect to one other server",
  promise: "They resume, and the history of each topic is read at most once",
  run: (scale) =>
    Rig.run({ scale, nodes: 2 }, async (rig) => {
      const clients = scale.isShort ? 1_000 : 10_000;
      const [first, second] = rig.nodes;
      if (first === undefined || second === undefined) throw new Error("two nodes are needed");
      await rig.traffic.call("setNodes", [first.url]);
      await rig.begin({ clients, topicsPerClient: 1, members: 0, rate: 3 });
      await pause(2_000);
      await rig.traffic.call("resumed");
      await rig.traffic.call("setNodes", [second.url]);
      const killed = Date.now();
      await first.process.stop();
      const resumed: number[] = [];
      while (resumed.length < clients && Date.now() - killed < 60_000) {
        resumed.push(...(await rig.traffic.call("resumed")));
        await pause(100);
      }
      const { reads } = (await second.process.call("state")).history;
      const withHistory = (scale.topics * 3) / 4;
      rig.nodes.shift();
      const totals = await rig.finish();
      const p99 = resumed.sort((a, b) => a - b)[Math.floor(resumed.length * 0.99)] ?? Infinity;
      return {
        totals,
        recoveries: [longest("99 % of the clients have resumed", [p99], 5_000)],
        checks: [
          check("clients that have resumed", resumed.length === clients, resumed.length),
          check("reads of the history", reads <= withHistory, `${String(reads)}, of ${String(withHistory)} topics`),
        ],
      };
    }),
};

/** Messages that are none of ours: too short, of another version, cut off, and a text that is no UTF-8. */
const FOREIGN = [
  "",
  "garbage",
  "\x10",
  "\x11",
  "\x12short",
  "\x21\0\0\0\x01x",
  "\x11\0\0\xff\0x",
  `\x11\0\0\0\x10\x10\0${"i".repeat(12)}\xff\xfe`,
];

const foreign: Row = {
  name: "foreign",
  failure: "Others publish on our channels: no packets, another version, texts that are no UTF-8",
  promise: "Ignored, and counted",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      await rig.begin();
      await pause(500);
      const channels = (await rig.admin.pubsub("CHANNELS", "hawser:*:c:*")) as string[];
      let sent = 0;
      for (const channel of channels)
        for (const bytes of FOREIGN) sent += await rig.admin.publish(channel, Buffer.from(bytes, "latin1"));
      await pause(1_000);
      const states = await rig.states();
      const counted = states.reduce((sum, { counters, history }) => sum + counters.foreign + history.foreign, 0);
      const totals = await rig.finish();
      const isReady = states.every(({ changes }) => changes.length === 1);
      return {
        totals,
        checks: [
          check("counted", counted === sent && sent > 0, `${String(counted)} of ${String(sent)}`),
          check("the servers stay joined", isReady, isReady),
        ],
      };
    }),
};

const manyTopics: Row = {
  name: "many-topics",
  failure: "The connections of a server with 100,000 topics are cut",
  promise: "It subscribes to all of them again, and looks for what it has missed",
  run: (scale) =>
    Rig.run({ scale, nodes: 2 }, async (rig) => {
      const [node, other] = rig.nodes;
      if (node === undefined || other === undefined) throw new Error("two nodes are needed");
      const connections = scale.isShort ? 10 : 100;
      const begun = Date.now();
      const remote = await node.process.call("subscribeMany", { connections, topics: 1_000 });
      const subscribed = Date.now() - begun;
      const cut = Date.now();
      node.proxy.cut();
      await rig.whenAll("away", cut, [node]);
      const ready = await rig.whenAll("ready", cut + 1, [node]);
      const { received } = (await node.process.call("state")).history;
      await other.process.call("publishMany", { topics: 1_000, bytes: 10 });
      await pause(1_000);
      const come = (await node.process.call("state")).history.received - received;
      return {
        recoveries: [
          longest("subscribed and checked", [ready], 5_000),
          longest("subscribed at first", [subscribed], undefined),
        ],
        checks: [
          check("topics", remote === connections * 1_000, remote),
          check("messages of the first 1,000 topics that come after that", come === 1_000, come),
        ],
      };
    }),
};

/** Clients fail, or there is more of something than usual. */
export const loadRows: readonly Row[] = [clientCuts, slowClients, storm, slowBroker, foreign, manyTopics];
