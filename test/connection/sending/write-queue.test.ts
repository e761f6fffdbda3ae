import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { COALESCE_BELOW, WriteQueue } from "../../../src/connection/sending/write-queue.ts";
import { fill, hex, join, toHex } from "../../support/bytes.ts";
import { turns } from "../../support/wire.ts";

/** Takes all pieces, without `takesAny` only payloads whose header was written. */
function takeAll(pieces: WriteQueue, takesAny = true): string[] {
  const taken: string[] = [];
  for (let piece = pieces.shift(takesAny); piece !== undefined; piece = pieces.shift(takesAny))
    taken.push(`${piece.kind} ${toHex(piece.bytes)} ${piece.messages}`);
  return taken;
}

describe("pieces", () => {
  test("are taken in their order, unchanged", () => {
    const pieces = new WriteQueue();
    const bytes = hex("02");
    pieces.push("run", hex("01"), 3);
    pieces.push("shared", bytes, 1);
    pieces.push("payload", hex("03"), 0);
    expect(pieces.shift(true)).toEqual({ kind: "run", bytes: hex("01"), size: 1, messages: 3 });
    expect(pieces.shift(true)?.bytes).toBe(bytes);
    expect(takeAll(pieces)).toEqual(["payload 03 0"]);
  });

  test("are empty at first, and when all is taken", () => {
    const pieces = new WriteQueue();
    expect([pieces.empty, pieces.messages, pieces.shift(true)]).toEqual([true, 0, undefined]);
    pieces.push("run", hex("01"), 0);
    expect(pieces.empty).toBe(false);
    pieces.shift(true);
    expect([pieces.empty, pieces.shift(true)]).toEqual([true, undefined]);
  });

  test("are taken as the only one if nothing else waits", () => {
    const pieces = new WriteQueue();
    expect(pieces.takeOnly()).toBeUndefined();
    pieces.push("own", hex("01"), 1);
    pieces.pong = hex("8a 00");
    expect(pieces.takeOnly()).toBeUndefined();
    pieces.takePong();
    pieces.push("run", hex("02"), 1);
    expect(pieces.takeOnly()).toBeUndefined();
    pieces.shift(true);
    expect(pieces.takeOnly()).toEqual({ kind: "run", bytes: hex("02"), size: 1, messages: 1 });
    expect([pieces.empty, pieces.takeOnly()]).toEqual([true, undefined]);
  });

  test("count the messages that end in the remaining ones", () => {
    const pieces = new WriteQueue();
    pieces.push("run", hex("01"), 3);
    pieces.push("payload", hex("02"), 0);
    pieces.push("payload", hex("03"), 1);
    expect(pieces.messages).toBe(4);
    pieces.shift(true);
    expect(pieces.messages).toBe(1);
    pieces.shift(true);
    expect(pieces.messages).toBe(1);
    pieces.shift(true);
    expect(pieces.messages).toBe(0);
  });

  test("are only taken on a full stream when their header is written: payloads", () => {
    const pieces = new WriteQueue();
    pieces.push("payload", hex("01"), 1);
    pieces.push("run", hex("02"), 1);
    pieces.push("payload", hex("03"), 1);
    expect(takeAll(pieces, false)).toEqual(["payload 01 1"]);
    expect(takeAll(pieces, false)).toEqual([]);
    expect(pieces.shift(true)?.kind).toBe("run");
    pieces.push("shared", hex("04"), 1);
    expect(takeAll(pieces, false)).toEqual(["payload 03 1"]);
    expect(takeAll(pieces)).toEqual(["shared 04 1"]);
  });

  test("stay in order, each once, however many are added and taken", () => {
    const pieces = new WriteQueue();
    const taken: number[] = [];
    let pushed = 0;
    for (let round = 1; round <= 40; round++) {
      for (let i = 0; i < round; i++) pieces.push("shared", hex(""), ++pushed);
      for (let i = 0; i < round - 1; i++) taken.push(pieces.shift(true)!.messages);
      expect(pieces.messages).toBe(sum(pushed) - sum(taken.length));
    }
    expect(pieces.empty).toBe(false);
    while (!pieces.empty) taken.push(pieces.shift(true)!.messages);
    expect(taken).toEqual(Array.from({ length: pushed }, (_, i) => i + 1));
  });
});

describe("a piece that is taken", () => {
  test("is not kept in memory while others wait after it", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const pieces = new WriteQueue();
    const [taken, left] = [0, 1].map((value) => {
      const bytes = fill(value, 100);
      pieces.push("shared", bytes, 1);
      return new WeakRef(bytes);
    });
    expect(pieces.shift(true)?.messages).toBe(1);
    // The target of a new WeakRef lives until the end of the turn.
    await turns(1);
    collect();
    expect([taken?.deref(), left?.deref()?.length]).toEqual([undefined, 100]);
    expect(pieces.messages).toBe(1);
  });

  test("is not counted any more, however many were taken before", () => {
    const pieces = new WriteQueue();
    for (let i = 0; i < 200; i++) pieces.push("run", hex("01"), 1);
    for (let left = 199; left >= 0; left--) {
      pieces.shift(true);
      expect([pieces.messages, pieces.empty]).toEqual([left, left === 0]);
    }
    pieces.push("run", hex("02"), 3);
    expect(takeAll(pieces)).toEqual(["run 02 3"]);
  });
});

/** 1 + 2 + … + n. */
function sum(n: number): number {
  return (n * (n + 1)) / 2;
}

describe("a run that waits", () => {
  test("has memory of its own", () => {
    const pieces = new WriteQueue();
    const slab = fill(1, 64);
    pieces.pushCopied(slab.subarray(8, 12), 1);
    slab.fill(9);
    const { bytes } = pieces.shift(true)!;
    expect(toHex(bytes)).toBe("01010101");
    expect(bytes.buffer.byteLength).toBe(4);
  });

  test("is joined with the run before it, with its count of messages", () => {
    const pieces = new WriteQueue();
    pieces.pushCopied(hex("01 02"), 2);
    pieces.pushCopied(hex("03"), 1);
    pieces.pushCopied(hex("04 05"), 0);
    expect(pieces.messages).toBe(3);
    expect(takeAll(pieces)).toEqual(["run 0102030405 3"]);
  });

  test("is joined with a run that did not wait, which is copied then", () => {
    const pieces = new WriteQueue();
    const run = hex("01 02");
    pieces.push("run", run, 1);
    pieces.pushCopied(hex("03"), 1);
    run.fill(9);
    expect(takeAll(pieces)).toEqual(["run 010203 2"]);
  });

  test.each(["shared", "payload"] as const)("is not joined with a piece that is %s", (kind) => {
    const pieces = new WriteQueue();
    pieces.push(kind, hex("01"), 1);
    pieces.pushCopied(hex("02"), 1);
    expect(takeAll(pieces)).toEqual([`${kind} 01 1`, "run 02 1"]);
  });

  test("is not joined with a run that is long enough", () => {
    for (const [length, count] of [
      [COALESCE_BELOW - 1, 1],
      [COALESCE_BELOW, 2],
    ] as const) {
      const pieces = new WriteQueue();
      const long = fill(1, length);
      pieces.pushCopied(long, 1);
      pieces.pushCopied(hex("02"), 1);
      const taken = takeAll(pieces);
      expect(taken).toHaveLength(count);
      expect(taken[0]!.startsWith(`run ${toHex(long)}`)).toBe(true);
    }
  });

  test("is not joined with a run that was taken", () => {
    const pieces = new WriteQueue();
    pieces.pushCopied(hex("01"), 1);
    const before = pieces.shift(true)!;
    pieces.pushCopied(hex("02"), 1);
    expect(toHex(before.bytes)).toBe("01");
    expect(takeAll(pieces)).toEqual(["run 02 1"]);
  });

  test("is few pieces, however many runs are added", () => {
    const pieces = new WriteQueue();
    const runs = Array.from({ length: 3000 }, (_, i) => fill(i & 0xff, 10));
    for (const run of runs) pieces.pushCopied(run, 1);
    const taken = [];
    while (!pieces.empty) taken.push(pieces.shift(true)!);
    expect(taken.length).toBeLessThanOrEqual(Math.ceil(30_000 / COALESCE_BELOW));
    expect(toHex(join(taken.map(({ bytes }) => bytes)))).toBe(toHex(join(runs)));
    expect(taken.reduce((all, { messages }) => all + messages, 0)).toBe(3000);
  });
});
