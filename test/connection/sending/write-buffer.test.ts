import { describe, expect, test } from "vitest";
import { WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { MAX_COPIED } from "../../../src/connection/transport/stream-writer.ts";
import { textFrame } from "../../../src/connection/sending/text-frames.ts";
import { allowDirectWrites } from "../../../src/connection/transport/direct-write.ts";
import { serializeFrame } from "../../../src/protocol/frame-encoder.ts";
import { FIN } from "../../../src/protocol/frame-header.ts";
import { pair } from "../../support/socket-pair.ts";
import { memoryWrittenBy } from "../../support/written-memory.ts";
import { fill, hex, join, toHex, utf8 } from "../../support/bytes.ts";
import { type Sent, sentIn } from "../../support/sent-frames.ts";
import { Wire, type WireOptions, turns } from "../../support/wire.ts";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { encoderOf } from "../../../src/connection/sending/encoders.ts";

const BINARY = 2;
const PING = 9;
const PONG = 10;

interface Rig {
  readonly stream: Wire;
  readonly writeBuffer: WriteBuffer;
  readonly sent: () => Sent[];
}

/** A write buffer on a wire. It gets drain events as in a connection. */
function rig({ consumes = true, ...options }: WireOptions & { consumes?: boolean } = {}): Rig {
  const stream = new Wire(options);
  const writeBuffer = new WriteBuffer(new StreamWriter(stream, consumes), encoderOf("server"));
  stream.on("drain", () => writeBuffer.onDrain());
  return { stream, writeBuffer, sent: () => sentIn(stream.taken) };
}

/** A rig whose stream is full: `first` fills it and waits in it. */
async function fullRig(options: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const full = rig({ highWaterMark: 1, ...options });
  full.stream.stick();
  full.writeBuffer.addText("first");
  await turns();
  return full;
}

describe("messages of one turn", () => {
  // shows 6455-6.1-3, 6455-6.1-4, 6455-6.1-5, 6455-5.1-3
  test("are written once, at the turn's end", async () => {
    const { stream, writeBuffer, sent } = rig();
    writeBuffer.addText("a");
    writeBuffer.addMessage(BINARY, hex("00 01"));
    writeBuffer.addControl(PING, utf8("p"));
    writeBuffer.addText("€".repeat(100));
    writeBuffer.addClose(hex("03 e8"));
    expect(stream.writes).toEqual([]);
    await turns();
    expect(stream.writes).toHaveLength(1);
    expect(sent()).toEqual([
      ["text", "a"],
      ["binary", "0001"],
      ["ping", "70"],
      ["text", "€".repeat(100)],
      ["close", "1000"],
    ]);
  });

  test("are written once, with large payloads and shared frames between", async () => {
    const { stream, writeBuffer, sent } = rig({ highWaterMark: 1_000_000 });
    const large = fill(7, MAX_COPIED * 3);
    writeBuffer.addText("a");
    writeBuffer.addMessage(BINARY, large);
    writeBuffer.addShared(textFrame("b"));
    writeBuffer.addShared(textFrame("c"));
    writeBuffer.addText("d");
    await turns();
    expect(stream.writes).toHaveLength(1);
    expect(sent()).toEqual([
      ["text", "a"],
      ["binary", toHex(large)],
      ["text", "b"],
      ["text", "c"],
      ["text", "d"],
    ]);
  });

  test("of the next turn are written apart from them", async () => {
    const { stream, writeBuffer, sent } = rig();
    writeBuffer.addText("a");
    await turns();
    writeBuffer.addText("b");
    await turns();
    expect(stream.writes).toHaveLength(2);
    expect(sent()).toEqual([
      ["text", "a"],
      ["text", "b"],
    ]);
  });

  test("of many connections, by turns, are one write for each, in order", async () => {
    const rigs = Array.from({ length: 5 }, () => rig());
    for (let round = 0; round < 10; round++) for (const { writeBuffer } of rigs) writeBuffer.addText(`${round}`);
    await turns();
    for (const { stream, sent } of rigs) {
      expect(stream.writes).toHaveLength(1);
      expect(sent()).toEqual(Array.from({ length: 10 }, (_, round) => ["text", `${round}`]));
    }
  });

  test("wait for release between hold and release, and are written then, within the turn", () => {
    const { stream, writeBuffer, sent } = rig();
    writeBuffer.holdWrites();
    writeBuffer.addText("a");
    writeBuffer.addText("b");
    expect(stream.writes).toEqual([]);
    writeBuffer.releaseWrites();
    expect(stream.writes).toHaveLength(1);
    expect(sent()).toEqual([
      ["text", "a"],
      ["text", "b"],
    ]);
  });

  test("are not written when there are none", async () => {
    const { stream, writeBuffer } = rig();
    writeBuffer.holdWrites();
    writeBuffer.releaseWrites();
    await turns();
    expect(stream.writes).toEqual([]);
  });

  test("may be longer than a slab", async () => {
    const { writeBuffer, sent } = rig({ highWaterMark: 10_000_000 });
    const texts = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(3000, "-"));
    for (const text of texts) writeBuffer.addText(text);
    await turns();
    expect(sent()).toEqual(texts.map((text) => ["text", text]));
  });
});

describe("a message", () => {
  test.each([0, 1, 125, 126, MAX_COPIED - 10, MAX_COPIED - 4, MAX_COPIED - 3, MAX_COPIED, 65_535, 65_536, 200_000])(
    "of %d bytes arrives as it was sent, as text and as bytes",
    async (length) => {
      const { writeBuffer, sent } = rig({ highWaterMark: 1_000_000 });
      writeBuffer.addText("t".repeat(length));
      writeBuffer.addMessage(BINARY, fill(0xb5, length));
      await turns();
      expect(sent()).toEqual([
        ["text", "t".repeat(length)],
        ["binary", "b5".repeat(length)],
      ]);
    },
  );

  test.each([
    ["without a copy to a socket of Node", true],
    ["as a copy to another stream, which may change it", false],
  ])("of many bytes is written %s", async (_how, socket) => {
    const { stream, writeBuffer } = rig({ consumes: socket });
    const large = fill(1, MAX_COPIED + 1);
    writeBuffer.addMessage(BINARY, large);
    await turns();
    expect(stream.memory.flat().some((piece) => piece.buffer === large.buffer)).toBe(socket);
  });

  test("of few bytes is copied: the caller may reuse its memory at once", async () => {
    const { writeBuffer, sent } = rig();
    const small = fill(1, 5);
    writeBuffer.addMessage(BINARY, small);
    small.fill(9);
    await turns();
    expect(sent()).toEqual([["binary", "0101010101"]]);
  });
});

describe("shared frames", () => {
  const frames = ["one", "two", "three"].map((text) => textFrame(text));

  test("of one turn are written as one piece of memory that all receivers share", async () => {
    const rigs = Array.from({ length: 8 }, () => rig());
    for (const frame of frames) for (const { writeBuffer } of rigs) writeBuffer.addShared(frame);
    await turns();
    for (const { sent } of rigs)
      expect(sent()).toEqual([
        ["text", "one"],
        ["text", "two"],
        ["text", "three"],
      ]);
    const memories = new Set(rigs.map(({ stream }) => stream.memory.flat()[0]));
    expect(rigs.map(({ stream }) => stream.memory.flat().length)).toEqual(rigs.map(() => 1));
    expect(memories.size).toBe(1);
  });

  test("that are sent alone are not copied", async () => {
    const rigs = Array.from({ length: 3 }, () => rig());
    for (const { writeBuffer } of rigs) writeBuffer.addShared(frames[0]!);
    await turns();
    for (const { stream } of rigs) expect(stream.memory.flat()[0]).toBe(frames[0]);
  });

  test("that are large are not copied", async () => {
    const { stream, writeBuffer } = rig({ highWaterMark: 1_000_000 });
    const large = textFrame("x".repeat(MAX_COPIED));
    writeBuffer.addShared(frames[0]!);
    writeBuffer.addShared(large);
    writeBuffer.addShared(frames[1]!);
    await turns();
    expect(stream.writes).toHaveLength(1);
    expect(stream.memory.flat()).toEqual([frames[0], large, frames[1]]);
    expect(stream.memory.flat()[1]).toBe(large);
  });

  test("stay shared between receivers whose streams are full", async () => {
    const rigs = await Promise.all(Array.from({ length: 3 }, () => fullRig()));
    for (const frame of frames) {
      for (const { writeBuffer } of rigs) writeBuffer.addShared(frame);
      await turns(1);
    }
    for (const { stream } of rigs) stream.flow();
    await turns();
    for (const { sent } of rigs)
      expect(sent().slice(1)).toEqual([
        ["text", "one"],
        ["text", "two"],
        ["text", "three"],
      ]);
  });
});

describe("a full stream", () => {
  test("gets nothing more until it drains, and then everything in order", async () => {
    const { stream, writeBuffer, sent } = await fullRig();
    for (const text of ["a", "b", "c"]) {
      writeBuffer.addText(text);
      await turns(1);
    }
    expect(stream.writableLength).toBe(7);
    stream.flow();
    await turns();
    expect(sent()).toEqual([
      ["text", "first"],
      ["text", "a"],
      ["text", "b"],
      ["text", "c"],
    ]);
  });

  test("is counted: size is what waits here and in the stream", async () => {
    const { stream, writeBuffer } = await fullRig();
    writeBuffer.addText("abc");
    writeBuffer.addShared(textFrame("de"));
    writeBuffer.addMessage(BINARY, fill(0, MAX_COPIED));
    expect(writeBuffer.size).toBe(7 + 5 + 4 + MAX_COPIED + 4);
    stream.flow();
    await turns();
    expect(writeBuffer.size).toBe(0);
  });

  test("keeps little of the shared memory, also when other messages interrupt the runs", async () => {
    const slow = await fullRig({ consumes: false });
    const other = rig();
    for (let i = 0; i < 20; i++) {
      slow.writeBuffer.addText(`private ${i}`);
      slow.writeBuffer.addShared(textFrame(`shared ${i}`));
      slow.writeBuffer.addText("again");
      other.writeBuffer.addText("between");
      slow.writeBuffer.addText("and again");
      await turns(1);
    }
    slow.stream.flow();
    await turns();
    const kept = slow.stream.memory.slice(1).flat();
    expect(join(kept).length).toBeGreaterThan(20 * 30);
    for (const piece of kept) expect(piece.buffer.byteLength).toBeLessThanOrEqual(piece.length + 100);
  });

  test("has a few pieces, also when private and shared messages alternate", async () => {
    const { stream, writeBuffer, sent } = await fullRig({ highWaterMark: 64 * 1024 });
    writeBuffer.addText("x".repeat(70_000));
    await turns(1);
    for (let i = 0; i < 2000; i++) {
      writeBuffer.addText("ack");
      writeBuffer.addShared(textFrame("all"));
      if (i % 100 === 0) await turns(1);
    }
    stream.flow();
    await turns();
    expect(sent().length).toBe(4002);
    expect(stream.memory.flat().length).toBeLessThan(30);
  });

  test("has a few pieces, also with many short messages", async () => {
    const { stream, writeBuffer, sent } = await fullRig({ highWaterMark: 64 * 1024 });
    writeBuffer.addText("x".repeat(70_000));
    await turns(1);
    for (let i = 0; i < 2000; i++) {
      writeBuffer.addText("short");
      await turns(1);
    }
    stream.flow();
    await turns();
    expect(sent().length).toBe(2002);
    // 14,000 bytes, in runs that are joined with the next one below 4 KiB.
    expect(stream.memory.flat().length).toBeLessThan(10);
  });

  test("is overtaken by a pong, and only the latest pong is kept", async () => {
    const { stream, writeBuffer, sent } = await fullRig();
    writeBuffer.addText("data");
    for (const payload of ["1", "2", "3"]) writeBuffer.addControl(PONG, utf8(payload));
    await turns();
    stream.flow();
    await turns();
    expect(sent()).toEqual([
      ["text", "first"],
      ["pong", "33"],
      ["text", "data"],
    ]);
  });

  test("is overtaken by a ping", async () => {
    const { stream, writeBuffer, sent } = await fullRig();
    writeBuffer.addText("data");
    writeBuffer.addControl(PING, utf8("1"));
    stream.flow();
    await turns();
    expect(sent()).toEqual([
      ["text", "first"],
      ["ping", "31"],
      ["text", "data"],
    ]);
  });

  test.each([
    ["a pong", PONG],
    ["a ping", PING],
  ] as const)("that fills up between a header and its payload is not overtaken there by %s", async (_name, opcode) => {
    const { stream, writeBuffer, sent } = rig({ highWaterMark: 100 });
    const large = fill(1, MAX_COPIED + 1);
    stream.stick();
    // With the header the run is over the mark, and the payload is a piece of its own.
    writeBuffer.addText("x".repeat(200));
    writeBuffer.addMessage(BINARY, large);
    writeBuffer.addText("after");
    await turns();
    writeBuffer.addControl(opcode, utf8("!"));
    stream.flow();
    await turns();
    const kinds = sent();
    expect(kinds.map(([kind]) => kind).filter((kind) => kind === "ping" || kind === "pong")).toHaveLength(1);
    expect(kinds.filter(([kind]) => kind !== "ping" && kind !== "pong")).toEqual([
      ["text", "x".repeat(200)],
      ["binary", toHex(large)],
      ["text", "after"],
    ]);
  });

  test("keeps a pong that waits apart from the caller's memory", async () => {
    const { stream, writeBuffer, sent } = await fullRig();
    const payload = utf8("ping");
    writeBuffer.addControl(PONG, payload);
    payload.fill(0);
    stream.flow();
    await turns();
    expect(sent()).toEqual([
      ["text", "first"],
      ["pong", toHex(utf8("ping"))],
    ]);
  });
});

describe("giving up", () => {
  test("drop removes what the stream has not got", async () => {
    const { stream, writeBuffer, sent } = await fullRig();
    writeBuffer.addText("a");
    writeBuffer.addShared(textFrame("b"));
    writeBuffer.addMessage(BINARY, fill(0, 100_000));
    writeBuffer.addControl(PONG, utf8("p"));
    writeBuffer.drop();
    expect(writeBuffer.size).toBe(7);
    stream.flow();
    await turns();
    expect(sent()).toEqual([["text", "first"]]);
  });

  test("drop in an open turn leaves nothing to write", async () => {
    const { stream, writeBuffer } = rig();
    writeBuffer.addText("a");
    writeBuffer.drop();
    await turns();
    expect(stream.writes).toEqual([]);
    writeBuffer.addText("b");
    await turns();
    expect(sentIn(stream.taken)).toEqual([["text", "b"]]);
  });

  test("dropUnsent drops on a full stream only", async () => {
    const free = rig();
    free.writeBuffer.addText("a");
    free.writeBuffer.dropUnsent();
    free.writeBuffer.addClose(hex("03 f5"));
    await turns();
    expect(free.sent()).toEqual([
      ["text", "a"],
      ["close", "1013"],
    ]);

    const full = await fullRig();
    full.writeBuffer.addText("a");
    full.writeBuffer.dropUnsent();
    full.writeBuffer.addClose(hex("03 f5"));
    full.stream.flow();
    await turns();
    expect(full.sent()).toEqual([
      ["text", "first"],
      ["close", "1013"],
    ]);
  });

  test("dropUnsent leaves no frame half sent", async () => {
    const { stream, writeBuffer, sent } = rig({ highWaterMark: 100 });
    stream.stick();
    writeBuffer.addText("x".repeat(200));
    writeBuffer.addMessage(BINARY, fill(1, MAX_COPIED + 1));
    writeBuffer.addText("after");
    await turns();
    writeBuffer.dropUnsent();
    writeBuffer.addClose(hex("03 f5"));
    writeBuffer.end();
    stream.flow();
    await turns();
    expect(sent().map(([kind]) => kind)).toEqual(["text", "binary", "close"]);
  });

  test("end writes everything, full or not, and ends the stream after it", async () => {
    const { stream, writeBuffer, sent } = await fullRig();
    writeBuffer.addText("a");
    writeBuffer.addMessage(BINARY, fill(2, MAX_COPIED * 2));
    writeBuffer.addShared(textFrame("b"));
    writeBuffer.addClose(hex("03 e8"));
    writeBuffer.end();
    expect(stream.ended).toBe(false);
    stream.flow();
    await turns();
    expect(sent().map(([kind]) => kind)).toEqual(["text", "text", "binary", "text", "close"]);
    expect(stream.ended).toBe(true);
    expect(stream.errored).toBeNull();
  });

  test("end between hold and release writes at once and nothing twice", async () => {
    const { stream, writeBuffer, sent } = rig();
    writeBuffer.holdWrites();
    writeBuffer.addText("a");
    writeBuffer.end();
    writeBuffer.releaseWrites();
    await turns();
    expect(sent()).toEqual([["text", "a"]]);
    expect(stream.ended).toBe(true);
    expect(stream.errored).toBeNull();
  });

  test("writing to a destroyed stream does nothing", async () => {
    const { stream, writeBuffer } = rig();
    const errors: unknown[] = [];
    stream.on("error", (error) => errors.push(error));
    stream.destroy();
    writeBuffer.addText("a");
    writeBuffer.addMessage(BINARY, fill(1, 100_000));
    writeBuffer.addControl(PING, utf8("x"));
    await turns();
    writeBuffer.end();
    await turns();
    expect(errors).toEqual([]);
    expect(stream.writes).toEqual([]);
  });
});

describe("slab memory", () => {
  test("is used again when the system has taken it at once from a plain socket", async () => {
    const { near } = await pair();
    const written = memoryWrittenBy(near);
    allowDirectWrites(near);
    const writeBuffer = new WriteBuffer(new StreamWriter(near, true), encoderOf("server"));
    writeBuffer.addMessage(BINARY, utf8("aaaa"));
    await turns();
    writeBuffer.addMessage(BINARY, utf8("bbbb"));
    await turns();
    const [one, other] = written;
    expect(one!.buffer).toBe(other!.buffer);
    expect(one!.byteOffset).toBe(other!.byteOffset);
  });

  test("is not used again when a stream, not a socket, has called back at once", async () => {
    const { stream, writeBuffer } = rig();
    for (const text of ["aaaa", "bbbb"]) {
      writeBuffer.addMessage(BINARY, utf8(text));
      await turns();
    }
    expect(stream.memory.flat().map((piece) => toHex(piece))).toEqual(stream.writes.map(toHex));
  });

  test("of a stream of the user's is not shared: neither the slab nor a shared frame", async () => {
    const { stream, writeBuffer } = rig({ consumes: false });
    const frame = serializeFrame(BINARY | FIN, utf8("cccc"));
    writeBuffer.addMessage(BINARY, utf8("aaaa"));
    await turns();
    writeBuffer.addShared(frame);
    await turns();
    const [run, shared] = stream.memory.flat();
    expect([run!.buffer.byteLength, shared!.buffer.byteLength]).toEqual([6, 6]);
    expect(shared!.buffer).not.toBe(frame.buffer);
  });

  test("is not used again while it waits in the stream", async () => {
    const { stream, writeBuffer, sent } = rig({ highWaterMark: 1_000_000 });
    stream.stick();
    for (const text of ["aaaa", "bbbb", "cccc"]) {
      writeBuffer.addText(text);
      await turns(1);
    }
    stream.flow();
    await turns();
    expect(sent()).toEqual([
      ["text", "aaaa"],
      ["text", "bbbb"],
      ["text", "cccc"],
    ]);
  });

  test("is never used again on a stream that may keep what it took", async () => {
    const { stream, writeBuffer } = rig({ consumes: false });
    for (const text of ["aaaa", "bbbb", "cccc"]) {
      writeBuffer.addText(text);
      await turns(1);
    }
    expect(stream.memory.flat().map((piece) => toHex(piece))).toEqual(stream.writes.map(toHex));
  });

  test("of one connection is not given back while another connection's memory lies after it", async () => {
    const one = rig();
    const other = rig({ consumes: false });
    one.writeBuffer.addText("one");
    other.writeBuffer.addText("other");
    await turns();
    one.writeBuffer.addText("once more, longer than all");
    await turns();
    expect(other.stream.memory.flat().map((piece) => toHex(piece))).toEqual(other.stream.writes.map(toHex));
  });
});

describe("a stream that answers during a write", () => {
  test("gets every frame once", async () => {
    const { stream, writeBuffer, sent } = rig();
    let answers = 0;
    const write = stream._writev.bind(stream);
    stream._writev = (chunks, done) => {
      write(chunks, done);
      // As with an in-memory peer: its answer arrives before the write has returned.
      if (answers++ > 3) return;
      writeBuffer.holdWrites();
      writeBuffer.addText("answer");
      writeBuffer.releaseWrites();
    };
    writeBuffer.addShared(textFrame("piece"));
    writeBuffer.addText("tail");
    await turns();
    expect(sent().filter(([, body]) => body === "piece" || body === "tail")).toEqual([
      ["text", "piece"],
      ["text", "tail"],
    ]);
  });

  test("and throws is destroyed; the other streams of the turn are written", async () => {
    const broken = rig();
    const other = rig();
    broken.stream.on("error", () => undefined);
    broken.stream._write = () => {
      throw new Error("a bad stream");
    };
    broken.writeBuffer.addText("lost");
    other.writeBuffer.addText("fine");
    await turns();
    expect(broken.stream.destroyed).toBe(true);
    expect(other.sent()).toEqual([["text", "fine"]]);
  });
});
