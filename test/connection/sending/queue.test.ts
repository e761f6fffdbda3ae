import { describe, expect, test } from "vitest";
import { type Queued, SendQueue } from "../../../src/connection/sending/queue.ts";
import { LARGEST_CUT } from "../../../src/connection/sending/slab.ts";
import { fill, hex, utf8 } from "../../support/bytes.ts";
import { encode } from "../../support/frames.ts";

type Kind = Queued["kind"];

/** Bytes of the frame that a message becomes. */
function frameSize(kind: Kind, length: number): number {
  return kind === "frame" ? length : encode({ opcode: 1, payload: fill(0, length) }).length;
}

/** Takes all there are. */
function takeAll(queue: SendQueue): string[] {
  const all: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take())
    all.push(`${item.kind} ${item.bytes.utf8Slice(0, item.bytes.length)}`);
  return all;
}

function queueOf(...messages: readonly (readonly [text: string, key?: string])[]): SendQueue {
  const queue = new SendQueue();
  for (const [text, key] of messages) queue.add("text", utf8(text), key);
  return queue;
}

describe("a queue", () => {
  test("gives back what was added, the oldest first, and then nothing", () => {
    const queue = new SendQueue();
    expect(queue.add("text", utf8("a"))).toBe(false);
    queue.add("binary", utf8("b"), "key");
    queue.add("frame", utf8("c"));
    expect(queue.take()).toMatchObject({ kind: "text", key: undefined });
    expect(queue.take()).toMatchObject({ kind: "binary", key: "key" });
    expect([takeAll(queue), queue.take(), queue.count, queue.size]).toEqual([["frame c"], undefined, 0, 0]);
  });

  test.each([0, 125, 126, 65_535, 65_536])(
    "counts a payload of %d bytes with its header, a frame as it is",
    (length) => {
      const queue = new SendQueue();
      queue.add("text", fill(0, length));
      expect(queue.size).toBe(frameSize("text", length));
      queue.add("binary", fill(0, length));
      expect(queue.size).toBe(2 * frameSize("text", length));
      queue.add("frame", fill(0, length));
      expect(queue.size).toBe(2 * frameSize("text", length) + length);
      expect(queue.count).toBe(3);
    },
  );

  test("copies short bytes, which are the caller's again, and nothing else", () => {
    const queue = new SendQueue();
    const short = fill(1, LARGEST_CUT);
    queue.add("binary", short);
    short.fill(9);
    expect(queue.take()?.bytes.every((byte) => byte === 1)).toBe(true);
    for (const [kind, bytes] of [
      ["binary", fill(1, LARGEST_CUT + 1)],
      ["frame", hex("01")],
      ["text", hex("01")],
    ] as const) {
      queue.add(kind, bytes);
      expect(queue.take()?.bytes).toBe(bytes);
    }
  });
});

describe("dropTo", () => {
  test("drops the oldest until no more bytes wait than may, and says how many", () => {
    const queue = queueOf(["aaaa"], ["b"], ["cc"], ["d"]);
    expect(queue.size).toBe(16);
    expect([queue.dropTo(16), queue.count]).toEqual([0, 4]);
    expect([queue.dropTo(15), queue.size]).toEqual([1, 10]);
    expect([queue.dropTo(3), queue.size]).toEqual([2, 3]);
    expect(takeAll(queue)).toEqual(["text d"]);
  });

  test("drops all below nothing, empty messages too", () => {
    const queue = new SendQueue();
    queue.add("frame", hex(""));
    queue.add("text", hex(""));
    queue.add("frame", hex(""));
    expect([queue.dropTo(0), queue.count]).toEqual([2, 1]);
    expect([queue.dropTo(-1), queue.count, queue.size]).toEqual([1, 0, 0]);
    expect(queue.dropTo(-1)).toBe(0);
  });
});

describe("conflate", () => {
  test("keeps the newest of each key, in the order in which those were sent, and says how many went", () => {
    const queue = queueOf(["a1", "a"], ["b1", "b"], ["a2", "a"], ["c1", "c"], ["b2", "b"]);
    expect(queue.conflate()).toBe(2);
    expect([queue.count, queue.size]).toEqual([3, 12]);
    expect(takeAll(queue)).toEqual(["text a2", "text c1", "text b2"]);
  });

  test("takes those without a key for messages of one key", () => {
    const queue = queueOf(["1"], ["2", "a"], ["3"]);
    expect(queue.conflate()).toBe(1);
    expect(takeAll(queue)).toEqual(["text 2", "text 3"]);
  });

  test("does nothing to what was taken, nor the second time", () => {
    const queue = queueOf(["a1", "a"], ["a2", "a"]);
    queue.take();
    expect(queue.conflate()).toBe(0);
    queue.add("text", utf8("b1"), "b");
    expect(queue.conflate()).toBe(0);
    expect(takeAll(queue)).toEqual(["text a2", "text b1"]);
  });

  test("has each message from then on take the place of the one with its key", () => {
    const queue = queueOf(["a1", "a"], ["b1", "b"]);
    expect([queue.has("a"), queue.has(undefined)]).toEqual([false, false]);
    queue.conflate();
    expect([queue.has("a"), queue.has("c"), queue.has(undefined)]).toEqual([true, false, false]);
    expect(queue.add("binary", utf8("a-longer"), "a")).toBe(true);
    expect([queue.count, queue.size]).toEqual([2, 14]);
    expect(queue.add("text", utf8("none"))).toBe(false);
    expect(queue.add("frame", utf8("n"))).toBe(true);
    expect([queue.count, queue.size]).toEqual([3, 15]);
    expect(takeAll(queue)).toEqual(["binary a-longer", "text b1", "frame n"]);
  });

  test("forgets the key of what was taken or dropped: the next is a new one", () => {
    const queue = queueOf(["a1", "a"], ["b1", "b"]);
    queue.conflate();
    queue.take();
    expect([queue.has("a"), queue.add("text", utf8("a2"), "a")]).toEqual([false, false]);
    queue.dropTo(4);
    expect([queue.has("a"), queue.has("b")]).toEqual([true, false]);
    expect(takeAll(queue)).toEqual(["text a2"]);
  });
});
