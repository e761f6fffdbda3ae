import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, test } from "vitest";
import { PreparationQueue } from "../../../src/connection/sending/preparation-queue.ts";
import { preparationOf } from "../../../src/connection/sending/preparation.ts";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import { SendQueue } from "../../../src/connection/sending/send-queue.ts";
import { SendResult } from "../../../src/connection/sending/send-result.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";
import { asSent, waitingMessage } from "../../../src/connection/sending/waiting-message.ts";
import { asBytes } from "../../../src/protocol/bytes.ts";
import { fill } from "../../support/bytes.ts";
import { outgoing } from "../../support/outgoing.ts";
import { Session } from "../../support/session.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { came } from "../../support/slow-session.ts";
import { turns } from "../../support/wire.ts";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

const LARGE = 500_000;

/** A part of a large text of its own. */
function part(i: number): string {
  return Buffer.from(`${i}`.padStart(30, "0").padEnd(LARGE, "x")).toString().slice(0, 200);
}

/** Bytes of the heap and of memory outside of it that `keep` holds for each of 60 messages. */
function bytesPerMessage(keep: (i: number) => unknown): number {
  const kept: unknown[] = [];
  const used = (): number => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  keep(0);
  const before = used();
  for (let i = 0; i < 60; i++) kept.push(keep(i));
  const bytes = (used() - before) / 60;
  expect(kept).toHaveLength(60);
  return bytes;
}

const nothing = () => undefined;
const sink = {
  prepare: (message: never, owner: never) => preparationOf(message, undefined, owner),
  write: nothing,
  onPreparationFailed: nothing,
  onEmpty: nothing,
};

/** The queues in which messages wait, each by itself. */
const queues = [
  ["a slow peer", () => new SendQueue(true)],
  [
    "a Blob that is being read",
    () => {
      const queue = new PreparationQueue(sink, outgoing(new SlowBlob("x")), false);
      queue.start();
      return queue;
    },
  ],
] as const;

describe.each(queues)("a message that waits for %s keeps no larger text in memory", (_name, newQueue) => {
  test.each([
    ["a part of a text", (i: number) => outgoing(part(i))],
    ["a published part of a text", (i: number) => new SharedMessage(outgoing(part(i)))],
    ["a key that is a part of a text", (i: number) => outgoing("x", part(i))],
    ["a published message with such a key", (i: number) => new SharedMessage(outgoing("x", part(i)))],
    ["bytes with such a key", (i: number) => outgoing(fill(1, 10), part(i))],
  ])("%s", (_what, message) => {
    const queue = newQueue();
    expect(
      bytesPerMessage((i) => {
        queue.add(message(i));
        return queue;
      }),
    ).toBeLessThan(LARGE / 4);
  });
});

test("a published text waits once, not as a text and as a frame", () => {
  const queue = new SendQueue(true);
  const text = (i: number): string => Buffer.from(`${i}`.padEnd(LARGE, "x")).toString();
  expect(bytesPerMessage((i) => queue.add(new SharedMessage(outgoing(text(i)))))).toBeLessThan(LARGE * 1.5);
});

describe("a waiting message", () => {
  test.each(["", "text", "é€😀"])("is the same text afterwards: %j", (text) => {
    const { message, isText, ownSize } = waitingMessage(outgoing(text, "key"));
    expect(message.payload).toEqual(asBytes(Buffer.from(text)));
    expect([isText, ownSize]).toEqual([true, Buffer.byteLength(text)]);
    expect(asSent({ message, isText })).toEqual(outgoing(text, "key"));
  });

  test("that is bytes stays so, and short bytes are copied", () => {
    const bytes = fill(1, 10);
    const { message, isText, ownSize } = waitingMessage(outgoing(bytes));
    bytes.fill(9);
    expect(asSent({ message, isText })).toEqual(outgoing(fill(1, 10)));
    expect(ownSize).toBe(10);
  });

  test("counts once if a loop over many connections has sent it", () => {
    const [large, shared] = [fill(1, 20_000), new SharedMessage(outgoing("shared"))];
    const sizes = (): number[] =>
      [outgoing("the same text"), outgoing(large), shared].map((message) => waitingMessage(message).ownSize);
    expect([sizes(), sizes()]).toEqual([
      [13, 20_000, 8],
      [0, 0, 0],
    ]);
    expect(waitingMessage(outgoing(new SlowBlob("a Blob is not in our memory"))).ownSize).toBe(0);
  });
});

describe("what waits for a Blob, on a peer that reads", () => {
  // The process has one budget: what stays in it would count for all tests.
  beforeEach(({ onTestFinished }) => {
    onTestFinished(async () => {
      await turns();
      expect(sendBudget.total).toBe(0);
    });
  });

  test("counts in the budget of the process, until it is sent", async () => {
    const session = new Session();
    await turns();
    const blob = new SlowBlob("blob");
    session.connection.send(outgoing(blob));
    expect(sendBudget.total).toBe(0);
    for (let i = 0; i < 10; i++) session.connection.send(outgoing(`${i}`.padEnd(100)));
    expect(sendBudget.total).toBe(1000);
    blob.read();
    await turns();
    expect(sendBudget.total).toBe(0);
    expect(came(session)).toHaveLength(11);
  });

  test("is limited by maxTotalSendQueue, and a connection where nothing waits is not", async () => {
    const limits = { maxTotalSendQueue: 500, sendQueuePolicy: "drop-newest" } as const;
    const [session, other] = [new Session({}, limits), new Session({}, limits)];
    await turns();
    session.connection.send(outgoing(new SlowBlob("blob")));
    const told = Array.from({ length: 10 }, (_, i) => session.connection.send(outgoing(`${i}`.padEnd(100))));
    expect(told.filter((one) => one === SendResult.dropped)).toHaveLength(4);
    expect(other.connection.send(outgoing("y".repeat(1000)))).toBe(SendResult.accepted);
    expect(sendBudget.total).toBe(600);
  });

  test("is not counted again for each connection that a broadcast reaches", async () => {
    const sessions = Array.from({ length: 10 }, () => new Session({}, { maxTotalSendQueue: 500 }));
    await turns();
    for (const { connection } of sessions) connection.send(outgoing(new SlowBlob("blob")));
    for (let i = 0; i < 3; i++) {
      const shared = new SharedMessage(outgoing(`${i}`.padEnd(100)));
      for (const { connection } of sessions) expect(connection.send(shared)).toBe(SendResult.accepted);
    }
    expect(sendBudget.total).toBe(3 * 102);
  });
});
