import { describe, expect, test } from "vitest";
import { SharedFrames } from "../../../src/connection/sending/shared-frames.ts";
import { atTurnEnd } from "../../../src/connection/transport/turn.ts";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import { join, utf8 } from "../../support/bytes.ts";
import { turns } from "../../support/wire.ts";

const a = utf8("a");
const bb = utf8("bb");
const ccc = utf8("ccc");

/** The run of these frames, built as a connection builds it. */
function run(...frames: readonly Bytes[]): SharedFrames {
  let batch: SharedFrames | undefined;
  for (const frame of frames) batch = SharedFrames.append(batch, frame);
  return batch!;
}

describe("a batch", () => {
  test("of one frame is that frame, not a copy", () => {
    expect(run(a).bytes).toBe(a);
  });

  test("of several frames has their bytes in order, and their total size", () => {
    const batch = run(a, bb, a, ccc);
    expect(batch.bytes).toEqual(join([a, bb, a, ccc]));
    expect(batch.size).toBe(7);
  });

  test("is one object with one memory for all connections that send the same frames in one turn", () => {
    const receivers = Array.from({ length: 5 }, () => run(a, bb, ccc));
    expect(new Set(receivers).size).toBe(1);
    expect(new Set(receivers.map((batch) => batch.bytes)).size).toBe(1);
  });

  test("is found step by step, as by a loop over receivers for each frame", () => {
    const heads = Array.from({ length: 3 }, () => run(a));
    const longer = heads.map((batch) => SharedFrames.append(batch, bb));
    expect(new Set(longer).size).toBe(1);
    expect(longer[0]!.bytes).toEqual(join([a, bb]));
  });

  test("keeps its bytes when other connections go on with another frame, or with none", () => {
    const head = run(a);
    const one = SharedFrames.append(head, bb);
    const other = SharedFrames.append(head, ccc);
    expect(one.bytes).toEqual(join([a, bb]));
    expect(other.bytes).toEqual(join([a, ccc]));
    expect(head.bytes).toBe(a);
  });

  test("tells frames apart by their memory: equal bytes may be different frames", () => {
    const twin = utf8("a");
    expect(run(twin)).not.toBe(run(a));
    expect(run(twin).bytes).toBe(twin);
  });

  test("is forgotten at the turn's end: the next turn makes a new one with the same bytes", async () => {
    const before = run(a, bb);
    atTurnEnd({ onTurnEnd: () => undefined, onTurnEndFailed: () => undefined });
    await turns();
    const after = run(a, bb);
    expect(after).not.toBe(before);
    expect(after.bytes).toEqual(before.bytes);
  });
});
