import { describe, expect, test } from "vitest";
import type { PreparationSink } from "../../../src/connection/sending/preparation-queue.ts";
import type { OutgoingMessage } from "../../../src/connection/sending/outgoing-message.ts";
import type { JobOwner } from "../../../src/compression/jobs.ts";
import { preparationOf } from "../../../src/connection/sending/preparation.ts";
import { utf8 } from "../../support/bytes.ts";
import { SlowBlob } from "../../support/slow-blob.ts";
import { turns } from "../../support/wire.ts";
import { outgoing, startQueue } from "../../support/outgoing.ts";

/** A sink that counts the messages it gets, and the lost ones. */
class Counter implements PreparationSink {
  written = 0;
  lost: number | undefined;
  emptiedAt: number | undefined;

  prepare(message: OutgoingMessage, owner: JobOwner): Promise<OutgoingMessage> | undefined {
    return preparationOf(message, undefined, owner);
  }

  write(): void {
    this.written++;
  }

  onPreparationFailed(_error: unknown, lost: number): void {
    this.lost = lost;
  }

  onEmpty(): void {
    this.emptiedAt = this.written;
  }
}

describe("a preparation queue counts", () => {
  test("messages of all kinds, empty ones too, and no tasks between them", async () => {
    const queue = startQueue(new Counter(), outgoing(new SlowBlob("x")));
    expect(queue.count).toBe(1);
    for (const item of ["two", utf8("three"), new SlowBlob("four"), "", utf8("")]) queue.add(outgoing(item));
    expect(queue.count).toBe(6);
    queue.add(() => undefined);
    expect(queue.count).toBe(6);
    await turns();
    expect(queue.count).toBe(6);
  });

  test("each message as waiting until it is written: then the sink counts it", async () => {
    const sink = new Counter();
    const [first, second] = [new SlowBlob("first"), new SlowBlob("second")];
    const queue = startQueue(sink, outgoing(first));
    queue.add(outgoing("text"));
    queue.add(outgoing(second));
    queue.add(outgoing("last"));
    for (const [blob, written] of [
      [undefined, 0],
      [first, 2],
      [second, 4],
    ] as const) {
      blob?.read();
      await turns();
      expect([sink.written, queue.count]).toEqual([written, 4 - written]);
    }
    expect(sink.emptiedAt).toBe(4);
  });

  test("a message for the sink already while the sink gets it: no message is counted twice", async () => {
    const counts: number[] = [];
    const sink = Object.assign(new Counter(), { write: () => counts.push(queue.count) });
    const blob = new SlowBlob("x");
    const queue = startQueue(sink, outgoing(blob));
    queue.add(outgoing("y"));
    blob.read();
    await turns();
    expect(counts).toEqual([1, 0]);
  });

  test("all that waits as lost when it is dropped, and the Blob that is being read", async () => {
    const sink = new Counter();
    const blob = new SlowBlob("x");
    const queue = startQueue(sink, outgoing(blob));
    queue.add(outgoing("y"));
    queue.add(outgoing("z"));
    expect([queue.drop(), queue.count]).toEqual([3, 0]);
    expect(queue.drop()).toBe(0);
    blob.read();
    await turns();
    expect([sink.written, sink.lost, queue.count]).toEqual([0, undefined, 0]);
  });

  test("a Blob that cannot be read and all after it as lost, not those before", async () => {
    const sink = new Counter();
    const [good, bad] = [new SlowBlob("good"), new SlowBlob("bad")];
    const queue = startQueue(sink, outgoing(good));
    queue.add(outgoing("written"));
    queue.add(outgoing(bad));
    queue.add(outgoing("after"));
    queue.add(outgoing(utf8("it")));
    good.read();
    await turns();
    bad.fail("EIO");
    await turns();
    expect([sink.written, sink.lost, queue.count, sink.emptiedAt]).toEqual([2, 3, 0, undefined]);
  });

  test("the lost messages when one of its tasks drops it", async () => {
    const sink = new Counter();
    let lost: number | undefined;
    const blob = new SlowBlob("x");
    const queue = startQueue(sink, outgoing(blob));
    queue.add(() => {
      lost = queue.drop();
    });
    queue.add(outgoing("y"));
    blob.read();
    await turns();
    expect([sink.written, lost, queue.count]).toEqual([1, 1, 0]);
  });
});
