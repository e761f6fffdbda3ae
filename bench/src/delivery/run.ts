import { setTimeout as pause } from "node:timers/promises";
import type { Site } from "../measure/rounds.ts";
import { Cable } from "./cable.ts";
import type { Contestant } from "./contestants.ts";
import type { Publisher } from "./publishers.ts";
import { type CutPlan, type PlannedCut, scheduleOf } from "./schedule.ts";
import type { Subscriber } from "./subscribers.ts";
import { type Counts, Tally, textOf } from "./tally.ts";

/** How a delivery test runs. */
export interface DeliveryPlan extends CutPlan {
  /** Messages per second of all publishers. */
  readonly rate: number;
  /** Seconds of one cut. */
  readonly outage: number;
}

/** What the clients of one contestant have received. */
export interface Delivery extends Counts {
  /** Messages that were published. */
  readonly published: number;
  /** Messages that all clients together should have received. */
  readonly expected: number;
  readonly cuts: number;
  /** How often a client was told that messages may be missing. */
  readonly toldMissing: number;
  /** Clients that have not received all messages. */
  readonly incomplete: number;
  /** Of each of them how much of each publisher is missing, and between which numbers. */
  readonly missing: readonly string[];
}

const SIZE = 100;
const TICK = 20;

// Nothing new for this time: all that comes has come. A client that was cut several times may wait 30 s before it connects again.
const QUIET = 35_000;
const MAX_QUIET = 120_000;

/** Everything of one run. */
interface Parts {
  readonly cables: readonly Cable[];
  readonly tallies: readonly Tally[];
  readonly subscribers: Subscriber[];
  readonly publishers: readonly Publisher[];
  toldMissing: number;
}

/** Runs one contestant on two servers that Redis joins: clients are cut while messages are published, and then all get time to come back. */
export async function deliver(contestant: Contestant, { job }: Site, plan: DeliveryPlan): Promise<Delivery> {
  const ports = [job.port, job.secondPort!];
  const clients = Array.from({ length: plan.clients }, (_, index) => index);
  const parts: Parts = {
    cables: await Promise.all(clients.map((index) => Cable.open(ports, index))),
    tallies: clients.map(() => new Tally()),
    subscribers: [],
    publishers: await Promise.all(ports.map(contestant.connect)),
    toldMissing: 0,
  };
  try {
    await subscribeAll(contestant, parts);
    const cuts = scheduleOf(plan);
    const [published, done] = await Promise.all([publishAll(parts.publishers, plan), cutAll(parts.cables, cuts, plan)]);
    await untilQuiet(parts, published);
    return resultOf(parts, published, done);
  } finally {
    for (const each of [...parts.subscribers, ...parts.publishers, ...parts.cables]) each.close();
  }
}

async function subscribeAll(contestant: Contestant, parts: Parts): Promise<void> {
  const subscribe = await contestant.subscriber();
  const ready = parts.cables.map(
    ({ port }, index) =>
      new Promise<void>((onReady) => {
        const subscriber = subscribe(port, {
          onReady,
          onMessage: (text) => parts.tallies[index]!.note(text),
          onMissing: () => parts.toldMissing++,
        });
        parts.subscribers.push(subscriber);
      }),
  );
  await Promise.all(ready);
}

/** Publishes at the given rate, alternately at each server. Returns the number of messages. */
async function publishAll(publishers: readonly Publisher[], { rate, seconds }: DeliveryPlan): Promise<number> {
  const begin = performance.now();
  const total = Math.round(rate * seconds);
  let published = 0;
  while (published < total) {
    await pause(TICK);
    const due = Math.min(total, ((performance.now() - begin) / 1000) * rate);
    for (; published < due; published++) {
      const index = published % publishers.length;
      publishers[index]!.publish(textOf(index, Math.floor(published / publishers.length) + 1, SIZE));
    }
  }
  return published;
}

/** Cuts the clients when it is time, unless they are cut already. Returns the number of cuts. */
async function cutAll(
  cables: readonly Cable[],
  cuts: readonly PlannedCut[],
  { outage }: DeliveryPlan,
): Promise<number> {
  const begin = performance.now();
  let done = 0;
  for (const { at, client, how } of cuts) {
    await pause(Math.max(0, at - (performance.now() - begin)));
    const cable = cables[client]!;
    if (cable.isCut) continue;
    setTimeout(cable.cut(how), outage * 1000);
    done++;
  }
  return done;
}

async function untilQuiet({ tallies }: Parts, published: number): Promise<void> {
  const begin = performance.now();
  let [last, lastChange] = [0, begin];
  for (;;) {
    const delivered = sum(tallies, "delivered");
    if (delivered !== last) [last, lastChange] = [delivered, performance.now()];
    if (performance.now() - lastChange > QUIET || performance.now() - begin > MAX_QUIET) return;
    // Doubled messages may still come.
    if (delivered >= published * tallies.length) return void (await pause(QUIET / 7));
    await pause(TICK * 10);
  }
}

function resultOf({ tallies, toldMissing, publishers }: Parts, published: number, cuts: number): Delivery {
  return {
    published,
    expected: published * tallies.length,
    delivered: sum(tallies, "delivered"),
    doubled: sum(tallies, "doubled"),
    outOfOrder: sum(tallies, "outOfOrder"),
    cuts,
    toldMissing,
    incomplete: tallies.filter(({ counts }) => counts.delivered < published).length,
    missing: tallies.flatMap((tally) => tally.missingOf(publishers.length, published)),
  };
}

function sum(tallies: readonly Tally[], name: keyof Counts): number {
  return tallies.reduce((total, { counts }) => total + counts[name], 0);
}
