import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { MAX_COPIED } from "../../../src/connection/transport/stream-writer.ts";
import { textFrame } from "../../../src/connection/sending/text-frames.ts";
import { fill, hex, utf8 } from "../../support/bytes.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { turns } from "../../support/wire.ts";
import { type Rig, arrived, fullRig, rig } from "../../support/write-buffer-rig.ts";

const BINARY = 2;

/** All ways to send one message. */
const kinds: Readonly<Record<string, (writeBuffer: WriteBuffer) => void>> = {
  "a text": (writeBuffer) => writeBuffer.addText("text"),
  "an empty text": (writeBuffer) => writeBuffer.addText(""),
  "a text that is not ASCII": (writeBuffer) => writeBuffer.addText("à bientôt €"),
  "a long text": (writeBuffer) => writeBuffer.addText("t".repeat(2000)),
  "a text larger than the largest cut of a slab": (writeBuffer) => writeBuffer.addText("t".repeat(MAX_COPIED)),
  "few bytes": (writeBuffer) => writeBuffer.addMessage(BINARY, fill(1, 10)),
  "no bytes": (writeBuffer) => writeBuffer.addMessage(BINARY, hex("")),
  "many bytes": (writeBuffer) => writeBuffer.addMessage(BINARY, fill(1, MAX_COPIED + 1)),
  "a short frame that is shared": (writeBuffer) => writeBuffer.addShared(textFrame("shared")),
  "a frame that is shared and does not wait as a copy": (writeBuffer) =>
    writeBuffer.addShared(textFrame("s".repeat(5000))),
  "a large frame that is shared": (writeBuffer) => writeBuffer.addShared(textFrame("s".repeat(MAX_COPIED))),
};
const names = Object.keys(kinds);

describe.each(names)("%s", (name) => {
  const send = kinds[name]!;

  test.each([
    ["a socket", { socket: true }],
    ["another stream", { socket: false }],
  ])("on %s is one message that waits, then one that was written", async (_where, options) => {
    const { stream, writeBuffer, counts } = rig({ highWaterMark: 1_000_000, ...options });
    send(writeBuffer);
    expect(counts()).toEqual([0, 1]);
    // Reading the size may encode the waiting texts.
    expect(writeBuffer.size).toBeGreaterThan(0);
    expect(counts()).toEqual([0, 1]);
    await turns();
    expect(counts()).toEqual([1, 0]);
    expect(arrived(stream)).toBe(1);
  });

  test("waits once for a stream that is full, in the same turn or a later one", async () => {
    const { stream, writeBuffer, counts } = await fullRig();
    send(writeBuffer);
    send(writeBuffer);
    expect(counts()).toEqual([1, 2]);
    await turns();
    expect(counts()).toEqual([1, 2]);
    send(writeBuffer);
    await turns();
    expect(counts()).toEqual([1, 3]);
    stream.flow();
    await turns(12);
    expect([counts(), arrived(stream)]).toEqual([[4, 0], 4]);
  });

  test("is what drop() returns and no more, whether the stream is full or not", async () => {
    for (const { stream, writeBuffer, counts } of [rig(), await fullRig()]) {
      const before = writeBuffer.written;
      send(writeBuffer);
      send(writeBuffer);
      expect([writeBuffer.drop(), writeBuffer.drop()]).toEqual([2, 0]);
      expect([counts(), writeBuffer.size]).toEqual([[before, 0], stream.writableLength]);
      stream.flow();
      await turns();
      expect([counts(), arrived(stream)]).toEqual([[before, 0], before]);
    }
  });
});

describe("messages of one turn", () => {
  test("are each counted, when they are joined, side by side or one after the other", async () => {
    const { writeBuffer, counts } = rig({ highWaterMark: 10_000_000 });
    for (const name of names) for (let i = 0; i < 10; i++) kinds[name]!(writeBuffer);
    for (const name of names) for (const other of names) for (const one of [name, other]) kinds[one]!(writeBuffer);
    const all = names.length * 10 + 2 * names.length ** 2;
    expect(counts()).toEqual([0, all]);
    await turns();
    expect(counts()).toEqual([all, 0]);
  });

  test("are each counted when a thousand texts are joined and a late one is not ASCII", async () => {
    for (const late of ["x", "é"]) {
      const { writeBuffer, counts } = rig({ highWaterMark: 1_000_000 });
      for (let i = 0; i < 1000; i++) writeBuffer.addText(i === 990 ? late : "x");
      expect([counts(), writeBuffer.size]).toEqual([[0, 1000], 3000 + utf8(late).length - 1]);
      await turns();
      expect(counts()).toEqual([1000, 0]);
    }
  });
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...names) },
  { weight: 3, arbitrary: fc.constantFrom("turn", "stick", "flow", "take", "hold", "release", "size", "ping", "pong") },
  { weight: 1, arbitrary: fc.constantFrom("drop", "yield") },
);

describe("any order of sending, taking and dropping", () => {
  async function run({ stream, writeBuffer }: Rig, steps: readonly string[]): Promise<void> {
    let [sent, dropped] = [0, 0];
    const others: Readonly<Record<string, () => unknown>> = {
      turn: () => turns(1),
      stick: () => stream.stick(),
      flow: () => stream.flow(),
      take: () => stream.takeOne(),
      hold: () => writeBuffer.holdWrites(),
      release: () => writeBuffer.releaseWrites(),
      size: () => writeBuffer.size,
      ping: () => writeBuffer.addControl(9, hex("01")),
      pong: () => writeBuffer.addControl(10, hex("02")),
      drop: () => (dropped += writeBuffer.drop()),
      yield: () => (dropped += writeBuffer.dropUnsent()),
    };
    for (const one of steps) {
      const send = kinds[one];
      if (send === undefined) await others[one]!();
      else {
        send(writeBuffer);
        sent++;
      }
      expect(writeBuffer.written + writeBuffer.pending + dropped).toBe(sent);
    }
    writeBuffer.releaseWrites();
    stream.flow();
    await turns(20);
    expect([writeBuffer.written, writeBuffer.pending]).toEqual([sent - dropped, 0]);
    expect(arrived(stream)).toBe(writeBuffer.written);
  }

  test("written, waiting and dropped messages add up, and the written ones arrive", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          highWaterMark: fc.constantFrom(1, 100, 16_384),
          socket: fc.boolean(),
        }),
        fc.array(step, { minLength: 5, maxLength: 60, size: "max" }),
        (options, steps) => run(rig(options), steps),
      ),
      { seed, numRuns: cases(150) },
    );
  });
});
