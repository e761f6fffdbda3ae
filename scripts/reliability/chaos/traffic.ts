// The clients of the chaos, in a process of its own: publishers of numbered messages, and subscribers that log what they get.
import { setTimeout as pause } from "node:timers/promises";
import { answerParent } from "../child.ts";
import { type Comparison, addComparison, compareLog, countSent, emptyComparison } from "./comparison.ts";
import { Ledger } from "./ledger.ts";
import { Publisher } from "./publisher.ts";
import { Subscriber } from "./subscriber.ts";
import { OBSERVER, PRESENCE_TOPIC, hasHistory, topicName } from "./topics.ts";

/** The traffic. */
export interface TrafficPlan {
  readonly clients: number;
  readonly topics: number;
  /** Topics of each client. */
  readonly topicsPerClient: number;
  readonly publishers: number;
  /** Messages a second of each publisher. */
  readonly rate: number;
  /** Characters that make each message longer. */
  readonly padding: number;
  /** Clients that are present. */
  readonly members: number;
}

/** What was found at the end. */
export interface Totals {
  readonly history: Comparison;
  readonly plain: Comparison;
  /** Of clients that had left and come back: what they have lost, with history in silence, and without history. */
  readonly away: { readonly silent: number; readonly plain: number };
  /** The rejections by their codes. */
  readonly failures: Readonly<Record<string, number>>;
  /** How often subscribers were told that messages may be missing, by the reason. */
  readonly gaps: Readonly<Record<string, number>>;
  /** How often a client was connected again. */
  readonly resumed: number;
  /** The longest time from `publish` to a subscriber, in milliseconds. */
  readonly slowest: number;
}

/** What clients were told of presence, since the last time. */
export interface PresenceReport {
  readonly joins: number;
  readonly leaves: number;
}

/** The methods of this process. */
export interface Traffic {
  /** Sets where the nodes are. */
  readonly setNodes: (urls: readonly string[]) => void;
  /** Connects the clients, and subscribes. `persistent`: they try until they have subscribed. Returns how many have. */
  readonly open: (options: { readonly plan: TrafficPlan; readonly persistent: boolean }) => Promise<number>;
  readonly start: () => void;
  readonly stop: () => void;
  /** Clients that are connected. */
  readonly connected: () => number;
  /** Lets n clients leave. */
  readonly leave: (n: number) => Promise<void>;
  /** Lets them come back with their positions. */
  readonly comeBack: () => Promise<void>;
  /** The longest time from `publish` to a subscriber since the last call. */
  readonly slowest: () => number;
  readonly presence: () => PresenceReport;
  /** Milliseconds of each client from the loss of its connection until it has resumed, since the last call. */
  readonly resumed: () => number[];
  /** Messages so far. */
  readonly published: () => number;
  /** Stops, waits for what is under way, and compares. Waits up to this many milliseconds in which nothing comes. */
  readonly finish: (patience: number) => Promise<Totals>;
}

/** Clients that connect at a time: more would not be a load, but a storm. */
const AT_ONCE = 500;

const ledger = new Ledger();
let nodes: readonly string[] = [];
let publishers: Publisher[] = [];
const subscribers: Subscriber[] = [];
let away: Subscriber[] = [];
const wereAway = new Set<Subscriber>();
let presence = { joins: 0, leaves: 0 };
let resumed: number[] = [];
let resumedCount = 0;
let slowestOfAll = 0;
const gaps: Record<string, number> = {};

const events = {
  onGap: (reason: string) => {
    gaps[reason] = (gaps[reason] ?? 0) + 1;
  },
  onResumed: (milliseconds: number) => {
    resumed.push(milliseconds);
    resumedCount++;
  },
  onPresence: (type: "join" | "leave") => {
    if (type === "join") presence.joins++;
    else presence.leaves++;
  },
};

/** The URLs of all nodes in turn, beginning with the nth. */
function urlsFrom(n: number): () => string {
  let next = n;
  return () => nodes[next++ % nodes.length] ?? "ws://127.0.0.1:9";
}

/** The topics of the nth client. */
function topicsOf(n: number, { topics, topicsPerClient, members }: TrafficPlan): string[] {
  const own = Array.from({ length: topicsPerClient }, (_, i) => topicName((n * topicsPerClient + i) % topics));
  if (n < members) own.push(PRESENCE_TOPIC);
  return own;
}

/** The name of the nth client. */
function nameOf(n: number): string {
  return n === 0 ? OBSERVER : `user${String(n)}`;
}

/** Compares all that has been published with all that has come. */
function compareAll(): Pick<Totals, "history" | "plain" | "away"> {
  const history = emptyComparison();
  const plain = emptyComparison();
  const lost = { silent: 0, plain: 0 };
  for (const [topic, sent] of ledger.byTopic) addComparison(hasHistory(topic) ? history : plain, countSent(sent));
  for (const subscriber of subscribers)
    for (const [topic, log] of subscriber.logs) {
      const one = compareLog(ledger.byTopic.get(topic) ?? [], log);
      addComparison(hasHistory(topic) ? history : plain, one);
      if (!wereAway.has(subscriber)) continue;
      if (hasHistory(topic)) lost.silent += one.lost - one.told;
      else lost.plain += one.lost;
    }
  return { history, plain, away: lost };
}

function slowest(): number {
  const value = ledger.slowest;
  slowestOfAll = Math.max(slowestOfAll, value);
  ledger.slowest = 0;
  return Math.round(value);
}

const methods: Traffic = {
  setNodes: (urls) => {
    nodes = urls;
  },
  async open({ plan, persistent }) {
    const all = Array.from({ length: plan.topics }, (_, n) => topicName(n));
    const { rate, padding } = plan;
    publishers = Array.from(
      { length: plan.publishers },
      (_, n) => new Publisher({ url: urlsFrom(n), topics: all, rate, padding }, ledger, n * 31),
    );
    let done = 0;
    for (let first = 0; first < plan.clients; first += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, plan.clients - first) }, (_, n) => first + n);
      const some = numbers.map((n) => new Subscriber(nameOf(n), urlsFrom(n), ledger, events));
      subscribers.push(...some);
      const each = some.map((one, i) => one.subscribe(topicsOf(numbers[i] ?? 0, plan), persistent));
      done += (await Promise.all(each)).filter(Boolean).length;
    }
    return done;
  },
  start: () => publishers.forEach((one) => one.start()),
  stop: () => publishers.forEach((one) => one.stop()),
  connected: () => subscribers.filter((one) => one.isConnected).length,
  async leave(n) {
    const leaving = subscribers.filter((one) => !away.includes(one)).slice(-n);
    away.push(...leaving);
    for (const one of leaving) wereAway.add(one);
    await Promise.all(leaving.map((one) => one.leave()));
  },
  async comeBack() {
    await Promise.all(away.map((one) => one.comeBack()));
    away = [];
  },
  slowest,
  presence() {
    const report = presence;
    presence = { joins: 0, leaves: 0 };
    return report;
  },
  resumed() {
    const list = resumed;
    resumed = [];
    return list;
  },
  published: () => ledger.size,
  async finish(patience) {
    methods.stop();
    let last = performance.now();
    let delivered = -1;
    for (;;) {
      const { history } = compareAll();
      if (ledger.pending === 0 && history.lost === history.told) break;
      if (history.delivered !== delivered) last = performance.now();
      delivered = history.delivered;
      if (performance.now() - last > patience) break;
      await pause(200);
    }
    // What may come twice, or late, comes now.
    await pause(500);
    slowest();
    const totals = { ...compareAll(), failures: ledger.failures, gaps, resumed: resumedCount };
    for (const one of [...publishers, ...subscribers]) one.end();
    return { ...totals, slowest: Math.round(slowestOfAll) };
  },
};

answerParent(methods);
