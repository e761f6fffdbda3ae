import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MessageCounters } from "../../../src/connection/counters/message-counters.ts";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import { SendResult } from "../../../src/connection/sending/send-result.ts";
import type { SendQueuePolicy } from "../../../src/connection/sending/settings.ts";
import { utf8 } from "../../support/bytes.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { trafficIn } from "../../support/sent-traffic.ts";
import { Session, broken, close, ping } from "../../support/session.ts";
import { LateBlob } from "../../support/late-blob.ts";
import { Wire, turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";

/** A message to send: the way, the length, the characters and the key. */
interface Send {
  readonly act: "send";
  readonly kind: "text" | "bytes" | "shared" | "blob";
  readonly size: number;
  readonly character: string;
  readonly key: string | undefined;
}

/** What ends a connection. */
type End = "terminate" | "destroy" | "reset" | "close" | "break";

/** One thing that happens to a connection, or to its stream. */
type Step = Send | { readonly act: "turn" | "stick" | "take" | "flow" | "read" | "unreadable" | "ping" | End };

/** A message that was sent, and the result of `send`. */
interface Handed {
  readonly content: string;
  readonly key: string | undefined;
  readonly told: SendResult;
}

const PREAMBLE = 4;

const size = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 16_370, max: 16_390 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 70_000 }) },
);

const act = <A extends Step["act"]>(...acts: A[]): fc.Arbitrary<{ act: A }> =>
  fc.record({ act: fc.constantFrom(...acts) });

/** Blobs have no keys here, and messages that wait for them have none. */
const step = (keys: boolean): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 16,
      arbitrary: fc.record({
        act: fc.constant("send" as const),
        kind: keys ? fc.constantFrom("text", "bytes", "shared") : fc.constantFrom("text", "bytes", "shared", "blob"),
        size,
        character: fc.constantFrom("x", "é"),
        key: keys ? fc.constantFrom(undefined, "a", "b") : fc.constant(undefined),
      }),
    },
    { weight: 5, arbitrary: act("turn", "take", "read") },
    { weight: 4, arbitrary: act("stick", "flow") },
    { weight: 2, arbitrary: act("ping") },
  );

const last: fc.Arbitrary<Step> = act("flow", "terminate", "destroy", "reset", "close", "break", "unreadable");

const run = fc.boolean().chain((keys) =>
  fc.record({
    connections: fc.array(
      fc.record({
        mark: fc.constantFrom(1, 200, 16_384),
        highWaterMark: fc.constantFrom(0, 100, 1_000_000),
        maxSendQueue: fc.constantFrom(1, 300, 5000, 1_000_000),
        maxTotalSendQueue: fc.constantFrom(500, 10_000, Infinity),
        sendQueuePolicy: fc.constantFrom<SendQueuePolicy>("terminate", "drop-newest", "drop-oldest", "latest"),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    steps: fc.array(fc.tuple(fc.nat({ max: 2 }), step(keys)), { minLength: 5, maxLength: 60, size: "max" }),
    lasts: fc.tuple(last, last, last),
    after: fc.array(fc.tuple(fc.nat({ max: 2 }), step(keys)), { maxLength: 8, size: "max" }),
  }),
);

/** One connection that sends, and the messages it got. */
class Sending {
  readonly session: Session;
  readonly policy: SendQueuePolicy;
  readonly handed: Handed[] = [];
  readonly #blobs: LateBlob[] = [];
  #before: MessageCounters = { accepted: 0, written: 0, dropped: 0, pending: 0 };

  constructor({ mark, ...settings }: { mark: number; sendQueuePolicy: SendQueuePolicy }) {
    this.policy = settings.sendQueuePolicy;
    this.session = new Session({}, { ...settings, stream: new Wire({ highWaterMark: mark }) });
  }

  async take(step: Step): Promise<void> {
    const { connection, stream } = this.session;
    if (step.act === "send") this.#send(step);
    else if (step.act === "turn") await turns(1);
    else if (step.act === "stick") stream.stick();
    else if (step.act === "take") stream.takeOne();
    else if (step.act === "flow") stream.flow();
    else if (step.act === "read") this.#blobs.shift()?.read();
    else if (step.act === "unreadable") this.#blobs.shift()?.fail(new Error("EIO"));
    else if (step.act === "ping") this.session.receive(ping("p"));
    else if (step.act === "terminate") connection.close(1000);
    else if (step.act === "destroy") connection.destroy();
    else if (step.act === "reset") stream.reset();
    else if (step.act === "close") this.session.receive(close(1000));
    else this.session.receive(broken);
    this.check();
  }

  #send({ kind, size, character, key }: Send): void {
    const { connection } = this.session;
    const content = `${String(this.handed.length)}|${character.repeat(size)}`;
    const before = connection.counters.accepted;
    const open = connection.status === "Connected";
    let told: SendResult;
    if (kind === "text") told = connection.send(outgoing(content, key));
    else if (kind === "bytes") told = connection.send(outgoing(utf8(content), key));
    else if (kind === "shared") told = connection.send(new SharedMessage(outgoing(content, key)));
    else {
      const blob = new LateBlob(content);
      this.#blobs.push(blob);
      told = connection.send(outgoing(blob, key));
    }
    expect(connection.counters.accepted - before).toBe(open ? 1 : 0);
    if (open) this.handed.push({ content, key, told });
    else expect(told).toBe(SendResult.dropped);
  }

  /** The invariants at every moment. */
  check(): void {
    const { counters, bufferedAmount, status } = this.session.connection;
    const { accepted, written, dropped, pending } = counters;
    expect(accepted).toBe(written + dropped + pending);
    expect(accepted).toBe(this.handed.length);
    for (const name of ["accepted", "written", "dropped"] as const) {
      // At the end it is known what the system has not taken.
      if (name === "written" && status === "Closed") continue;
      expect(counters[name], name).toBeGreaterThanOrEqual(this.#before[name]);
    }
    if (pending > 0) expect(bufferedAmount).toBeGreaterThan(0);
    this.#before = counters;
  }

  /** The peer reads everything. */
  async flow(): Promise<void> {
    this.session.stream.flow();
    await turns(2);
    // Blobs are read one after the other.
    for (let blob = this.#blobs.shift(); blob !== undefined; blob = this.#blobs.shift()) {
      blob.read();
      await turns(1);
    }
    await turns(3);
    this.check();
  }

  /** The invariants when the peer has read everything, or has disconnected. */
  checkAll(): void {
    const { session, handed, policy } = this;
    const { counters, bufferedAmount } = session.connection;
    const { stream, told } = session;
    expect(counters.pending).toBe(0);
    const lost = stream.errored !== null || (stream.destroyed && !stream.ended);
    const { messages, behindClose } = trafficIn(stream.taken.subarray(PREAMBLE), lost);
    expect(behindClose).toBe(0);
    if (!lost) {
      expect(messages).toHaveLength(counters.written);
      expect(bufferedAmount).toBe(0);
    } else if (stream.errored === null) expect(messages.length).toBeGreaterThanOrEqual(counters.written);
    // Messages reported as dropped do not arrive; the others of each key arrive in order.
    for (const key of policy === "latest" ? [undefined, "a", "b"] : ["any"]) {
      const wanted = handed.filter((one) => one.told !== SendResult.dropped && (key === "any" || one.key === key));
      const rest = wanted.map(({ content }) => content);
      const got = policy === "latest" ? messages.filter((message) => rest.includes(message)) : messages;
      expect(isPart(got, rest)).toBe(true);
      // A policy never drops the newest message.
      if (session.connection.status === "Connected") expect(got.at(-1)).toBe(rest.at(-1));
    }
    if (session.connection.status !== "Connected") return;
    const refused = handed.filter((one) => one.told === SendResult.dropped).length;
    if (policy === "terminate" || policy === "drop-newest") expect(counters.dropped).toBe(refused);
    if (policy === "terminate") expect(refused).toBe(0);
    expect(told).toEqual([]);
  }
}

/** Whether `part` is `whole` without some of its items, in the same order. */
function isPart(part: readonly string[], whole: readonly string[]): boolean {
  let at = -1;
  return part.every((one) => (at = whole.indexOf(one, at + 1)) >= 0);
}

describe("any messages to any peers under any policy, with any end", () => {
  test("accepted messages are written, dropped or waiting, and the peers get the written ones in order", async () => {
    await fc.assert(
      fc.asyncProperty(run, async ({ connections, steps, lasts, after }) => {
        const all = connections.map((settings) => new Sending(settings));
        try {
          for (const [who, step] of steps) await all[who % all.length]!.take(step);
          for (const [i, one] of all.entries()) await one.take(lasts[i]!);
          for (const [who, step] of after) await all[who % all.length]!.take(step);
          for (const one of all) await one.flow();
          for (const one of all) one.checkAll();
        } finally {
          for (const { session } of all) session.connection.destroy();
          await turns(1);
        }
        expect(sendBudget.total).toBe(0);
      }),
      { seed, numRuns: cases(250) },
    );
  });
});
