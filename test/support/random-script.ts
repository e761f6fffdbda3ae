import fc from "fast-check";
import type { SendQueuePolicy } from "../../src/connection/sending/settings.ts";
import type { Kind, Reaction } from "./random-connection.ts";
import { type Item, MAX_MESSAGE, MAX_FRAGMENTS, item, lastItem } from "./random-peer.ts";

/** One thing that happens. */
export type Step =
  | { readonly does: "say"; readonly item: Item }
  | { readonly does: "arrive"; readonly bytes: number }
  | { readonly does: "send"; readonly kind: Kind; readonly size: number }
  | { readonly does: "tick" | "time"; readonly much: number }
  | { readonly does: "settle" | "read"; readonly well: boolean }
  | {
      readonly does: "turn" | "stick" | "take" | "flow" | "ask" | "pong" | "terminate" | "destroy" | "reset" | "hangUp";
    };

/** How it ends, if it has not ended before. `gone`: at once, while promises and Blobs are pending. */
export type End =
  "peer closes" | "we close" | "peer hangs up" | "peer is silent" | "reset" | "destroy" | "gone" | "destroyed";

const often: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant("say" as const), item }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("arrive" as const),
      bytes: fc.oneof(fc.nat({ max: 40 }), fc.constant(10_000)),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant("send" as const),
      kind: fc.constantFrom<Kind>("text", "bytes", "shared", "text", "bytes", "shared", "blob"),
      size: fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 150 }) }, { weight: 1, arbitrary: fc.constant(20_000) }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom("tick" as const), much: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom("time" as const), much: fc.constantFrom(10, 400) }) },
  {
    weight: 5,
    arbitrary: fc.record({ does: fc.constantFrom("settle" as const, "read" as const), well: fc.constant(true) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ does: fc.constantFrom("turn", "turn", "stick", "take", "flow", "ask", "pong") }),
  },
);

const seldom: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant("say" as const), item: lastItem }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constantFrom("settle" as const, "read" as const), well: fc.constant(false) }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom("terminate", "destroy", "reset", "hangUp") }) },
);

const reaction = fc.oneof(
  { weight: 60, arbitrary: fc.constantFrom<Reaction>("nothing", "nothing", "send", "resolve", "wait") },
  { weight: 1, arbitrary: fc.constantFrom<Reaction>("throw", "reject", "terminate", "destroy") },
);

const settings = fc.record({
  sendQueuePolicy: fc.constantFrom<SendQueuePolicy>("terminate", "drop-newest", "drop-oldest", "latest"),
  highWaterMark: fc.constantFrom(0, 10, 200, 1_000_000),
  maxSendQueue: fc.constantFrom(1, 300, 1000, 1_000_000),
  maxMessagesPerSecond: fc.constantFrom(Infinity, Infinity, 3),
  maxBytesPerSecond: fc.constantFrom(Infinity, Infinity, 500),
  ratePolicy: fc.constantFrom("pause" as const, "pause" as const, "close" as const),
  closeTimeout: fc.constant(1000),
  maxMessageSize: fc.constant(MAX_MESSAGE),
  maxFragments: fc.constant(MAX_FRAGMENTS),
  life: fc.record({
    tick: fc.constant(1000),
    pingInterval: fc.constantFrom(Infinity, 2, 5),
    pingTimeout: fc.constantFrom(1, 4),
    idleTimeout: fc.constantFrom(Infinity, Infinity, 6),
    maxLifetime: fc.constantFrom(Infinity, Infinity, 12),
  }),
});

const ends: readonly End[] = [
  "peer closes",
  "we close",
  "peer hangs up",
  "peer is silent",
  "reset",
  "destroy",
  "gone",
  "destroyed",
];

/** The script of one connection: how it is set up, what happens, how it ends. */
export const script = fc.record({
  settings,
  mark: fc.constantFrom(1, 200, 16_384),
  reactions: fc.array(reaction, { minLength: 1, maxLength: 8 }),
  steps: fc.array(fc.oneof({ weight: 80, arbitrary: often }, { weight: 1, arbitrary: seldom }), {
    minLength: 5,
    maxLength: 60,
    size: "max",
  }),
  end: fc.constantFrom(...ends),
});
