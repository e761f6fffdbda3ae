import fc from "fast-check";
import type { Answer } from "./random-server.ts";
import type { Reaction } from "./random-connection.ts";
import { type Item, item, lastItem } from "./random-peer.ts";

/** One thing that happens, to one of the clients or to the server. */
export type Step =
  | { readonly does: "connect"; readonly answer: Answer; readonly polite: boolean; readonly bytes: number }
  | { readonly does: "say"; readonly who: number; readonly item: Item }
  | { readonly does: "arrive"; readonly who: number; readonly bytes: number }
  | { readonly does: "hangUp" | "reset" | "stick" | "flow" | "close" | "ping"; readonly who: number }
  | { readonly does: "broadcast"; readonly size: number }
  | { readonly does: "settle"; readonly well: boolean }
  | { readonly does: "time"; readonly ms: number }
  | { readonly does: "answer" | "turn" };

const who = fc.nat({ max: 7 });
const does = <D extends string>(...names: D[]): fc.Arbitrary<D> => fc.constantFrom(...names);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      does: does("connect"),
      answer: fc.oneof(
        { weight: 8, arbitrary: does("handler") },
        { weight: 4, arbitrary: does("later", "never", "refuse", "throw") },
      ),
      polite: fc.boolean(),
      bytes: fc.oneof({ weight: 4, arbitrary: fc.constant(1000) }, { weight: 1, arbitrary: fc.nat({ max: 150 }) }),
    }),
  },
  { weight: 12, arbitrary: fc.record({ does: does("say"), who, item }) },
  { weight: 1, arbitrary: fc.record({ does: does("say"), who, item: lastItem }) },
  {
    weight: 12,
    arbitrary: fc.record({ does: does("arrive"), who, bytes: fc.oneof(fc.nat({ max: 40 }), fc.constant(10_000)) }),
  },
  { weight: 4, arbitrary: fc.record({ does: does("stick", "flow", "ping"), who }) },
  { weight: 1, arbitrary: fc.record({ does: does("hangUp", "reset", "close"), who }) },
  { weight: 3, arbitrary: fc.record({ does: does("broadcast"), size: fc.constantFrom(10, 1000, 300_000, 5_000_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      does: does("settle"),
      well: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: does("time"), ms: fc.constantFrom(5, 30) }) },
  { weight: 2, arbitrary: fc.record({ does: does("answer") }) },
  { weight: 8, arbitrary: fc.record({ does: does("turn") }) },
);

const reaction = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom<Reaction>("nothing", "nothing", "send", "resolve", "wait", "destroy") },
  { weight: 1, arbitrary: fc.constantFrom<Reaction>("throw", "reject", "terminate") },
);

/** The script of one server: how it is set up, what happens before it is terminated, and after that. */
export const script = fc.record({
  /** Whether the server has its own web server. */
  own: fc.boolean(),
  options: fc.record({
    maxSendQueue: fc.constantFrom(1000, 1_000_000),
    highWaterMark: fc.constantFrom(0, 100_000, 1_000_000),
    sendQueuePolicy: fc.constantFrom(
      "terminate" as const,
      "drop-newest" as const,
      "drop-oldest" as const,
      "latest" as const,
    ),
    maxMessagesPerSecond: fc.constantFrom(Infinity, Infinity, 5),
    pingInterval: fc.constantFrom(Infinity, 100),
    pingTimeout: fc.constant(100),
    closeTimeout: fc.constant(50),
    closeBatchSize: fc.constantFrom(1, 1000),
    maxMessageSize: fc.constant(1000),
  }),
  reactions: fc.array(reaction, { minLength: 1, maxLength: 8 }),
  before: fc.array(step, { minLength: 30, maxLength: 120, size: "max" }),
  /** Seconds that `terminate` is given. */
  seconds: fc.constantFrom(undefined, 0, 0.03, 1),
  after: fc.array(
    // Time passes slowly from here on, so that every connection is closed in turn.
    step.filter((one) => one.does !== "time"),
    { maxLength: 10, size: "max" },
  ),
});
