import { type Recovery, type Row, check } from "../record.ts";
import { Rig, pause } from "../rig.ts";

const AOF = ["--appendonly", "yes", "--appendfsync", "everysec"];

/** The longest of several times. */
export function longest(what: string, times: readonly number[], bound: number | undefined): Recovery {
  return { what, milliseconds: Math.max(...times), bound };
}

const downAtStart: Row = {
  name: "down-at-start",
  failure: "Redis is not there when the servers start",
  promise: "They start, and are joined when it comes. Until then publish on a topic with history rejects after 5 s",
  run: (scale) =>
    Rig.run({ scale, isLate: true, options: scale.isShort ? { publishTimeout: 500 } : {} }, async (rig) => {
      const opening = rig.begin();
      // What is published now is rejected before Redis comes.
      await pause(scale.isShort ? 500 : 12_000);
      await rig.traffic.call("stop");
      await pause(scale.isShort ? 1_500 : 8_000);
      const before = await rig.states();
      const started = Date.now();
      await rig.redis.run();
      const ready = await rig.whenAll("ready", started);
      await opening;
      await rig.traffic.call("start");
      await pause(scale.isShort ? 1_000 : 5_000);
      const totals = await rig.finish();
      const statuses = [...new Set(before.map(({ status }) => status))];
      return {
        totals,
        recoveries: [longest("all servers joined", [ready], 6_000)],
        checks: [
          check("status before Redis came", statuses.join() === "connecting", statuses),
          check(
            "errors told, other than the rejections",
            before.every(({ errors }) => Object.keys(errors).length <= 2),
            before.map(({ errors }) => errors),
          ),
        ],
      };
    }),
};

const kill: Row = {
  name: "kill",
  failure: "Redis is killed and starts again, with its data (AOF, everysec)",
  promise: "Topics with history pause and go on, nothing is lost",
  run: (scale) =>
    Rig.run({ scale, redis: AOF }, async (rig) => {
      await rig.begin();
      const kills = scale.isShort ? 2 : 20;
      const times: number[] = [];
      for (let n = 0; n < kills; n++) {
        await pause(1_000 + 1_000 * Math.random());
        const killed = Date.now();
        await rig.redis.kill();
        await rig.whenAll("away", killed);
        await pause(scale.isShort ? 100 : 1_000 * Math.random());
        await rig.redis.run();
        const listens = Date.now();
        times.push(await rig.whenAll("ready", killed + 1).then((ms) => killed + 1 + ms - listens));
      }
      await pause(1_000);
      return {
        totals: await rig.finish(),
        recoveries: [longest("all servers joined again", times, 8_000)],
        notes: [`${String(kills)} kills`],
      };
    }),
};

/** Redis itself fails. */
export const brokerRows: readonly Row[] = [downAtStart, kill];
