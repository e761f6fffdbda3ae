import { RedisServer } from "../../../../test/support/redis/server.ts";
import { mustEnd } from "../ends.ts";
import { TcpProxy } from "../proxy.ts";
import { type Row, check } from "../record.ts";
import { Rig, pause, redisPath } from "../rig.ts";
import { longest } from "./broker.ts";

/** The keys that fit a pattern. */
async function keys({ admin }: Rig, pattern: string): Promise<string[]> {
  return admin.keys(`hawser:*:${pattern}`);
}

const noData: Row = {
  name: "no-data",
  failure: "FLUSHALL; a restart without data; the newest position, or the messages, of one topic removed",
  promise: "Subscribers are told (gap `reset`), and those who come back too (`recovered: false`)",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      await rig.begin();
      const wait = scale.isShort ? 1_000 : 3_000;
      await pause(wait);
      await rig.admin.flushall();
      await pause(wait);
      const killed = Date.now();
      await rig.redis.kill();
      await rig.whenAll("away", killed);
      await rig.redis.run();
      const listens = Date.now();
      const ready = (await rig.whenAll("ready", killed + 1)) + killed + 1 - listens;
      await pause(wait);
      const removed = [...(await keys(rig, "m:h/0")), ...(await keys(rig, "h:h/4"))];
      await rig.admin.del(...removed);
      await rig.traffic.call("leave", Math.ceil(scale.clients / 5));
      await pause(wait);
      await rig.traffic.call("comeBack");
      await pause(wait);
      const totals = await rig.finish();
      return {
        totals,
        recoveries: [longest("all servers joined again after the restart", [ready], 8_000)],
        checks: [
          check("keys removed", removed.length === 2, removed.length),
          check("subscribers told of a reset", (totals.gaps["reset"] ?? 0) > 0, totals.gaps["reset"] ?? 0),
        ],
      };
    }),
};

/** Clients that leave before, and while, the messages are accepted that will be lost. */
async function leaveTwice(rig: Rig, each: number, wait: number, stall: () => void): Promise<void> {
  await rig.traffic.call("leave", each);
  stall();
  await pause(wait);
  await rig.traffic.call("leave", each);
  await pause(wait);
}

const failover: Row = {
  name: "failover",
  failure: "A failover to a replica that has not got the last messages",
  promise: "Those who had seen them are told (gap `fork`)",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      const replica = await RedisServer.start(redisPath());
      const wire = await TcpProxy.start(rig.broker);
      const ends = [mustEnd(() => replica.end()), mustEnd(() => wire.close())];
      try {
        const admin = rig.admin.duplicate({ port: replica.port });
        ends.push(mustEnd(() => admin.disconnect()));
        await admin.replicaof("127.0.0.1", wire.port);
        await rig.begin();
        while (!(await admin.info("replication")).includes("master_link_status:up")) await pause(50);
        await pause(1_000);
        const wait = scale.isShort ? 500 : 2_000;
        await leaveTwice(rig, Math.ceil(scale.clients / 10), wait, () => wire.stall("both", true));
        await rig.redis.kill();
        const killed = Date.now();
        await admin.replicaof("NO", "ONE");
        for (const { proxy } of rig.nodes) {
          proxy.target = { host: "127.0.0.1", port: replica.port };
          proxy.cut();
        }
        const ready = await rig.whenAll("ready", killed);
        await pause(wait);
        await rig.traffic.call("comeBack");
        await pause(wait);
        const totals = await rig.finish(10_000);
        return {
          totals,
          recoveries: [longest("all servers joined again", [ready], 8_000)],
          checks: [check("subscribers told of a fork", (totals.gaps["fork"] ?? 0) > 0, totals.gaps["fork"] ?? 0)],
        };
      } finally {
        for (const end of ends.reverse()) await end();
      }
    }),
};

const trimmed: Row = {
  name: "trimmed",
  failure: "Clients are away for longer than the history reaches: it keeps 10 messages, 5,000 come",
  promise: "They are told (`recovered: false`), and go on with what comes next",
  run: (scale) =>
    Rig.run({ scale, nodes: 2, size: 10 }, async (rig) => {
      const away = Math.ceil(scale.clients / 10);
      await rig.begin({ topics: 16, rate: scale.isShort ? 100 : 125 });
      await pause(500);
      await rig.traffic.call("leave", away);
      const before = await rig.traffic.call("published");
      const count = scale.isShort ? 500 : 5_000;
      while ((await rig.traffic.call("published")) < before + count) await pause(50);
      await rig.traffic.call("comeBack");
      await pause(1_000);
      const totals = await rig.finish();
      const told = totals.gaps["unrecovered"] ?? 0;
      // Three of the four topics of a client have a history.
      return { totals, checks: [check("subscriptions not recovered", told === away * 3, told)] };
    }),
};

const full: Row = {
  name: "full",
  failure: "Redis is full (maxmemory, noeviction)",
  promise: "publish on a topic with history rejects at once, reads and plain topics go on",
  run: (scale) =>
    Rig.run({ scale, redis: ["--maxmemory-policy", "noeviction"] }, async (rig) => {
      await rig.begin({ padding: 2_000 });
      await pause(1_000);
      const used = /used_memory:(\d+)/.exec(await rig.admin.info("memory"))?.[1] ?? "0";
      await rig.admin.config("SET", "maxmemory", used);
      await pause(1_000);
      await rig.traffic.call("leave", Math.ceil(scale.clients / 10));
      await pause(scale.isShort ? 1_000 : 4_000);
      await rig.traffic.call("comeBack");
      await rig.admin.config("SET", "maxmemory", "0");
      await pause(2_000);
      const totals = await rig.finish();
      const codes = Object.keys(totals.failures).join();
      return {
        totals,
        checks: [
          check("rejections", codes === "HWS_BACKPLANE_FAILED", codes),
          check(
            "lost without history, by those who stayed",
            totals.plain.lost === totals.away.plain,
            totals.plain.lost - totals.away.plain,
          ),
        ],
      };
    }),
};

const scriptFlush: Row = {
  name: "script-flush",
  failure: "SCRIPT FLUSH, again and again",
  promise: "Nothing",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      await rig.begin();
      const times = scale.isShort ? 10 : 40;
      for (let n = 0; n < times; n++) {
        await pause(100);
        await rig.admin.script("FLUSH");
      }
      const totals = await rig.finish();
      const rejected = totals.history.rejected + totals.history.uncertain;
      return {
        totals,
        checks: [check("rejected or uncertain", rejected === 0, rejected)],
        notes: [`${String(times)} times`],
      };
    }),
};

/** The time that a lease is too short by: an hour. */
const HOUR = 3_600_000;

const clock: Row = {
  name: "clock",
  failure: "The clock of Redis goes forward by an hour: all leases have run out",
  promise: "Nobody leaves a list of presence",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      await rig.begin();
      await pause(1_000);
      const present = await rig.nodes[0]?.process.call("presence");
      const [key = ""] = await keys(rig, "nodes");
      const nodes = await rig.admin.zrange(key, "0", "-1");
      for (let n = 0; n < (scale.isShort ? 1 : 3); n++) {
        for (const node of nodes) await rig.admin.zincrby(key, -HOUR, node);
        // All of them renew their leases. Two jumps within two heartbeats would be two failures.
        await pause(8_000);
      }
      await pause(2_000);
      const after = await rig.nodes[0]?.process.call("presence");
      const { leaves } = await rig.traffic.call("presence");
      const names = await rig.admin.zrange(key, "0", "-1");
      return {
        totals: await rig.finish(),
        checks: [
          check("members before and after", present === after && present === 19, [present, after]),
          check("told that somebody has left", leaves === 0, leaves),
          check("servers known", names.length === rig.nodes.length, names.length),
        ],
      };
    }),
};

/** What stands in Redis fails. */
export const dataRows: readonly Row[] = [noData, failover, trimmed, full, scriptFlush, clock];
