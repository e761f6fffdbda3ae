import { describe, expect, test } from "vitest";
import type { PreparationSink } from "../../../src/connection/sending/preparation-queue.ts";
import { preparationOf } from "../../../src/connection/sending/preparation.ts";
import { utf8 } from "../../support/bytes.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { turns } from "../../support/wire.ts";
import { outgoing, startQueue } from "../../support/outgoing.ts";
import type { OutgoingMessage } from "../../../src/connection/sending/outgoing-message.ts";

function bytesAsText(payload: OutgoingMessage["payload"]): string {
  if (payload instanceof Uint8Array) return Buffer.from(payload).toString("latin1");
  throw new Error("a Blob is never written");
}

function recorded(): PreparationSink & { readonly log: string[] } {
  const log: string[] = [];
  return {
    log,
    prepare: (message, owner) => preparationOf(message, undefined, owner),
    write: ({ payload }) => log.push(typeof payload === "string" ? `text ${payload}` : `bytes ${bytesAsText(payload)}`),
    onPreparationFailed: (error) => log.push(`unreadable ${String(error)}`),
    onEmpty: () => log.push("emptied"),
  };
}

describe("a preparation queue", () => {
  test("writes everything in the order in which it was added", async () => {
    const sink = recorded();
    const queue = startQueue(sink, outgoing(new Blob(["one"])));
    queue.add(outgoing("two"));
    queue.add(outgoing(utf8("three")));
    queue.add(outgoing(new Blob(["four"])));
    queue.add(() => sink.log.push("five"));
    queue.add(outgoing("six"));
    await expect
      .poll(() => sink.log)
      .toEqual(["bytes one", "text two", "bytes three", "bytes four", "five", "text six", "emptied"]);
    expect(queue.size).toBe(0);
  });

  test("writes nothing while a Blob before it is being read", async () => {
    const sink = recorded();
    const blob = new SlowBlob("slow");
    const queue = startQueue(sink, outgoing(blob));
    queue.add(outgoing("follow"));
    await turns();
    expect(sink.log).toEqual([]);
    expect(queue.size).toBe(2 + 4 + 2 + 6);
    blob.read();
    await turns();
    expect(sink.log).toEqual(["bytes slow", "text follow", "emptied"]);
  });

  test("takes an empty Blob and empty messages", async () => {
    const sink = recorded();
    const queue = startQueue(sink, outgoing(new Blob([])));
    queue.add(outgoing(""));
    queue.add(outgoing(utf8("")));
    await expect.poll(() => sink.log).toEqual(["bytes ", "text ", "bytes ", "emptied"]);
  });

  test("counts down as it writes", async () => {
    const sink = recorded();
    const blob = new SlowBlob("12345");
    const queue = startQueue(sink, outgoing(new Blob(["123"])));
    queue.add(outgoing(blob));
    queue.add(outgoing("1234567"));
    expect(queue.size).toBe(3 * 2 + 15);
    await expect.poll(() => queue.size).toBe(2 * 2 + 12);
    blob.read();
    await expect.poll(() => queue.size).toBe(0);
    expect(sink.log.at(-1)).toBe("emptied");
  });

  test("takes messages that are added while it writes", async () => {
    const sink = recorded();
    const queue = startQueue(sink, outgoing(new Blob(["one"])));
    queue.add(() => queue.add(outgoing("three")));
    queue.add(outgoing("two"));
    await expect.poll(() => sink.log).toEqual(["bytes one", "text two", "text three", "emptied"]);
  });

  test("reports that a Blob cannot be read, and writes nothing after it", async () => {
    const sink = recorded();
    const blob = new SlowBlob("x");
    const queue = startQueue(sink, outgoing(blob));
    queue.add(outgoing("after"));
    blob.fail("EIO");
    await turns();
    expect(sink.log).toEqual(["unreadable EIO"]);
    expect(queue.size).toBe(0);
  });

  test("that is dropped while a Blob is read writes nothing and says nothing", async () => {
    const sink = recorded();
    const blob = new SlowBlob("x");
    const queue = startQueue(sink, outgoing(blob));
    queue.add(outgoing("after"));
    queue.drop();
    expect(queue.size).toBe(0);
    blob.read();
    await turns();
    expect(sink.log).toEqual([]);
  });

  test("that is dropped does not say that its Blob cannot be read", async () => {
    const sink = recorded();
    const blob = new SlowBlob("x");
    const queue = startQueue(sink, outgoing(blob));
    queue.drop();
    blob.fail("EIO");
    await turns();
    expect(sink.log).toEqual([]);
  });

  test("that is dropped by one of its own entries stops there", async () => {
    const sink = recorded();
    const queue = startQueue(sink, outgoing(new Blob(["one"])));
    queue.add(() => queue.drop());
    queue.add(outgoing("two"));
    await expect.poll(() => sink.log).toEqual(["bytes one"]);
    await turns();
    expect(sink.log).toEqual(["bytes one"]);
  });

  test("keeps the order of 200,000 short messages", async () => {
    const sink = recorded();
    const blob = new SlowBlob("x");
    const queue = startQueue(sink, outgoing(blob));
    const expected = ["bytes x"];
    for (let i = 0; i < 200_000; i++) {
      queue.add(outgoing(`${i}`));
      expected.push(`text ${i}`);
    }
    expect(queue.count).toBe(200_001);
    blob.read();
    await turns();
    // Compared as one text, so that a difference is not printed 200,000 times.
    expect(sink.log.join("\n") === [...expected, "emptied"].join("\n")).toBe(true);
    expect([queue.count, queue.size]).toEqual([0, 0]);
  });

  test("counts many short messages as more than their bytes", () => {
    const queue = startQueue(recorded(), outgoing(new SlowBlob("x")));
    for (let i = 1; i < 1000; i++) queue.add(outgoing("y"));
    expect([queue.count, queue.size, queue.chargedSize]).toEqual([1000, 3000, 3000]);
    for (let i = 0; i < 1000; i++) queue.add(outgoing(""));
    expect([queue.count, queue.size, queue.chargedSize]).toEqual([2000, 5000, 256_000]);
    queue.add(outgoing("z".repeat(300_000)));
    expect(queue.chargedSize).toBe(5000 + 10 + 300_000);
    queue.drop();
    expect(queue.chargedSize).toBe(0);
  });
});
