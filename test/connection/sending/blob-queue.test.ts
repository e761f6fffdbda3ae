import { describe, expect, test } from "vitest";
import { BlobQueue, type BlobQueueSink } from "../../../src/connection/sending/blob-queue.ts";
import { utf8 } from "../../support/bytes.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { turns } from "../../support/wire.ts";
import type { OutgoingMessage } from "../../../src/connection/sending/outgoing-message.ts";
import { outgoing } from "../../support/outgoing.ts";

function bytesAsText(payload: OutgoingMessage["payload"]): string {
  if (payload instanceof Uint8Array) return Buffer.from(payload).toString("latin1");
  throw new Error("a Blob is never written");
}

function recorded(): BlobQueueSink & { readonly log: string[] } {
  const log: string[] = [];
  return {
    log,
    write: ({ payload }) => log.push(typeof payload === "string" ? `text ${payload}` : `bytes ${bytesAsText(payload)}`),
    onBlobFailed: (error) => log.push(`unreadable ${String(error)}`),
    onEmpty: () => log.push("emptied"),
  };
}

describe("a backlog", () => {
  test("writes everything in the order in which it was added", async () => {
    const sink = recorded();
    const backlog = new BlobQueue(sink, outgoing(new Blob(["one"])));
    backlog.add(outgoing("two"));
    backlog.add(outgoing(utf8("three")));
    backlog.add(outgoing(new Blob(["four"])));
    backlog.add(() => sink.log.push("five"));
    backlog.add(outgoing("six"));
    await expect
      .poll(() => sink.log)
      .toEqual(["bytes one", "text two", "bytes three", "bytes four", "five", "text six", "emptied"]);
    expect(backlog.size).toBe(0);
  });

  test("writes nothing while a Blob before it is being read", async () => {
    const sink = recorded();
    const blob = new SlowBlob("slow");
    const backlog = new BlobQueue(sink, outgoing(blob));
    backlog.add(outgoing("behind"));
    await turns();
    expect(sink.log).toEqual([]);
    expect(backlog.size).toBe(10);
    blob.read();
    await turns();
    expect(sink.log).toEqual(["bytes slow", "text behind", "emptied"]);
  });

  test("takes an empty Blob and empty messages", async () => {
    const sink = recorded();
    const backlog = new BlobQueue(sink, outgoing(new Blob([])));
    backlog.add(outgoing(""));
    backlog.add(outgoing(utf8("")));
    await expect.poll(() => sink.log).toEqual(["bytes ", "text ", "bytes ", "emptied"]);
  });

  test("counts down as it writes", async () => {
    const sink = recorded();
    const blob = new SlowBlob("12345");
    const backlog = new BlobQueue(sink, outgoing(new Blob(["123"])));
    backlog.add(outgoing(blob));
    backlog.add(outgoing("1234567"));
    expect(backlog.size).toBe(15);
    await expect.poll(() => backlog.size).toBe(12);
    blob.read();
    await expect.poll(() => backlog.size).toBe(0);
    expect(sink.log.at(-1)).toBe("emptied");
  });

  test("takes what is added while it writes", async () => {
    const sink = recorded();
    const backlog = new BlobQueue(sink, outgoing(new Blob(["one"])));
    backlog.add(() => backlog.add(outgoing("three")));
    backlog.add(outgoing("two"));
    await expect.poll(() => sink.log).toEqual(["bytes one", "text two", "text three", "emptied"]);
  });

  test("says that a Blob cannot be read, and writes nothing behind it", async () => {
    const sink = recorded();
    const blob = new SlowBlob("x");
    const backlog = new BlobQueue(sink, outgoing(blob));
    backlog.add(outgoing("behind"));
    blob.fail("EIO");
    await turns();
    expect(sink.log).toEqual(["unreadable EIO"]);
    expect(backlog.size).toBe(0);
  });

  test("that is dropped while a Blob is read writes nothing and says nothing", async () => {
    const sink = recorded();
    const blob = new SlowBlob("x");
    const backlog = new BlobQueue(sink, outgoing(blob));
    backlog.add(outgoing("behind"));
    backlog.drop();
    expect(backlog.size).toBe(0);
    blob.read();
    await turns();
    expect(sink.log).toEqual([]);
  });

  test("that is dropped does not say that its Blob cannot be read", async () => {
    const sink = recorded();
    const blob = new SlowBlob("x");
    const backlog = new BlobQueue(sink, outgoing(blob));
    backlog.drop();
    blob.fail("EIO");
    await turns();
    expect(sink.log).toEqual([]);
  });

  test("that is dropped by one of its own entries stops there", async () => {
    const sink = recorded();
    const backlog = new BlobQueue(sink, outgoing(new Blob(["one"])));
    backlog.add(() => backlog.drop());
    backlog.add(outgoing("two"));
    await expect.poll(() => sink.log).toEqual(["bytes one"]);
    await turns();
    expect(sink.log).toEqual(["bytes one"]);
  });

  test("keeps the order of 200,000 short messages", async () => {
    const sink = recorded();
    const blob = new SlowBlob("x");
    const backlog = new BlobQueue(sink, outgoing(blob));
    const expected = ["bytes x"];
    for (let i = 0; i < 200_000; i++) {
      backlog.add(outgoing(`${i}`));
      expected.push(`text ${i}`);
    }
    expect(backlog.count).toBe(200_001);
    blob.read();
    await turns();
    // Compared as one: a difference is not to be shown two hundred thousand times.
    expect(sink.log.join("\n") === [...expected, "emptied"].join("\n")).toBe(true);
    expect([backlog.count, backlog.size]).toEqual([0, 0]);
  });

  test("is taken for more than its bytes where it is many short messages", () => {
    const backlog = new BlobQueue(recorded(), outgoing(new SlowBlob("x")));
    for (let i = 1; i < 1000; i++) backlog.add(outgoing("y"));
    expect([backlog.count, backlog.size, backlog.chargedSize]).toEqual([1000, 1000, 1000]);
    for (let i = 0; i < 1000; i++) backlog.add(outgoing(""));
    expect([backlog.count, backlog.size, backlog.chargedSize]).toEqual([2000, 1000, 256_000]);
    backlog.add(outgoing("z".repeat(300_000)));
    expect(backlog.chargedSize).toBe(301_000);
    backlog.drop();
    expect(backlog.chargedSize).toBe(0);
  });
});
