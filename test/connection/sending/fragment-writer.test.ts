import { expect, test } from "vitest";
import { FragmentWriter } from "../../../src/connection/sending/fragment-writer.ts";
import { hex } from "../../support/bytes.ts";

/** A writer for a sink and a queue that log their calls. */
function rig() {
  const log: unknown[] = [];
  const sink = {
    isWritable: true,
    buffer: {
      addFrame: (...frame: unknown[]) => void log.push(frame),
      flush: () => void log.push("flush"),
    },
    noteProgress: () => void log.push("progress"),
  };
  const waiting: (() => void)[] = [];
  const queue = { isWanted: true, whenWritable: () => new Promise<void>((resolve) => waiting.push(resolve)) };
  return { log, sink, queue, wake: () => waiting.shift()?.(), writer: new FragmentWriter(sink, queue, undefined) };
}

test("a fragment is written at once, counts as no message, and others get their turn after it", async () => {
  const { log, writer } = rig();
  const written = writer.write(2, hex("01 02"));
  expect(log).toEqual([[2, hex("01 02"), 0], "flush", "progress"]);
  setImmediate(() => log.push("turn"));
  await written;
  expect(log.at(-1)).toBe("turn");
});

test("the next one waits until the peer has taken it, or until it is not wanted any more", async () => {
  const { sink, queue, wake, writer } = rig();
  await writer.whenWritable();
  sink.isWritable = false;
  let isWritable = false;
  void writer.whenWritable().then(() => (isWritable = true));
  wake();
  await new Promise((resolve) => setImmediate(resolve));
  expect(isWritable).toBe(false);
  sink.isWritable = true;
  wake();
  await new Promise((resolve) => setImmediate(resolve));
  expect(isWritable).toBe(true);
  sink.isWritable = queue.isWanted = false;
  await writer.whenWritable();
});
