import { RedisServer } from "../../../../test/support/redis/server.ts";
import { mustEnd } from "../ends.ts";
import { makeNamespace } from "../namespace.ts";
import { type Row, check } from "../record.ts";
import { Rig, pause, redisPath } from "../rig.ts";
import { longest } from "./broker.ts";

/** The longest time until a broken connection is noticed: a heartbeat every 3 s, and 5 s for its answer. */
const FOUND = 8_000;

const directions = [
  ["up", "Bytes to Redis do not arrive"],
  ["down", "Bytes from Redis do not arrive"],
  ["both", "No bytes arrive in either direction"],
] as const;

const stalls = directions.map(([direction, failure]): Row => ({
  name: `stall-${direction}`,
  failure: `${failure}, and the connections stay open`,
  promise: "Noticed within 8 s; then as after a restart of Redis",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      await rig.begin();
      await pause(1_000);
      const stalled = Date.now();
      for (const { proxy } of rig.nodes) proxy.stall(direction, true);
      const found = await rig.whenAll("away", stalled);
      await pause(scale.isShort ? 500 : Math.max(0, 60_000 - found));
      const freed = Date.now();
      for (const { proxy } of rig.nodes) proxy.stall(direction, false);
      const ready = await rig.whenAll("ready", freed);
      await pause(2_000);
      return {
        totals: await rig.finish(),
        recoveries: [longest("noticed", [found], FOUND), longest("all servers joined again", [ready], FOUND)],
      };
    }),
}));

const subscriberKill: Row = {
  name: "subscriber-kill",
  failure: "Redis ends the connections that subscribe (CLIENT KILL TYPE pubsub)",
  promise: "What was missed is read from the history",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      await rig.begin();
      await pause(1_000);
      await rig.traffic.call("slowest");
      const kills = scale.isShort ? 2 : 5;
      for (let n = 0; n < kills; n++) {
        await rig.admin.call("client", "kill", "type", "pubsub");
        // A server that loses its connections again and again within 5 s waits longer each time.
        await pause(scale.isShort ? 1_500 : 6_000);
      }
      const slowest = await rig.traffic.call("slowest");
      const totals = await rig.finish();
      const told = Object.keys(totals.gaps).length;
      return {
        totals,
        recoveries: [longest("slowest message", [slowest], 2_000)],
        checks: [check("gaps told", told === 0, totals.gaps)],
        notes: [`${String(kills)} times`],
      };
    }),
};

const outputLimit: Row = {
  name: "output-limit",
  failure: "A server stands still, and Redis ends its connection: client-output-buffer-limit pubsub 1mb",
  promise: "What was missed is read from the history",
  run: (scale) =>
    Rig.run({ scale, redis: ["--client-output-buffer-limit", "pubsub 1mb 1mb 1"] }, async (rig) => {
      await rig.begin();
      const [stopped, other] = rig.nodes;
      if (stopped === undefined || other === undefined) throw new Error("two nodes are needed");
      await stopped.process.call("subscribeMany", { connections: 1, topics: 8 });
      stopped.process.signal("SIGSTOP");
      const start = Date.now();
      for (let n = 0; n < 25; n++) await other.process.call("publishMany", { topics: 8, bytes: 200_000 });
      await pause(Math.max(0, 3_000 - (Date.now() - start)));
      const going = Date.now();
      stopped.process.signal("SIGCONT");
      const found = await rig.whenAll("away", start, [stopped]);
      const ready = (await rig.whenAll("ready", start + 1, [stopped])) + start + 1 - going;
      await pause(2_000);
      const totals = await rig.finish();
      const { history } = await stopped.process.call("state");
      return {
        totals,
        recoveries: [longest("the server joined again", [ready], 2_000)],
        checks: [check("the connection was ended", found > 0, `after ${String(found)} ms`)],
        notes: [`${String(history.reads)} reads of the history`],
      };
    }),
};

const wrongServer: Row = {
  name: "wrong-server",
  failure: "The connections that subscribe are led to another Redis, which gets no messages",
  promise: "Noticed within 8 s, and what was missed is read from the history",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      const other = await RedisServer.start(redisPath());
      const end = mustEnd(() => other.end());
      try {
        await rig.begin();
        await pause(1_000);
        const moved = Date.now();
        let count = 0;
        for (const { proxy } of rig.nodes) count += proxy.moveSubscribers({ host: "127.0.0.1", port: other.port });
        const found = await rig.whenAll("away", moved);
        const ready = await rig.whenAll("ready", moved + 1);
        await pause(2_000);
        return {
          totals: await rig.finish(),
          recoveries: [longest("noticed", [found], FOUND), longest("all servers joined again", [ready], FOUND + 2_000)],
          checks: [check("connections led to the other one", count === rig.nodes.length, count)],
        };
      } finally {
        await end();
      }
    }),
};

const parted: Row = {
  name: "parted",
  failure: "One server loses its network to Redis, and keeps its clients",
  promise: "Its clients stay. publish on a topic with history rejects there, and plain topics go on among them",
  run: async (scale) => {
    const namespace = makeNamespace();
    try {
      return await Rig.run({ scale, namespace }, async (rig) => {
        const [node] = rig.nodes;
        if (node === undefined) throw new Error("a node is needed");
        const setLink = (up: boolean): void => {
          if (namespace === undefined) node.proxy.stall("both", !up);
          else namespace.setBrokerLink(up);
        };
        await rig.begin();
        await pause(1_000);
        const before = (await node.process.call("state")).connections;
        const cut = Date.now();
        setLink(false);
        const found = await rig.whenAll("away", cut, [node]);
        await pause(Math.max(0, (scale.isShort ? 10_000 : 30_000) - found));
        const { connections } = await node.process.call("state");
        const joined = Date.now();
        setLink(true);
        const ready = await rig.whenAll("ready", joined, [node]);
        await pause(2_000);
        return {
          totals: await rig.finish(),
          recoveries: [longest("noticed", [found], FOUND), longest("joined again", [ready], FOUND)],
          checks: [check("its clients stay", connections === before, [before, connections])],
          notes: [namespace === undefined ? "by a proxy that passes nothing on" : "by a network namespace"],
        };
      });
    } finally {
      await namespace?.end();
    }
  },
};

/** The network between Redis and the servers fails. */
export const linkRows: readonly Row[] = [...stalls, subscriberKill, outputLimit, wrongServer, parted];
