import { expect, onTestFinished, test } from "vitest";
import { encoderOf } from "../../../src/connection/sending/encoders.ts";
import { sendBudget } from "../../../src/connection/sending/send-budget.ts";
import { WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { keepSpareMemory, takeSpareMemory } from "../../../src/protocol/spare-memory.ts";
import { LateBlob } from "../../support/late-blob.ts";
import { outgoing } from "../../support/outgoing.ts";
import { Session } from "../../support/session.ts";
import { Wire, turns } from "../../support/wire.ts";

/** A write buffer on a stream that takes nothing, and is full from the first byte. */
function blockedBuffer(highWaterMark = 1) {
  const stream = new Wire({ highWaterMark });
  const buffer = new WriteBuffer(new StreamWriter(stream, true), encoderOf("server"));
  stream.on("drain", () => buffer.onDrain());
  onTestFinished(() => void buffer.onStreamClose());
  stream.stick();
  return { stream, buffer };
}

/** The number of full streams in the budget of the process. */
function streamsInBudget(): number {
  const probe = { budgeted: undefined };
  sendBudget.set(probe, 1000);
  const share = sendBudget.share(1);
  sendBudget.clear(probe);
  return 1 / share - 1;
}

/** Bytes of the frame of a text of three characters. */
const FRAME = 5;

test("a full stream is in the budget of the process with what waits in it and before it", async () => {
  const { buffer } = blockedBuffer();
  buffer.addText("abc");
  await turns();
  expect(sendBudget.total).toBe(FRAME);
  buffer.addText("def");
  expect(sendBudget.total).toBe(2 * FRAME);
});

test("the bytes of the queues before it count too, once they are noted", async () => {
  const { buffer } = blockedBuffer();
  buffer.addText("abc");
  await turns();
  buffer.noteQueued(100);
  expect(sendBudget.total).toBe(100 + FRAME);
  buffer.noteQueued(0);
  expect(sendBudget.total).toBe(FRAME);
});

test("a stream that is not full is in the budget only while something waits before it", async () => {
  const { buffer } = blockedBuffer(1000);
  buffer.addText("abc");
  await turns();
  expect([sendBudget.total, streamsInBudget()]).toEqual([0, 0]);
  buffer.noteQueued(100);
  expect([sendBudget.total, streamsInBudget()]).toEqual([100 + FRAME, 1]);
  buffer.noteQueued(0);
  expect([sendBudget.total, streamsInBudget()]).toEqual([0, 0]);
});

test("it leaves the budget when its stream has taken everything", async () => {
  const { stream, buffer } = blockedBuffer();
  buffer.addText("abc");
  await turns();
  stream.flow();
  await turns();
  expect([buffer.writer.isFull, sendBudget.total]).toEqual([false, 0]);
});

test("it leaves the budget when its stream is gone", async () => {
  const { buffer } = blockedBuffer();
  buffer.addText("abc");
  await turns();
  buffer.noteQueued(50);
  buffer.onStreamClose();
  expect([buffer.writer.isFull, sendBudget.total]).toEqual([true, 0]);
});

test("a full stream that is ended stays in the budget until it has finished", async () => {
  const { stream, buffer } = blockedBuffer();
  buffer.addText("abc");
  await turns();
  buffer.end();
  await turns();
  expect(sendBudget.total).toBe(FRAME);
  stream.flow();
  await turns();
  expect([stream.ended, sendBudget.total, streamsInBudget()]).toEqual([true, 0, 0]);
});

test("a text for a full stream has no memory that was used before: that may be longer, and is not counted", async () => {
  const { stream, buffer } = blockedBuffer();
  const spare = takeSpareMemory(80_000);
  keepSpareMemory(spare);
  buffer.addText("abc");
  await turns();
  buffer.addText("a".repeat(70_000));
  expect(takeSpareMemory(70_000).buffer).toBe(spare.buffer);
  keepSpareMemory(spare);
  stream.flow();
  await turns();
  buffer.addText("a".repeat(70_000));
  expect(takeSpareMemory(70_000).buffer).not.toBe(spare.buffer);
});

test("each full stream has one share of the budget", async () => {
  for (const { buffer } of [blockedBuffer(), blockedBuffer(), blockedBuffer(), blockedBuffer(1000)]) {
    buffer.addText("abc");
    await turns();
    buffer.addText("def");
    await turns();
  }
  expect([sendBudget.total, sendBudget.share(6)]).toEqual([3 * 2 * FRAME, 2]);
});

test("a Blob that was read counts once in the budget, and one that cannot be read counts no more", async () => {
  const stream = new Wire({ highWaterMark: 1 });
  const session = new Session({}, { stream, maxSendQueue: 1_000_000 });
  await turns();
  stream.stick();
  session.connection.send(outgoing("x"));
  await turns();
  const before = sendBudget.total;
  const [first, second] = [new LateBlob("a".repeat(1000)), new LateBlob("b".repeat(2000))];
  session.connection.send(outgoing(first));
  session.connection.send(outgoing(second));
  // With the headers of their frames.
  expect(sendBudget.total).toBe(before + 3000 + 2 * 4);
  first.read();
  await turns();
  expect(sendBudget.total).toBe(before + 3000 + 2 * 4);
  second.fail(new Error("unreadable"));
  await turns();
  expect(sendBudget.total).toBeLessThan(100);
});
