import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { chargeFor } from "../../../src/connection/sending/send-queue.ts";
import { outgoingMessage } from "../../../src/connection/sending/outgoing-message.ts";
import { SharedMessage } from "../../../src/connection/sending/shared-message.ts";
import { MAX_COPIED } from "../../../src/connection/transport/stream-writer.ts";
import { fill, hex, utf8 } from "../../support/bytes.ts";
import { encode } from "../../support/frames.ts";
import { turns } from "../../support/wire.ts";
import { Opcode } from "../../../src/protocol/opcodes.ts";
import { type Kind, KindQueue, bytesOf, kindOf } from "../../support/kind-queue.ts";

/** Bytes of a message's frame. */
function frameSize(kind: Kind, length: number): number {
  return kind === "frame" ? length : encode({ opcode: 1, payload: fill(0, length) }).length;
}

/** Takes all messages. */
function takeAll(queue: KindQueue): string[] {
  const all: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift())
    all.push(`${kindOf(item)} ${Buffer.from(bytesOf(item)).toString()}`);
  return all;
}

function queueOf(...messages: readonly (readonly [text: string, key?: string])[]): KindQueue {
  const queue = new KindQueue();
  for (const [text, key] of messages) queue.addKind("text", utf8(text), key);
  return queue;
}

describe("a queue", () => {
  test("returns the added messages, the oldest first, and then undefined", () => {
    const queue = new KindQueue();
    expect(queue.addKind("text", utf8("a"))).toBe(false);
    queue.addKind("binary", utf8("b"), "key");
    queue.addKind("frame", utf8("c"));
    expect(queue.shift()).toMatchObject({ message: { opcode: Opcode.text }, key: undefined });
    expect(queue.shift()).toMatchObject({ message: { opcode: Opcode.binary }, key: "key" });
    expect([takeAll(queue), queue.shift(), queue.count, queue.size]).toEqual([["frame c"], undefined, 0, 0]);
  });

  test.each([0, 125, 126, 65_535, 65_536])(
    "counts a payload of %d bytes with its header, and a frame without one",
    (length) => {
      const queue = new KindQueue();
      queue.addKind("text", fill(0, length));
      expect(queue.size).toBe(frameSize("text", length));
      queue.addKind("binary", fill(0, length));
      expect(queue.size).toBe(2 * frameSize("text", length));
      queue.addKind("frame", fill(0, length));
      expect(queue.size).toBe(2 * frameSize("text", length) + length);
      expect(queue.count).toBe(3);
    },
  );

  test("copies short byte payloads, which the caller may change, and nothing else", () => {
    const queue = new KindQueue();
    const short = fill(1, MAX_COPIED);
    queue.addKind("binary", short);
    short.fill(9);
    expect(bytesOf(queue.shift()!).every((byte) => byte === 1)).toBe(true);
    for (const [kind, bytes] of [
      ["binary", fill(1, MAX_COPIED + 1)],
      ["frame", hex("01")],
    ] as const) {
      queue.addKind(kind, bytes);
      expect(bytesOf(queue.shift()!)).toBe(bytes);
    }
  });
});

describe("dropTo", () => {
  test("drops the oldest until the waiting bytes are within the limit, and returns how many it dropped", () => {
    const queue = queueOf(["aaaa"], ["b"], ["cc"], ["d"]);
    expect(queue.size).toBe(16);
    expect([queue.dropTo(16), queue.count]).toEqual([0, 4]);
    expect([queue.dropTo(15), queue.size]).toEqual([1, 10]);
    expect([queue.dropTo(3), queue.size]).toEqual([2, 3]);
    expect(takeAll(queue)).toEqual(["text d"]);
  });

  test("drops all at a negative limit, empty messages too", () => {
    const queue = new KindQueue();
    queue.addKind("frame", hex(""));
    queue.addKind("text", hex(""));
    queue.addKind("frame", hex(""));
    expect([queue.dropTo(0), queue.count]).toEqual([2, 1]);
    expect([queue.dropTo(-1), queue.count, queue.size]).toEqual([1, 0, 0]);
    expect(queue.dropTo(-1)).toBe(0);
  });
});

describe("the counted size", () => {
  test.each([
    [0, 0, 0],
    [1, 2, 2],
    [1000, 2000, 2000],
    [1000, 0, 0],
    [1001, 100, 256],
    [1001, 300, 300],
    [2000, 4000, 256_000],
    [2000, 255_999, 256_000],
    [2000, 256_001, 256_001],
    [200_000, 400_000, 199_000 * 256],
  ])("%d of %d bytes in all: %d", (count, size, held) => {
    expect(chargeFor(count, size)).toBe(held);
  });

  test("is only their bytes for the first 1,000 messages of a queue", () => {
    const queue = new KindQueue();
    for (let i = 1; i <= 1000; i++) {
      queue.addKind("text", utf8("x"));
      expect(queue.chargedSize).toBe(queue.size);
    }
    expect(queue.chargedSize).toBe(3000);
  });

  test("is at least 256 bytes for each message after those", () => {
    const queue = new KindQueue();
    for (let i = 0; i < 3000; i++) queue.addKind("text", utf8("x"));
    expect([queue.chargedSize, queue.size]).toEqual([2000 * 256, 9000]);
    queue.addKind("frame", fill(0, 1_000_000));
    expect([queue.chargedSize, queue.size]).toEqual([1_009_000, 1_009_000]);
  });

  test("shrinks as messages are taken or replaced by a newer one", () => {
    const queue = new KindQueue();
    for (let i = 0; i < 2000; i++) queue.addKind("text", utf8("x"), `${i % 1500}`);
    expect(queue.chargedSize).toBe(1000 * 256);
    expect([queue.conflate(), queue.chargedSize]).toEqual([500, 500 * 256]);
    for (let i = 0; i < 400; i++) queue.shift();
    expect(queue.chargedSize).toBe(100 * 256);
    for (let i = 0; i < 100; i++) queue.shift();
    expect([queue.chargedSize, queue.size]).toEqual([3000, 3000]);
  });

  test("is what dropTo uses: the oldest of many short messages are dropped, though their bytes are few", () => {
    const queue = new KindQueue();
    for (let i = 0; i < 2000; i++) queue.addKind("frame", utf8(`${i}`));
    expect(queue.size).toBeLessThan(10_000);
    expect([queue.dropTo(1000 * 256), queue.count]).toEqual([0, 2000]);
    expect([queue.dropTo(900 * 256), queue.count]).toEqual([100, 1900]);
    expect([queue.dropTo(900 * 256 - 1), queue.chargedSize]).toEqual([1, 899 * 256]);
    expect(bytesOf(queue.shift()!)).toEqual(utf8("101"));
    // 1,039 messages count as 39 x 256 bytes, so at most that many remain.
    expect([queue.dropTo(10_000), queue.chargedSize]).toEqual([1898 - 1039, 39 * 256]);
  });
});

describe("a message that is taken", () => {
  test("is not kept in memory while others wait after it", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (const conflates of [false, true]) {
      const queue = new KindQueue();
      const [taken, left] = [0, 1].map((value) => {
        const bytes = fill(value, 100);
        queue.addKind("frame", bytes, `${value}`);
        return new WeakRef(bytes);
      });
      if (conflates) queue.conflate();
      expect(queue.shift()?.key).toBe("0");
      // The target of a new WeakRef lives until the end of the turn.
      await turns(1);
      collect();
      expect([taken?.deref(), left?.deref()?.length]).toEqual([undefined, 100]);
      expect(queue.count).toBe(1);
    }
  });
});

describe("conflate", () => {
  test("keeps the newest of each key, in the order in which they were sent, and returns how many it dropped", () => {
    const queue = queueOf(["a1", "a"], ["b1", "b"], ["a2", "a"], ["c1", "c"], ["b2", "b"]);
    expect(queue.conflate()).toBe(2);
    expect([queue.count, queue.size]).toEqual([3, 12]);
    expect(takeAll(queue)).toEqual(["text a2", "text c1", "text b2"]);
  });

  test("treats messages without a key as messages of one key", () => {
    const queue = queueOf(["1"], ["2", "a"], ["3"]);
    expect(queue.conflate()).toBe(1);
    expect(takeAll(queue)).toEqual(["text 2", "text 3"]);
  });

  test("does not change taken messages, and does nothing the second time", () => {
    const queue = queueOf(["a1", "a"], ["a2", "a"]);
    queue.shift();
    expect(queue.conflate()).toBe(0);
    queue.addKind("text", utf8("b1"), "b");
    expect(queue.conflate()).toBe(0);
    expect(takeAll(queue)).toEqual(["text a2", "text b1"]);
  });

  test("lets each later message replace the waiting one with its key", () => {
    const queue = queueOf(["a1", "a"], ["b1", "b"]);
    expect([queue.has("a"), queue.has(undefined)]).toEqual([false, false]);
    queue.conflate();
    expect([queue.has("a"), queue.has("c"), queue.has(undefined)]).toEqual([true, false, false]);
    expect(queue.addKind("binary", utf8("a-longer"), "a")).toBe(true);
    expect([queue.count, queue.size]).toEqual([2, 14]);
    expect(queue.addKind("text", utf8("none"))).toBe(false);
    expect(queue.addKind("frame", utf8("n"))).toBe(true);
    expect([queue.count, queue.size]).toEqual([3, 15]);
    expect(takeAll(queue)).toEqual(["binary a-longer", "text b1", "frame n"]);
  });

  test("forgets the key of a message that was taken or dropped: the next one is new", () => {
    const queue = queueOf(["a1", "a"], ["b1", "b"]);
    queue.conflate();
    queue.shift();
    expect([queue.has("a"), queue.addKind("text", utf8("a2"), "a")]).toEqual([false, false]);
    queue.dropTo(4);
    expect([queue.has("a"), queue.has("b")]).toEqual([true, false]);
    expect(takeAll(queue)).toEqual(["text a2"]);
  });
});

describe("messages that must be kept", () => {
  const kept = (text: string) => new SharedMessage({ ...outgoingMessage(text), key: "k" }, true);

  function mixed(): KindQueue {
    const queue = new KindQueue();
    queue.addKind("text", utf8("a"), "k");
    queue.add(kept("b"));
    queue.addKind("text", utf8("c"), "k");
    queue.add(kept("d"));
    queue.addKind("text", utf8("e"), "k");
    return queue;
  }

  test("stay when the oldest are dropped, in their order", () => {
    const queue = mixed();
    expect(queue.dropTo(9)).toBe(2);
    queue.addKind("text", utf8("f"), "k");
    expect([queue.count, queue.size]).toEqual([4, 12]);
    expect(takeAll(queue).map((text) => text.at(-1))).toEqual(["b", "d", "e", "f"]);
    expect([queue.count, queue.size]).toEqual([0, 0]);
  });

  test("stay also when nothing else is left to drop", () => {
    const queue = mixed();
    expect(queue.dropTo(0)).toBe(3);
    expect([queue.dropTo(0), queue.count, queue.size]).toEqual([0, 2, 6]);
    expect(takeAll(queue).map((text) => text.at(-1))).toEqual(["b", "d"]);
  });

  test("neither replace a message with the same key, nor are replaced", () => {
    const queue = mixed();
    expect(queue.conflate()).toBe(2);
    queue.add(kept("g"));
    queue.addKind("text", utf8("h"), "k");
    expect([queue.count, queue.size]).toEqual([4, 12]);
    expect(takeAll(queue).map((text) => text.at(-1))).toEqual(["b", "d", "h", "g"]);
  });
});

test("a key counts with what exceeds 64 characters", () => {
  const queue = queueOf(["a", "k".repeat(64)], ["b", "k".repeat(1000)]);
  expect([queue.size, queue.chargedSize]).toEqual([6, 6 + 936]);
  queue.conflate();
  queue.addKind("text", utf8("c"), "k".repeat(1000));
  expect([queue.count, queue.size, queue.chargedSize]).toEqual([2, 6, 6 + 936]);
  queue.shift();
  queue.shift();
  expect([queue.size, queue.chargedSize]).toEqual([0, 0]);
});
