import { describe, expect, test } from "vitest";
import { textFrame } from "../../../src/connection/sending/text-frames.ts";
import { hex } from "../../support/bytes.ts";
import { framesIn } from "../../support/sent-frames.ts";
import { turns } from "../../support/wire.ts";
import { arrived, fullRig, rig } from "../../support/write-buffer-rig.ts";

describe("control frames", () => {
  test("are not counted as messages, with a full stream or without, nor is the close frame", async () => {
    for (const { stream, writeBuffer, counts } of [rig(), await fullRig()]) {
      const before = counts();
      writeBuffer.addControl(9, hex("01"));
      writeBuffer.addControl(10, hex("02"));
      writeBuffer.addClose(hex("03 e8"));
      expect(counts()).toEqual(before);
      stream.flow();
      await turns();
      expect(counts()).toEqual(before);
      expect(framesIn(stream.taken).filter(({ opcode }) => opcode > 7)).toHaveLength(3);
    }
  });

  test("are not counted when all that waits is dropped", async () => {
    const { writeBuffer } = await fullRig();
    writeBuffer.addControl(10, hex("02"));
    writeBuffer.addText("x");
    writeBuffer.addClose(hex("03 e8"));
    expect(writeBuffer.drop()).toBe(1);
  });
});

describe("data that is dropped for a last frame", () => {
  test("is nothing when the stream is not full, and all that waits when it is", async () => {
    const [roomy, full] = [rig(), await fullRig()];
    for (const { writeBuffer } of [roomy, full]) writeBuffer.addText("x");
    expect([roomy.writeBuffer.dropUnsent(), roomy.writeBuffer.pending]).toEqual([0, 1]);
    expect([full.writeBuffer.dropUnsent(), full.writeBuffer.pending]).toEqual([1, 0]);
  });

  test("is all that waits when the stream is closed, and what is in a full stream", async () => {
    for (const { writeBuffer, counts } of [rig(), await fullRig()]) {
      const inStream = writeBuffer.written;
      writeBuffer.addText("x");
      writeBuffer.addShared(textFrame("y"));
      expect([writeBuffer.onStreamClose(), counts()]).toEqual([2 + inStream, [0, 0]]);
    }
  });
});

describe("end() on a full stream", () => {
  test("writes piece by piece as the stream takes them, and ends it after the last", async () => {
    const { stream, writeBuffer, counts } = await fullRig();
    for (let i = 0; i < 4; i++) {
      writeBuffer.addShared(textFrame(`${i}`.repeat(5000)));
      await turns(1);
    }
    writeBuffer.addClose(hex("03 e8"));
    writeBuffer.end();
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

  test("ends it at once when nothing waits", async () => {
    const { stream, writeBuffer, counts } = await fullRig();
    writeBuffer.end();
    stream.flow();
    await turns();
    expect([counts(), stream.ended, arrived(stream)]).toEqual([[1, 0], true, 1]);
  });
});
