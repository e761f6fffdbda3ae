import type { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { pendingWriteBytes } from "../../../src/connection/transport/pending-write-bytes.ts";
import { fill } from "../../support/bytes.ts";
import { until } from "../../support/peer.ts";
import { pair } from "../../support/socket-pair.ts";
import { Wire } from "../../support/wire.ts";

/** A stream in which three bytes wait, with a handle from the test. */
function withHandle(handle: unknown): Duplex {
  const stream = new Wire();
  stream.stick();
  stream.write(fill(0, 3));
  return Object.assign(stream, { _handle: handle });
}

describe("the bytes that the system has still to take", () => {
  test("are those that the stream's handle counts", () => {
    expect(pendingWriteBytes(withHandle({ writeQueueSize: 2 }))).toBe(2);
  });

  test.each([
    ["has none", undefined],
    ["has lost it", null],
    ["has one without a count", {}],
    ["has one with another type of count", { writeQueueSize: "2" }],
    ["has one in which nothing waits", { writeQueueSize: 0 }],
  ])("are those that wait in the stream when it %s", (_what, handle) => {
    expect(pendingWriteBytes(withHandle(handle))).toBe(3);
  });

  test("are 0 when nothing waits", () => {
    expect(pendingWriteBytes(new Wire())).toBe(0);
  });

  test("shrink within one write of a socket, while the stream itself reports nothing", async () => {
    const size = 64 * 1024 * 1024;
    const { near, far } = await pair();
    far.pause();
    near.write(fill(0, size));
    const before = pendingWriteBytes(near);
    expect(before).toBeGreaterThan(0);
    let less = false;
    far.on("data", () => {
      less = pendingWriteBytes(near) < before;
      if (less) far.pause();
    });
    far.resume();
    await until(() => less);
    expect(near.writableLength).toBe(size);
    expect(pendingWriteBytes(near)).toBeLessThan(before);
    expect(pendingWriteBytes(near)).toBeGreaterThan(0);
  });
});
