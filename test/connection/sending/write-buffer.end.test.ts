import { describe, expect, test } from "vitest";
import { textFrame } from "../../../src/connection/sending/text-frames.ts";
import { hex } from "../../support/bytes.ts";
import { framesIn } from "../../support/sent-frames.ts";
import { turns } from "../../support/wire.ts";
import { arrived, fullRig, rig } from "../../support/outbox-rig.ts";

describe("control frames", () => {
  test("are no messages, neither with room nor without, nor the close frame", async () => {
    for (const { stream, outbox, counts } of [rig(), await fullRig()]) {
      const before = counts();
      outbox.addControl(9, hex("01"));
      outbox.addControl(10, hex("02"));
      outbox.addClose(hex("03 e8"));
      expect(counts()).toEqual(before);
      stream.flow();
      await turns();
      expect(counts()).toEqual(before);
      expect(framesIn(stream.taken).filter(({ opcode }) => opcode > 7)).toHaveLength(3);
    }
  });

  test("are not counted where all that waits is dropped", async () => {
    const { outbox } = await fullRig();
    outbox.addControl(10, hex("02"));
    outbox.addText("x");
    outbox.addClose(hex("03 e8"));
    expect(outbox.drop()).toBe(1);
  });
});

describe("what makes way for a last frame", () => {
  test("is nothing where the stream has room, and all that waits where it has none", async () => {
    const [roomy, full] = [rig(), await fullRig()];
    for (const { outbox } of [roomy, full]) outbox.addText("x");
    expect([roomy.outbox.dropUnsent(), roomy.outbox.pending]).toEqual([0, 1]);
    expect([full.outbox.dropUnsent(), full.outbox.pending]).toEqual([1, 0]);
  });

  test("is all that waits when the stream is gone", async () => {
    for (const { outbox, counts } of [rig(), await fullRig()]) {
      const { written } = outbox;
      outbox.addText("x");
      outbox.addShared(textFrame("y"));
      expect([outbox.onGone(), counts()]).toEqual([2, [written, 0]]);
    }
  });
});

describe("end() on a full stream", () => {
  test("hands over piece by piece as the stream takes them, and ends it behind the last", async () => {
    const { stream, outbox, counts } = await fullRig();
    for (let i = 0; i < 4; i++) {
      outbox.addShared(textFrame(`${i}`.repeat(5000)));
      await turns(1);
    }
    outbox.addClose(hex("03 e8"));
    outbox.end();
    expect(counts()).toEqual([1, 4]);
    for (let i = 0; i < 5; i++) {
      await turns();
      expect([counts(), stream.ended]).toEqual([[1 + i, 4 - i], false]);
      stream.takeOne();
    }
    // The close frame is a piece of its own.
    await turns();
    expect([counts(), stream.ended]).toEqual([[5, 0], false]);
    stream.takeOne();
    await turns();
    expect(stream.ended).toBe(true);
    expect(framesIn(stream.taken).map(({ opcode, payload }) => [opcode, payload.length])).toEqual([
      [1, 5],
      ...Array.from({ length: 4 }, () => [1, 5000]),
      [8, 2],
    ]);
  });

  test("ends it at once where nothing waits before it", async () => {
    const { stream, outbox, counts } = await fullRig();
    outbox.end();
    stream.flow();
    await turns();
    expect([counts(), stream.ended, arrived(stream)]).toEqual([[1, 0], true, 1]);
  });
});
