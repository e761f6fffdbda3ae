import { TopicClient } from "hawser/client/topics";
import { mustEnd } from "../ends.ts";
import { type Row, check } from "../record.ts";
import { Rig, pause } from "../rig.ts";
import { PRESENCE_TOPIC } from "../topics.ts";
import { longest } from "./broker.ts";

/** A member that does not come back when it loses its server. Returns what ends it. */
async function addMember(url: string): Promise<() => Promise<void>> {
  const member = new TopicClient(`${url}/?user=alone`, { onError: () => undefined });
  const end = mustEnd(() => {
    member.destroy();
  });
  await member.subscribe(PRESENCE_TOPIC);
  return end;
}

/** Waits until somebody has left. Returns the milliseconds. */
async function whenLeft({ traffic }: Rig, since: number, patience: number): Promise<number> {
  for (;;) {
    const { leaves } = await traffic.call("presence");
    if (leaves > 0 || Date.now() - since > patience) return Date.now() - since;
    await pause(50);
  }
}

const nodeKill: Row = {
  name: "node-kill",
  failure: "Servers are killed, one after the other, and replaced",
  promise: "Their clients go to other servers and resume. Members who do not come back leave within 20 s",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      await rig.begin();
      const kills = scale.isShort ? 2 : 8;
      for (let n = 1; n <= kills; n++) {
        await pause(scale.isShort ? 1_000 : 3_500);
        await rig.replaceNode(n % rig.nodes.length);
      }
      await pause(2_000);
      const last = rig.nodes.length - 1;
      const end = await addMember(rig.nodes[last]?.url ?? "");
      await pause(500);
      const moved = await rig.traffic.call("presence");
      const killed = Date.now();
      await rig.replaceNode(last);
      const left = await whenLeft(rig, killed, 40_000);
      await end();
      const resumed = await rig.traffic.call("resumed");
      return {
        totals: await rig.finish(),
        recoveries: [
          longest("the slowest client has resumed", resumed, undefined),
          longest("a member that does not come back has left", [left], 20_000),
        ],
        checks: [check("members of dead servers that came back have left", moved.leaves === 0, moved.leaves)],
        notes: [`${String(kills + 1)} kills, ${String(resumed.length)} reconnects`],
      };
    }),
};

const nodeStop: Row = {
  name: "node-stop",
  failure: "A server stands still (SIGSTOP), for 5 s and for 15 s",
  promise: "Its clients get everything late. After 15 s its members have left, and join again",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      await rig.begin();
      const stopped = rig.nodes[1]?.process;
      if (stopped === undefined) throw new Error("two nodes are needed");
      const recoveries = [];
      for (const milliseconds of scale.isShort ? [2_000] : [5_000, 15_000]) {
        await pause(1_000);
        await rig.traffic.call("slowest");
        stopped.signal("SIGSTOP");
        await pause(milliseconds);
        stopped.signal("SIGCONT");
        await pause(4_000);
        const late = (await rig.traffic.call("slowest")) - milliseconds;
        recoveries.push(longest(`all is delivered, after ${String(milliseconds / 1000)} s`, [late], 3_000));
      }
      const { joins, leaves } = await rig.traffic.call("presence");
      return {
        totals: await rig.finish(),
        recoveries,
        checks: [check("members told: joined, left", joins === leaves, [joins, leaves])],
      };
    }),
};

const rolling: Row = {
  name: "rolling",
  failure: "A rolling deployment: each server is replaced, with wss.terminate(5)",
  promise: "Nothing is lost. Members who are back before the last lease of 30 s is over do not leave",
  run: (scale) =>
    Rig.run({ scale }, async (rig) => {
      await rig.begin(scale.isShort ? {} : { members: 400 });
      for (const n of rig.nodes.keys()) {
        await pause(scale.isShort ? 500 : 2_000);
        const old = rig.nodes[n];
        rig.nodes[n] = await rig.startNode(n);
        await rig.whenAll("ready", 0);
        await rig.tellNodes();
        await old?.process.call("terminate", 5);
        await old?.process.stop();
      }
      // A lease that had run out would be noticed now.
      await pause(scale.isShort ? 1_000 : 36_000);
      const told = await rig.traffic.call("presence");
      const resumed = await rig.traffic.call("resumed");
      const totals = await rig.finish();
      const notRecovered = totals.gaps["unrecovered"] ?? 0;
      return {
        totals,
        recoveries: [longest("the slowest client has resumed", resumed, undefined)],
        checks: [
          check("members told: joined, left", told.joins === 0 && told.leaves === 0, [told.joins, told.leaves]),
          check("subscriptions not recovered", notRecovered === 0, notRecovered),
        ],
      };
    }),
};

/** Servers fail. */
export const nodeRows: readonly Row[] = [nodeKill, nodeStop, rolling];
