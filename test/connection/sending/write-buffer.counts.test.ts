import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { LARGEST_CUT } from "../../../src/connection/sending/slab.ts";
import { textFrame } from "../../../src/connection/sending/text-frames.ts";
import { fill, hex, utf8 } from "../../support/bytes.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { turns } from "../../support/wire.ts";
import { type Rig, arrived, fullRig, rig } from "../../support/outbox-rig.ts";

const BINARY = 2;

/** All ways to send one message. */
const kinds: Readonly<Record<string, (outbox: WriteBuffer) => void>> = {
  "a text": (outbox) => outbox.addText("text"),
  "an empty text": (outbox) => outbox.addText(""),
  "a text that is not ASCII": (outbox) => outbox.addText("à bientôt €"),
  "a long text": (outbox) => outbox.addText("t".repeat(2000)),
  "a text larger than a slab's cut": (outbox) => outbox.addText("t".repeat(LARGEST_CUT)),
  "few bytes": (outbox) => outbox.addMessage(BINARY, fill(1, 10)),
  "no bytes": (outbox) => outbox.addMessage(BINARY, hex("")),
  "many bytes": (outbox) => outbox.addMessage(BINARY, fill(1, LARGEST_CUT + 1)),
  "a short frame that is shared": (outbox) => outbox.addShared(textFrame("shared")),
  "a frame that is shared and does not wait as a copy": (outbox) => outbox.addShared(textFrame("s".repeat(5000))),
  "a large frame that is shared": (outbox) => outbox.addShared(textFrame("s".repeat(LARGEST_CUT))),
};
const names = Object.keys(kinds);

describe.each(names)("%s", (name) => {
  const send = kinds[name]!;

  test.each([
    ["a socket", { socket: true }],
    ["another stream", { socket: false }],
  ])("on %s is one message that waits, then one that was written", async (_where, options) => {
    const { stream, outbox, counts } = rig({ highWaterMark: 1_000_000, ...options });
    send(outbox);
    expect(counts()).toEqual([0, 1]);
    // To ask for the size may encode what waits.
    expect(outbox.size).toBeGreaterThan(0);
    expect(counts()).toEqual([0, 1]);
    await turns();
    expect(counts()).toEqual([1, 0]);
    expect(arrived(stream)).toBe(1);
  });

  test("waits once behind a stream that is full, in whatever turn it came", async () => {
    const { stream, outbox, counts } = await fullRig();
    send(outbox);
    send(outbox);
    expect(counts()).toEqual([1, 2]);
    await turns();
    expect(counts()).toEqual([1, 2]);
    send(outbox);
    await turns();
    expect(counts()).toEqual([1, 3]);
    stream.flow();
    await turns(12);
    expect([counts(), arrived(stream)]).toEqual([[4, 0], 4]);
  });

  test("is what drop() returns and no more, whether the stream is full or not", async () => {
    for (const { stream, outbox, counts } of [rig(), await fullRig()]) {
      const before = outbox.written;
      send(outbox);
      send(outbox);
      expect([outbox.drop(), outbox.drop()]).toEqual([2, 0]);
      expect([counts(), outbox.size]).toEqual([[before, 0], stream.writableLength]);
      stream.flow();
      await turns();
      expect([counts(), arrived(stream)]).toEqual([[before, 0], before]);
    }
  });
});

describe("messages of one turn", () => {
  test("are each counted, be they joined, side by side or one behind the other", async () => {
    const { outbox, counts } = rig({ highWaterMark: 10_000_000 });
    for (const name of names) for (let i = 0; i < 10; i++) kinds[name]!(outbox);
    for (const name of names) for (const other of names) for (const one of [name, other]) kinds[one]!(outbox);
    const all = names.length * 10 + 2 * names.length ** 2;
    expect(counts()).toEqual([0, all]);
    await turns();
    expect(counts()).toEqual([all, 0]);
  });

  test("are each counted where a thousand texts are joined, a late one of them not ASCII", async () => {
    for (const late of ["x", "é"]) {
      const { outbox, counts } = rig({ highWaterMark: 1_000_000 });
      for (let i = 0; i < 1000; i++) outbox.addText(i === 990 ? late : "x");
      expect([counts(), outbox.size]).toEqual([[0, 1000], 3000 + utf8(late).length - 1]);
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

describe("whatever is sent, taken and dropped in whatever order", () => {
  async function run({ stream, outbox }: Rig, steps: readonly string[]): Promise<void> {
    let [sent, dropped] = [0, 0];
    const others: Readonly<Record<string, () => unknown>> = {
      turn: () => turns(1),
      stick: () => stream.stick(),
      flow: () => stream.flow(),
      take: () => stream.takeOne(),
      hold: () => outbox.holdWrites(),
      release: () => outbox.releaseWrites(),
      size: () => outbox.size,
      ping: () => outbox.addControl(9, hex("01")),
      pong: () => outbox.addControl(10, hex("02")),
      drop: () => (dropped += outbox.drop()),
      yield: () => (dropped += outbox.dropUnsent()),
    };
    for (const one of steps) {
      const send = kinds[one];
      if (send === undefined) await others[one]!();
      else {
        send(outbox);
        sent++;
      }
      expect(outbox.written + outbox.pending + dropped).toBe(sent);
    }
    outbox.releaseWrites();
    stream.flow();
    await turns(20);
    expect([outbox.written, outbox.pending]).toEqual([sent - dropped, 0]);
    expect(arrived(stream)).toBe(outbox.written);
  }

  test("what was written, what waits and what was dropped add up, and what was written arrives", async () => {
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
