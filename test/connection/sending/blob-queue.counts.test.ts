import { describe, expect, test } from "vitest";
import { BlobQueue, type BlobQueueSink } from "../../../src/connection/sending/blob-queue.ts";
import { utf8 } from "../../support/bytes.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { turns } from "../../support/wire.ts";
import { outgoing } from "../../support/outgoing.ts";

/** A sink that counts what it is handed, and what is lost. */
class Counter implements BlobQueueSink {
  written = 0;
  lost: number | undefined;
  emptiedAt: number | undefined;

  write(): void {
    this.written++;
  }

  onBlobFailed(_error: unknown, lost: number): void {
    this.lost = lost;
  }

  onEmpty(): void {
    this.emptiedAt = this.written;
  }
}

describe("a backlog counts", () => {
  test("messages of all kinds, empty ones too, and no tasks between them", async () => {
    const backlog = new BlobQueue(new Counter(), outgoing(new SlowBlob("x")));
    expect(backlog.count).toBe(1);
    for (const item of ["two", utf8("three"), new SlowBlob("four"), "", utf8("")]) backlog.add(outgoing(item));
    expect(backlog.count).toBe(6);
    backlog.add(() => undefined);
    expect(backlog.count).toBe(6);
    await turns();
    expect(backlog.count).toBe(6);
  });

  test("each message as waiting until it is written: then it is the sink's", async () => {
    const sink = new Counter();
    const [first, second] = [new SlowBlob("first"), new SlowBlob("second")];
    const backlog = new BlobQueue(sink, outgoing(first));
    backlog.add(outgoing("text"));
    backlog.add(outgoing(second));
    backlog.add(outgoing("last"));
    for (const [blob, written] of [
      [undefined, 0],
      [first, 2],
      [second, 4],
    ] as const) {
      blob?.read();
      await turns();
      expect([sink.written, backlog.count]).toEqual([written, 4 - written]);
    }
    expect(sink.emptiedAt).toBe(4);
  });

  test("a message as the sink's already while that is handed it: no message is counted twice", async () => {
    const counts: number[] = [];
    const sink = Object.assign(new Counter(), { write: () => counts.push(backlog.count) });
    const blob = new SlowBlob("x");
    const backlog = new BlobQueue(sink, outgoing(blob));
    backlog.add(outgoing("y"));
    blob.read();
    await turns();
    expect(counts).toEqual([1, 0]);
  });

  test("what is lost when it is dropped: all that waits, the Blob that is being read too", async () => {
    const sink = new Counter();
    const blob = new SlowBlob("x");
    const backlog = new BlobQueue(sink, outgoing(blob));
    backlog.add(outgoing("y"));
    backlog.add(outgoing("z"));
    expect([backlog.drop(), backlog.count]).toEqual([3, 0]);
    expect(backlog.drop()).toBe(0);
    blob.read();
    await turns();
    expect([sink.written, sink.lost, backlog.count]).toEqual([0, undefined, 0]);
  });

  test("what is lost when a Blob cannot be read: that one and all behind it, not those before", async () => {
    const sink = new Counter();
    const [good, bad] = [new SlowBlob("good"), new SlowBlob("bad")];
    const backlog = new BlobQueue(sink, outgoing(good));
    backlog.add(outgoing("written"));
    backlog.add(outgoing(bad));
    backlog.add(outgoing("behind"));
    backlog.add(outgoing(utf8("it")));
    good.read();
    await turns();
    bad.fail("EIO");
    await turns();
    expect([sink.written, sink.lost, backlog.count, sink.emptiedAt]).toEqual([2, 3, 0, undefined]);
  });

  test("what is lost when it is dropped by a task in it", async () => {
    const sink = new Counter();
    let lost: number | undefined;
    const blob = new SlowBlob("x");
    const backlog = new BlobQueue(sink, outgoing(blob));
    backlog.add(() => {
      lost = backlog.drop();
    });
    backlog.add(outgoing("y"));
    blob.read();
    await turns();
    expect([sink.written, lost, backlog.count]).toEqual([1, 1, 0]);
  });
});
