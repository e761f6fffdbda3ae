import { describe, expect, test } from "vitest";
import { WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { LARGEST_CUT } from "../../../src/connection/sending/slab.ts";
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
  readonly outbox: WriteBuffer;
  readonly sent: () => Sent[];
}

/** An outbox on a wire, which is told of room as a connection tells it. */
function rig({ consumes = true, ...options }: WireOptions & { consumes?: boolean } = {}): Rig {
  const stream = new Wire(options);
  const outbox = new WriteBuffer(new StreamWriter(stream, consumes), encoderOf("server"));
  stream.on("drain", () => outbox.onDrain());
  return { stream, outbox, sent: () => sentIn(stream.taken) };
}

/** A rig whose stream is full: `first` is what fills it, and what waits in it. */
async function fullRig(options: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const full = rig({ highWaterMark: 1, ...options });
  full.stream.stick();
  full.outbox.addText("first");
  await turns();
  return full;
}

describe("what is sent in one turn", () => {
  // shows 6455-6.1-3, 6455-6.1-4, 6455-6.1-5, 6455-5.1-3
  test("leaves in one write at the turn's end", async () => {
    const { stream, outbox, sent } = rig();
    outbox.addText("a");
    outbox.addMessage(BINARY, hex("00 01"));
    outbox.addControl(PING, utf8("p"));
    outbox.addText("€".repeat(100));
    outbox.addClose(hex("03 e8"));
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

  test("leaves in one write with large payloads and shared frames between", async () => {
    const { stream, outbox, sent } = rig({ highWaterMark: 1_000_000 });
    const large = fill(7, LARGEST_CUT * 3);
    outbox.addText("a");
    outbox.addMessage(BINARY, large);
    outbox.addShared(textFrame("b"));
    outbox.addShared(textFrame("c"));
    outbox.addText("d");
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

  test("is written again in the next turn, not together with the first", async () => {
    const { stream, outbox, sent } = rig();
    outbox.addText("a");
    await turns();
    outbox.addText("b");
    await turns();
    expect(stream.writes).toHaveLength(2);
    expect(sent()).toEqual([
      ["text", "a"],
      ["text", "b"],
    ]);
  });

  test("of many connections by turns is one write for each, in order", async () => {
    const rigs = Array.from({ length: 5 }, () => rig());
    for (let round = 0; round < 10; round++) for (const { outbox } of rigs) outbox.addText(`${round}`);
    await turns();
    for (const { stream, sent } of rigs) {
      expect(stream.writes).toHaveLength(1);
      expect(sent()).toEqual(Array.from({ length: 10 }, (_, round) => ["text", `${round}`]));
    }
  });

  test("waits for release between hold and release, and is written then, within the turn", () => {
    const { stream, outbox, sent } = rig();
    outbox.holdWrites();
    outbox.addText("a");
    outbox.addText("b");
    expect(stream.writes).toEqual([]);
    outbox.releaseWrites();
    expect(stream.writes).toHaveLength(1);
    expect(sent()).toEqual([
      ["text", "a"],
      ["text", "b"],
    ]);
  });

  test("writes nothing when nothing was added", async () => {
    const { stream, outbox } = rig();
    outbox.holdWrites();
    outbox.releaseWrites();
    await turns();
    expect(stream.writes).toEqual([]);
  });

  test("may be more than a slab holds", async () => {
    const { outbox, sent } = rig({ highWaterMark: 10_000_000 });
    const texts = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(3000, "-"));
    for (const text of texts) outbox.addText(text);
    await turns();
    expect(sent()).toEqual(texts.map((text) => ["text", text]));
  });
});

describe("a message", () => {
  test.each([0, 1, 125, 126, LARGEST_CUT - 10, LARGEST_CUT - 4, LARGEST_CUT - 3, LARGEST_CUT, 65_535, 65_536, 200_000])(
    "of %d bytes arrives as it was sent, as text and as bytes",
    async (length) => {
      const { outbox, sent } = rig({ highWaterMark: 1_000_000 });
      outbox.addText("t".repeat(length));
      outbox.addMessage(BINARY, fill(0xb5, length));
      await turns();
      expect(sent()).toEqual([
        ["text", "t".repeat(length)],
        ["binary", "b5".repeat(length)],
      ]);
    },
  );

  test("of many bytes is handed over without a copy", async () => {
    const { stream, outbox } = rig({ consumes: false });
    const large = fill(1, LARGEST_CUT + 1);
    outbox.addMessage(BINARY, large);
    await turns();
    expect(stream.memory.flat().some((piece) => piece.buffer === large.buffer)).toBe(true);
  });

  test("of few bytes is copied: the caller may use its memory again at once", async () => {
    const { outbox, sent } = rig();
    const small = fill(1, 5);
    outbox.addMessage(BINARY, small);
    small.fill(9);
    await turns();
    expect(sent()).toEqual([["binary", "0101010101"]]);
  });
});

describe("shared frames", () => {
  const frames = ["one", "two", "three"].map(textFrame);

  test("of one turn leave as one piece of memory that all receivers share", async () => {
    const rigs = Array.from({ length: 8 }, () => rig());
    for (const frame of frames) for (const { outbox } of rigs) outbox.addShared(frame);
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

  test("that come alone are not copied at all", async () => {
    const rigs = Array.from({ length: 3 }, () => rig());
    for (const { outbox } of rigs) outbox.addShared(frames[0]!);
    await turns();
    for (const { stream } of rigs) expect(stream.memory.flat()[0]).toBe(frames[0]);
  });

  test("that are large are not copied", async () => {
    const { stream, outbox } = rig({ highWaterMark: 1_000_000 });
    const large = textFrame("x".repeat(LARGEST_CUT));
    outbox.addShared(frames[0]!);
    outbox.addShared(large);
    outbox.addShared(frames[1]!);
    await turns();
    expect(stream.writes).toHaveLength(1);
    expect(stream.memory.flat()).toEqual([frames[0], large, frames[1]]);
    expect(stream.memory.flat()[1]).toBe(large);
  });

  test("stay shared between receivers that are full", async () => {
    const rigs = await Promise.all(Array.from({ length: 3 }, () => fullRig()));
    for (const frame of frames) {
      for (const { outbox } of rigs) outbox.addShared(frame);
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
  test("gets nothing more until it has room, and then everything in order", async () => {
    const { stream, outbox, sent } = await fullRig();
    for (const text of ["a", "b", "c"]) {
      outbox.addText(text);
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
    const { stream, outbox } = await fullRig();
    outbox.addText("abc");
    outbox.addShared(textFrame("de"));
    outbox.addMessage(BINARY, fill(0, LARGEST_CUT));
    expect(outbox.size).toBe(7 + 5 + 4 + LARGEST_CUT + 4);
    stream.flow();
    await turns();
    expect(outbox.size).toBe(0);
  });

  test("keeps little of the memory that all share, also where runs are broken by others", async () => {
    const slow = await fullRig({ consumes: false });
    const other = rig();
    for (let i = 0; i < 20; i++) {
      slow.outbox.addText(`private ${i}`);
      slow.outbox.addShared(textFrame(`shared ${i}`));
      slow.outbox.addText("again");
      other.outbox.addText("between");
      slow.outbox.addText("and again");
      await turns(1);
    }
    slow.stream.flow();
    await turns();
    const kept = slow.stream.memory.slice(1).flat();
    expect(join(kept).length).toBeGreaterThan(20 * 30);
    for (const piece of kept) expect(piece.buffer.byteLength).toBeLessThanOrEqual(piece.length + 100);
  });

  test("is a few pieces, however private and shared messages alternate in it", async () => {
    const { stream, outbox, sent } = await fullRig({ highWaterMark: 64 * 1024 });
    outbox.addText("x".repeat(70_000));
    await turns(1);
    for (let i = 0; i < 2000; i++) {
      outbox.addText("ack");
      outbox.addShared(textFrame("all"));
      if (i % 100 === 0) await turns(1);
    }
    stream.flow();
    await turns();
    expect(sent().length).toBe(4002);
    expect(stream.memory.flat().length).toBeLessThan(30);
  });

  test("is a few pieces, however many short messages it holds", async () => {
    const { stream, outbox, sent } = await fullRig({ highWaterMark: 64 * 1024 });
    outbox.addText("x".repeat(70_000));
    await turns(1);
    for (let i = 0; i < 2000; i++) {
      outbox.addText("short");
      await turns(1);
    }
    stream.flow();
    await turns();
    expect(sent().length).toBe(2002);
    // 14,000 bytes in runs that take in the next below 4 KiB.
    expect(stream.memory.flat().length).toBeLessThan(10);
  });

  test("is overtaken by a pong, of which only the latest is kept", async () => {
    const { stream, outbox, sent } = await fullRig();
    outbox.addText("data");
    for (const payload of ["1", "2", "3"]) outbox.addControl(PONG, utf8(payload));
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
    const { stream, outbox, sent } = await fullRig();
    outbox.addText("data");
    outbox.addControl(PING, utf8("1"));
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
  ] as const)(
    "whose room ends between a header and its payload is not overtaken there by %s",
    async (_name, opcode) => {
      const { stream, outbox, sent } = rig({ highWaterMark: 100 });
      const large = fill(1, LARGEST_CUT + 1);
      stream.stick();
      // The run is over the mark with the header, and the payload is a piece of its own.
      outbox.addText("x".repeat(200));
      outbox.addMessage(BINARY, large);
      outbox.addText("behind");
      await turns();
      outbox.addControl(opcode, utf8("!"));
      stream.flow();
      await turns();
      const kinds = sent();
      expect(kinds.map(([kind]) => kind).filter((kind) => kind === "ping" || kind === "pong")).toHaveLength(1);
      expect(kinds.filter(([kind]) => kind !== "ping" && kind !== "pong")).toEqual([
        ["text", "x".repeat(200)],
        ["binary", toHex(large)],
        ["text", "behind"],
      ]);
    },
  );

  test("keeps a pong that waits apart from the caller's memory", async () => {
    const { stream, outbox, sent } = await fullRig();
    const payload = utf8("ping");
    outbox.addControl(PONG, payload);
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
  test("drop forgets what the stream has not got", async () => {
    const { stream, outbox, sent } = await fullRig();
    outbox.addText("a");
    outbox.addShared(textFrame("b"));
    outbox.addMessage(BINARY, fill(0, 100_000));
    outbox.addControl(PONG, utf8("p"));
    outbox.drop();
    expect(outbox.size).toBe(7);
    stream.flow();
    await turns();
    expect(sent()).toEqual([["text", "first"]]);
  });

  test("drop in an open turn leaves nothing to write", async () => {
    const { stream, outbox } = rig();
    outbox.addText("a");
    outbox.drop();
    await turns();
    expect(stream.writes).toEqual([]);
    outbox.addText("b");
    await turns();
    expect(sentIn(stream.taken)).toEqual([["text", "b"]]);
  });

  test("yield makes way on a full stream only", async () => {
    const free = rig();
    free.outbox.addText("a");
    free.outbox.dropUnsent();
    free.outbox.addClose(hex("03 f5"));
    await turns();
    expect(free.sent()).toEqual([
      ["text", "a"],
      ["close", "1013"],
    ]);

    const full = await fullRig();
    full.outbox.addText("a");
    full.outbox.dropUnsent();
    full.outbox.addClose(hex("03 f5"));
    full.stream.flow();
    await turns();
    expect(full.sent()).toEqual([
      ["text", "first"],
      ["close", "1013"],
    ]);
  });

  test("yield leaves no frame half sent", async () => {
    const { stream, outbox, sent } = rig({ highWaterMark: 100 });
    stream.stick();
    outbox.addText("x".repeat(200));
    outbox.addMessage(BINARY, fill(1, LARGEST_CUT + 1));
    outbox.addText("behind");
    await turns();
    outbox.dropUnsent();
    outbox.addClose(hex("03 f5"));
    outbox.end();
    stream.flow();
    await turns();
    expect(sent().map(([kind]) => kind)).toEqual(["text", "binary", "close"]);
  });

  test("end writes everything, full or not, and ends the stream behind it", async () => {
    const { stream, outbox, sent } = await fullRig();
    outbox.addText("a");
    outbox.addMessage(BINARY, fill(2, LARGEST_CUT * 2));
    outbox.addShared(textFrame("b"));
    outbox.addClose(hex("03 e8"));
    outbox.end();
    expect(stream.ended).toBe(false);
    stream.flow();
    await turns();
    expect(sent().map(([kind]) => kind)).toEqual(["text", "text", "binary", "text", "close"]);
    expect(stream.ended).toBe(true);
    expect(stream.errored).toBeNull();
  });

  test("end between hold and release writes at once and nothing twice", async () => {
    const { stream, outbox, sent } = rig();
    outbox.holdWrites();
    outbox.addText("a");
    outbox.end();
    outbox.releaseWrites();
    await turns();
    expect(sent()).toEqual([["text", "a"]]);
    expect(stream.ended).toBe(true);
    expect(stream.errored).toBeNull();
  });

  test("a stream that was destroyed is written to without a word", async () => {
    const { stream, outbox } = rig();
    const errors: unknown[] = [];
    stream.on("error", (error) => errors.push(error));
    stream.destroy();
    outbox.addText("a");
    outbox.addMessage(BINARY, fill(1, 100_000));
    outbox.addControl(PING, utf8("x"));
    await turns();
    outbox.end();
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
    const outbox = new WriteBuffer(new StreamWriter(near, true), encoderOf("server"));
    outbox.addMessage(BINARY, utf8("aaaa"));
    await turns();
    outbox.addMessage(BINARY, utf8("bbbb"));
    await turns();
    const [one, other] = written;
    expect(one!.buffer).toBe(other!.buffer);
    expect(one!.byteOffset).toBe(other!.byteOffset);
  });

  test("is not used again when it is a stream that has called back at once", async () => {
    const { stream, outbox } = rig();
    for (const text of ["aaaa", "bbbb"]) {
      outbox.addMessage(BINARY, utf8(text));
      await turns();
    }
    expect(stream.memory.flat().map((piece) => toHex(piece))).toEqual(stream.writes.map(toHex));
  });

  test("of somebody else's stream is its own: not the slab, and not a frame that others send", async () => {
    const { stream, outbox } = rig({ consumes: false });
    const frame = serializeFrame(BINARY | FIN, utf8("cccc"));
    outbox.addMessage(BINARY, utf8("aaaa"));
    await turns();
    outbox.addShared(frame);
    await turns();
    const [run, shared] = stream.memory.flat();
    expect([run!.buffer.byteLength, shared!.buffer.byteLength]).toEqual([6, 6]);
    expect(shared!.buffer).not.toBe(frame.buffer);
  });

  test("is not used again while it waits in the stream", async () => {
    const { stream, outbox, sent } = rig({ highWaterMark: 1_000_000 });
    stream.stick();
    for (const text of ["aaaa", "bbbb", "cccc"]) {
      outbox.addText(text);
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
    const { stream, outbox } = rig({ consumes: false });
    for (const text of ["aaaa", "bbbb", "cccc"]) {
      outbox.addText(text);
      await turns(1);
    }
    expect(stream.memory.flat().map((piece) => toHex(piece))).toEqual(stream.writes.map(toHex));
  });

  test("of one connection is not given back while another's lies behind it", async () => {
    const one = rig();
    const other = rig({ consumes: false });
    one.outbox.addText("one");
    other.outbox.addText("other");
    await turns();
    one.outbox.addText("once more, longer than all");
    await turns();
    expect(other.stream.memory.flat().map((piece) => toHex(piece))).toEqual(other.stream.writes.map(toHex));
  });
});

describe("a stream that answers while it is written to", () => {
  test("gets every frame once", async () => {
    const { stream, outbox, sent } = rig();
    let answers = 0;
    const write = stream._writev.bind(stream);
    stream._writev = (chunks, done) => {
      write(chunks, done);
      // What an in-memory peer does: its answer comes back before the write has returned.
      if (answers++ > 3) return;
      outbox.holdWrites();
      outbox.addText("answer");
      outbox.releaseWrites();
    };
    outbox.addShared(textFrame("piece"));
    outbox.addText("tail");
    await turns();
    expect(sent().filter(([, body]) => body === "piece" || body === "tail")).toEqual([
      ["text", "piece"],
      ["text", "tail"],
    ]);
  });

  test("and throws, is destroyed; the others of the turn are written", async () => {
    const broken = rig();
    const other = rig();
    broken.stream.on("error", () => undefined);
    broken.stream._write = () => {
      throw new Error("a bad stream");
    };
    broken.outbox.addText("lost");
    other.outbox.addText("fine");
    await turns();
    expect(broken.stream.destroyed).toBe(true);
    expect(other.sent()).toEqual([["text", "fine"]]);
  });
});
