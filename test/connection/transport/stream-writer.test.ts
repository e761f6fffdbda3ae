import { describe, expect, test } from "vitest";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { type StreamListener, attach } from "../../../src/connection/transport/stream-events.ts";
import { hex, toHex, utf8 } from "../../support/bytes.ts";
import { Wire, type WireOptions, turns } from "../../support/wire.ts";

function newWriter(options: WireOptions = {}) {
  const stream = new Wire(options);
  return { stream, writer: new StreamWriter(stream, true) };
}

/** A writer whose stream takes nothing, and is full from the first byte. */
function blockedWriter() {
  const all = newWriter({ highWaterMark: 1 });
  all.stream.stick();
  return all;
}

function nothing(): void {
  // Nothing is done when the stream has ended.
}

describe("bytes that are written", () => {
  test("reach the stream at once: bytes as they are, a string as one byte for each character", () => {
    const { stream, writer } = newWriter();
    writer.write(hex("01 ff"), false);
    writer.write("\u0081a", false);
    expect(stream.writes.map(toHex)).toEqual(["01ff", "8161"]);
  });

  test("leave the writer not full if the stream takes them", () => {
    const { writer } = newWriter();
    writer.write(hex("01"), false);
    expect([writer.isFull, writer.size]).toEqual([false, 0]);
  });

  test("wait in the stream if it does not, which is full from its high-water mark on", () => {
    const { stream, writer } = newWriter({ highWaterMark: 4 });
    stream.stick();
    writer.write(hex("01 02 03"), false);
    expect([writer.isFull, writer.size]).toEqual([false, 3]);
    writer.write(hex("04"), false);
    expect([writer.isFull, writer.size]).toEqual([true, 4]);
  });

  test("leave as one write if the stream is corked", () => {
    const { stream, writer } = newWriter();
    writer.cork();
    writer.write(hex("01"), false);
    writer.write("a", false);
    expect([stream.writes.length, writer.size]).toEqual([0, 2]);
    writer.uncork();
    expect(stream.writes.map(toHex)).toEqual(["0161"]);
    expect([writer.isFull, writer.size]).toEqual([false, 0]);
  });

  test("are copied if the memory is shared and the stream is not one of Node's own sockets", () => {
    const stream = new Wire();
    stream.stick();
    const bytes = hex("01 02");
    new StreamWriter(stream, false).write(bytes, true);
    bytes.fill(0xff);
    stream.flow();
    expect(toHex(stream.taken)).toBe("0102");
  });

  test("go before the end of the stream", async () => {
    const { stream, writer } = blockedWriter();
    writer.write(hex("01"), false);
    let ended = false;
    writer.end(() => (ended = true));
    await turns();
    expect([stream.ended, ended]).toEqual([false, false]);
    stream.flow();
    await turns();
    expect([stream.ended, ended, toHex(stream.taken)]).toEqual([true, true, "01"]);
  });
});

describe("a stream that throws", () => {
  test.each(["write", "uncork"] as const)("in %s is destroyed, and is full: nothing more goes there", (method) => {
    const { stream, writer } = newWriter();
    stream.on("error", nothing);
    stream[method] = () => {
      throw new Error("broken");
    };
    if (method === "uncork") writer.uncork();
    else writer.write(hex("01"), false);
    expect([writer.isFull, stream.destroyed]).toEqual([true, true]);
  });

  test("when it is asked to report is destroyed too", () => {
    const { stream, writer } = newWriter();
    stream.on("error", nothing);
    stream.write = () => {
      throw new Error("broken");
    };
    writer.notifyWhenTaken();
    expect(stream.destroyed).toBe(true);
  });
});

describe("bytesWritten", () => {
  test("counts bytes, of a string one for each character", () => {
    const { writer } = newWriter();
    expect(writer.bytesWritten).toBe(0);
    writer.write(hex("01 02 03"), false);
    expect(writer.bytesWritten).toBe(3);
    writer.write("\u0081a", false);
    expect(writer.bytesWritten).toBe(5);
    writer.write("", false);
    expect(writer.bytesWritten).toBe(5);
  });

  test("counts them whether the stream takes them, is full or is corked", () => {
    const { writer } = blockedWriter();
    writer.write(hex("01"), false);
    writer.write(hex("02 03"), false);
    expect([writer.isFull, writer.bytesWritten]).toEqual([true, 3]);
    writer.cork();
    writer.write("abcd", false);
    expect(writer.bytesWritten).toBe(7);
    writer.uncork();
    expect(writer.bytesWritten).toBe(7);
  });
});

test("a full stream stays full until its drain event, even if it takes a ping", () => {
  const { stream, writer } = newWriter({ highWaterMark: 4 });
  stream.stick();
  writer.write(hex("01 02 03 04"), false);
  expect(writer.isFull).toBe(true);
  stream.takeOne();
  // It would take more, and has not emitted "drain" yet.
  writer.write(hex("89 00"), false);
  expect([writer.isFull, writer.size]).toEqual([true, 2]);
  writer.onDrain();
  expect([writer.isFull, writer.size]).toEqual([false, 2]);
});

test("notifyWhenTaken calls onTaken when the stream has taken all that was written, and not before", async () => {
  const { stream, writer } = newWriter();
  const taken: string[] = [];
  const listener: StreamListener = {
    ...{ onData: () => undefined, onDrain: nothing, onEnd: nothing, onStreamError: nothing, onStreamClose: nothing },
    onTaken: () => taken.push(toHex(stream.taken)),
  };
  attach(stream, listener);
  stream.stick();
  writer.write(utf8("a"), false);
  writer.write(utf8("b"), false);
  writer.notifyWhenTaken();
  await turns();
  expect(taken).toEqual([]);
  stream.flow();
  await turns();
  expect(taken).toEqual(["6162"]);
});

test("a write that returns nothing, as of a wrapped socket, does not make the stream full", () => {
  const { stream, writer } = newWriter();
  const { write } = Object.getPrototypeOf(stream) as { write: (...all: unknown[]) => boolean };
  stream.write = ((...all: unknown[]) => void write.apply(stream, all)) as never;
  writer.write(hex("01"), false);
  expect([writer.isFull, toHex(stream.taken)]).toEqual([false, "01"]);
});

test("an end that throws destroys the stream", () => {
  const { stream, writer } = newWriter();
  stream.on("error", nothing);
  stream.end = () => {
    throw new Error("broken");
  };
  writer.end(nothing);
  expect(stream.destroyed).toBe(true);
});
