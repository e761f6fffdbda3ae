import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { isInsideWritev, outsideWritev } from "../../../src/connection/transport/inside-writev.ts";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { utf8 } from "../../support/bytes.ts";
import { turns } from "../../support/wire.ts";

/** A stream that takes each write in a turn of its own, and calls `inside` when it is in its first `_writev`. */
function streamWith(inside: (stream: Duplex) => void) {
  const taken: string[] = [];
  let isFirst = true;
  const stream: Duplex = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      taken.push(chunk.toString());
      setImmediate(done);
    },
    writev: (chunks, done) => {
      taken.push(...chunks.map(({ chunk }) => String(chunk)));
      if (isFirst) inside(stream);
      isFirst = false;
      setImmediate(done);
    },
  });
  return { stream, taken };
}

describe("a stream whose _writev causes a write, by a synchronous push", () => {
  test("gets these bytes after that, in order, and nothing of it is lost", async () => {
    const { stream, taken } = streamWith(() => {
      for (const text of ["d", "e"]) writer.write(utf8(text), true);
    });
    const writer = new StreamWriter(stream);
    for (const text of ["a", "b", "c"]) writer.write(utf8(text), true);
    await turns(20);
    writer.write(utf8("f"), true);
    await turns(20);
    expect(taken.join("")).toBe("abcdef");
    expect(stream.writableLength).toBe(0);
  });

  test("ends after these bytes", async () => {
    const { stream, taken } = streamWith(() => {
      writer.write(utf8("d"), true);
      writer.end(() => {});
    });
    const writer = new StreamWriter(stream);
    for (const text of ["a", "b", "c"]) writer.write(utf8(text), true);
    await turns(20);
    expect([taken.join(""), stream.writableFinished]).toEqual(["abcd", true]);
  });
});

describe("a task", () => {
  test("runs at once outside of _writev", () => {
    let runs = 0;
    outsideWritev(streamWith(() => {}).stream, () => runs++);
    expect(runs).toBe(1);
  });

  test("waits for the end of _writev, and for the tasks before it", async () => {
    const order: string[] = [];
    const { stream } = streamWith((busy) => {
      outsideWritev(busy, () => order.push("first"));
      outsideWritev(busy, () => order.push("second"));
      order.push(`inside: ${String(isInsideWritev(busy))}`);
    });
    for (const text of ["a", "b", "c"]) stream.write(text);
    await turns(20);
    expect(order).toEqual(["inside: true", "first", "second"]);
    expect(isInsideWritev(stream)).toBe(false);
  });
});
