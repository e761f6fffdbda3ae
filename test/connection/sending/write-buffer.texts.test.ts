import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { MAX_COPIED } from "../../../src/connection/transport/stream-writer.ts";
import { textFrame } from "../../../src/connection/sending/text-frames.ts";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import { fill, hex, join, toHex, utf8 } from "../../support/bytes.ts";
import { encode } from "../../support/frames.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { deferred } from "../../support/peer.ts";
import { framesIn } from "../../support/sent-frames.ts";
import { Wire, type WireOptions, turns } from "../../support/wire.ts";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { encoderOf } from "../../../src/connection/sending/encoders.ts";

const BINARY = 2;
const PING = 9;
const PONG = 10;

/** Lengths near a change: of the header, of its high bytes, or of whether texts are joined. */
const LENGTHS = [0, 1, 125, 126, 127, 128, 255, 256, 383, 384, 511, 512, 513, 600, 5460, 5461] as const;

/** Characters of one, two, three and four bytes, and lone surrogates, which are U+FFFD on the wire. */
const CHARACTERS = ["a", "\u007f", "\u0080", "\u0081", "\u00e9", "\u20ac", "\u{1f600}", "\ud83d", "\ude00"] as const;

/** A server's frame of a text, written without src/. */
function frameOf(text: string): Bytes {
  return encode({ opcode: 1, payload: utf8(text) });
}

interface Rig {
  readonly stream: Wire;
  readonly writeBuffer: WriteBuffer;
}

function rig({ consumes = true, ...options }: WireOptions & { consumes?: boolean } = {}): Rig {
  const stream = new Wire(options);
  const writeBuffer = new WriteBuffer(new StreamWriter(stream, consumes), encoderOf("server"));
  stream.on("drain", () => writeBuffer.onDrain());
  return { stream, writeBuffer };
}

/** A rig with a full stream, in which `first` waits. */
async function fullRig(consumes: boolean): Promise<Rig> {
  const full = rig({ consumes, highWaterMark: 1 });
  full.stream.stick();
  full.writeBuffer.addText("first");
  await turns();
  return full;
}

/** Sends texts in one turn, and checks their size and the bytes on the wire. */
async function expectSent(
  consumes: boolean,
  send: (writeBuffer: WriteBuffer) => void,
  expected: readonly Uint8Array[],
): Promise<void> {
  for (const ask of [true, false]) {
    const { stream, writeBuffer } = rig({ consumes, highWaterMark: 10_000_000 });
    send(writeBuffer);
    expect(writeBuffer.minimumSize).toBeLessThanOrEqual(join(expected).length);
    if (ask) expect(writeBuffer.size).toBe(join(expected).length);
    await turns();
    expect(stream.writes).toHaveLength(1);
    expect(toHex(stream.taken)).toBe(toHex(join(expected)));
    expect(writeBuffer.size).toBe(0);
    // Nothing is left for the next turn.
    writeBuffer.addText("next");
    expect(writeBuffer.size).toBe(6);
    await turns();
    expect(toHex(stream.taken)).toBe(toHex(join([...expected, frameOf("next")])));
  }
}

describe.each([true, false])("texts of one turn, over a stream that releases memory at once (%s)", (consumes) => {
  test.each(LENGTHS)("of %i letters are their frames, one and several", async (length) => {
    const text = "x".repeat(length);
    await expectSent(consumes, (writeBuffer) => writeBuffer.addText(text), [frameOf(text)]);
    const several = [text, "", "y", text, text];
    await expectSent(
      consumes,
      (writeBuffer) => several.forEach((one) => writeBuffer.addText(one)),
      several.map(frameOf),
    );
  });

  test.each(CHARACTERS)("with %j in one of them are their frames, at any place", async (character) => {
    for (const length of [0, 62, 63, 124, 125, 126, 127, 128, 255, 256, 512]) {
      const other = character + "x".repeat(Math.max(0, length - character.length));
      for (const texts of [[other], [other, "b", "c"], ["a", other, "c"], ["a", "b", other], [other, other]]) {
        await expectSent(
          consumes,
          (writeBuffer) => texts.forEach((text) => writeBuffer.addText(text)),
          texts.map(frameOf),
        );
      }
    }
  });

  test.each(CHARACTERS)("that consist of %j are their frames", async (character) => {
    const texts = LENGTHS.map((length) => character.repeat(length));
    await expectSent(consumes, (writeBuffer) => texts.forEach((text) => writeBuffer.addText(text)), texts.map(frameOf));
  });

  test("are not joined to one character when one ends with half a pair and the next begins with the other half", async () => {
    const texts = ["a\ud83d", "\ude00b", "\ud83d", "\ude00"];
    await expectSent(consumes, (writeBuffer) => texts.forEach((text) => writeBuffer.addText(text)), texts.map(frameOf));
  });

  test.each([16, 17, 126, 400, 512])("of %i letters may be more than can be joined", async (length) => {
    const texts = Array.from({ length: Math.ceil(40_000 / length) }, (_, i) => `${i}`.padEnd(length, "-"));
    await expectSent(consumes, (writeBuffer) => texts.forEach((text) => writeBuffer.addText(text)), texts.map(frameOf));
    const last = [...texts, "\u20ac"];
    await expectSent(consumes, (writeBuffer) => last.forEach((text) => writeBuffer.addText(text)), last.map(frameOf));
  });

  test.each([16_370, 16_380, 16_381, 16_382, 16_383, 16_384, 16_385, 16_386, 16_388])(
    "may end at %i bytes, near the most that can be joined",
    async (total) => {
      // 32 frames of 512 bytes and a rest. With headers some are above the mark and some below.
      const texts = Array.from({ length: 31 }, () => "x".repeat(508));
      const left = total - 31 * 512;
      texts.push("y".repeat(Math.max(0, left - 4)));
      await expectSent(
        consumes,
        (writeBuffer) => texts.forEach((text) => writeBuffer.addText(text)),
        texts.map(frameOf),
      );
      const mixed = ["\u00e9", ...texts];
      await expectSent(
        consumes,
        (writeBuffer) => mixed.forEach((text) => writeBuffer.addText(text)),
        mixed.map(frameOf),
      );
      const raw = textFrame("raw");
      await expectSent(
        consumes,
        (writeBuffer) => {
          texts.forEach((text) => writeBuffer.addText(text));
          writeBuffer.addShared(raw);
        },
        [...texts.map(frameOf), raw],
      );
    },
  );

  test.each(["b", "\u20ac"])("keep their place between all other messages: %j", async (character) => {
    const large = fill(7, MAX_COPIED + 100);
    const text = `a${character}`;
    const others: readonly (readonly [(writeBuffer: WriteBuffer) => void, Uint8Array])[] = [
      [
        (writeBuffer) => writeBuffer.addMessage(BINARY, hex("00 ff")),
        encode({ opcode: BINARY, payload: hex("00 ff") }),
      ],
      [(writeBuffer) => writeBuffer.addMessage(BINARY, large), encode({ opcode: BINARY, payload: large })],
      [(writeBuffer) => writeBuffer.addShared(textFrame("shared")), frameOf("shared")],
      [(writeBuffer) => writeBuffer.addShared(textFrame("s".repeat(20_000))), frameOf("s".repeat(20_000))],
      [(writeBuffer) => writeBuffer.addControl(PING, utf8("p")), encode({ opcode: PING, payload: utf8("p") })],
      [(writeBuffer) => writeBuffer.addControl(PONG, utf8("p")), encode({ opcode: PONG, payload: utf8("p") })],
      [(writeBuffer) => writeBuffer.addText("long".repeat(2000)), frameOf("long".repeat(2000))],
      [(writeBuffer) => writeBuffer.addClose(hex("03 e8")), encode({ opcode: 8, payload: hex("03 e8") })],
    ];
    for (const [send, sent] of others) {
      const twice = (writeBuffer: WriteBuffer): void => {
        writeBuffer.addText(text);
        writeBuffer.addText("c");
        send(writeBuffer);
        writeBuffer.addText("d");
        writeBuffer.addText(text);
        send(writeBuffer);
      };
      await expectSent(consumes, twice, [frameOf(text), frameOf("c"), sent, frameOf("d"), frameOf(text), sent]);
    }
  });

  test("between hold and release are written at release, within the turn", () => {
    for (const texts of [
      ["a", "b"],
      ["a", "\u00e9", "b"],
      ["", ""],
    ]) {
      const { stream, writeBuffer } = rig({ consumes });
      writeBuffer.holdWrites();
      for (const text of texts) writeBuffer.addText(text);
      expect(stream.writes).toEqual([]);
      writeBuffer.releaseWrites();
      expect(stream.writes).toHaveLength(1);
      expect(toHex(stream.taken)).toBe(toHex(join(texts.map(frameOf))));
      expect(writeBuffer.size).toBe(0);
    }
  });

  test.each(["plain", "not plain: \u20ac"])("are dropped by drop, and no later text is lost: %s", async (text) => {
    const { stream, writeBuffer } = rig({ consumes });
    writeBuffer.addText(text);
    writeBuffer.addText(text);
    writeBuffer.drop();
    expect([writeBuffer.minimumSize, writeBuffer.size]).toEqual([0, 0]);
    await turns();
    expect(stream.writes).toEqual([]);
    writeBuffer.addText("x".repeat(200));
    writeBuffer.addText("after");
    expect(writeBuffer.size).toBe(204 + 7);
    await turns();
    expect(toHex(stream.taken)).toBe(toHex(join([frameOf("x".repeat(200)), frameOf("after")])));
  });

  test("that were dropped do not make the next ones count as ASCII", async () => {
    for (const length of [0, 200, 384]) {
      for (let more = 1; more < 8; more++) {
        const { stream, writeBuffer } = rig({ consumes });
        for (let i = 0; i < 3; i++) writeBuffer.addText("x".repeat(length));
        writeBuffer.drop();
        // Each has one byte more than characters, and so has a header byte above 0x7f.
        const text = "\u00e9".repeat(more);
        writeBuffer.addText(text);
        await turns();
        expect(toHex(stream.taken)).toBe(toHex(frameOf(text)));
      }
    }
  });

  test.each(["plain", "not plain: \u20ac"])(
    "are written by end, after waiting messages and before the close frame: %s",
    async (text) => {
      for (const make of [async () => rig({ consumes }), async () => fullRig(consumes)]) {
        const { stream, writeBuffer } = await make();
        const before = join([stream.taken, ...(stream.writableLength > 0 ? [frameOf("first")] : [])]);
        writeBuffer.addText(text);
        writeBuffer.addText("b");
        writeBuffer.addClose(hex("03 e8"));
        writeBuffer.addText(text);
        writeBuffer.end();
        expect(stream.ended).toBe(!writeBuffer.writer.isFull);
        stream.flow();
        await turns();
        const closing = encode({ opcode: 8, payload: hex("03 e8") });
        expect(toHex(stream.taken)).toBe(toHex(join([before, frameOf(text), frameOf("b"), closing, frameOf(text)])));
        expect(stream.ended).toBe(true);
      }
    },
  );

  test.each(["plain", "not plain: \u20ac"])("are dropped by dropUnsent on a full stream only: %s", async (text) => {
    const free = rig({ consumes });
    free.writeBuffer.addText(text);
    free.writeBuffer.dropUnsent();
    free.writeBuffer.addText("last");
    await turns();
    expect(toHex(free.stream.taken)).toBe(toHex(join([frameOf(text), frameOf("last")])));

    const full = await fullRig(consumes);
    full.writeBuffer.addText(text);
    await turns();
    full.writeBuffer.addText(text);
    full.writeBuffer.dropUnsent();
    full.writeBuffer.addText("last");
    expect(full.writeBuffer.size).toBe(7 + 6);
    full.stream.flow();
    await turns();
    expect(toHex(full.stream.taken)).toBe(toHex(join([frameOf("first"), frameOf("last")])));
  });

  test("wait for a full stream, over many turns, and are counted all the time", async () => {
    const { stream, writeBuffer } = await fullRig(consumes);
    const texts = ["a", "x".repeat(126), "\u00e9", "b", "", "x".repeat(512), "\ud83d", "c"];
    let size = 7;
    for (const text of texts) {
      writeBuffer.addText(text);
      size += frameOf(text).length;
      expect(writeBuffer.size).toBe(size);
      await turns(1);
      expect(writeBuffer.size).toBe(size);
    }
    stream.flow();
    await turns();
    expect(toHex(stream.taken)).toBe(toHex(join([frameOf("first"), ...texts.map(frameOf)])));
    expect(writeBuffer.size).toBe(0);
  });
});

describe("leastSize", () => {
  test("counts texts as if they were ASCII, and is exact when they are", () => {
    const { writeBuffer } = rig();
    writeBuffer.addText("abc");
    expect(writeBuffer.minimumSize).toBe(5);
    writeBuffer.addText("\u20ac\u20ac");
    expect(writeBuffer.minimumSize).toBe(5 + 4);
    expect(writeBuffer.size).toBe(5 + 8);
    expect(writeBuffer.minimumSize).toBe(5 + 8);
  });
});

describe("a real socket", () => {
  test("gets texts unchanged, also those that it cannot take at once, which are counted meanwhile", async () => {
    const { promise, resolve } = deferred<Socket>();
    const server = createServer(resolve);
    onTestFinished(() => void server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const far = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
    onTestFinished(() => void far.destroy());
    const near = await promise;
    onTestFinished(() => void near.destroy());
    const writeBuffer = new WriteBuffer(new StreamWriter(near, true), encoderOf("server"));
    near.on("drain", () => writeBuffer.onDrain());
    // The peer does not read: what the system does not take waits in the socket and then here.
    far.pause();
    const texts: string[] = [];
    const frames: Bytes[] = [];
    while (texts.length < 2000 || writeBuffer.size < 500_000) {
      const i = texts.length;
      const one = `${i} `.padEnd((i * 37) % 600, i % 50 === 49 ? "\u20ac" : "-");
      texts.push(one);
      frames.push(frameOf(one));
      writeBuffer.addText(one);
      if (i % 40 === 0) await turns(1);
    }
    await turns();
    // Other connections reuse the memory of the frames meanwhile.
    const other = rig({ consumes: false });
    for (let i = 0; i < 100; i++) other.writeBuffer.addText("\u00ee".repeat(500));
    const received: Buffer[] = [];
    far.on("data", (chunk) => received.push(chunk));
    writeBuffer.end();
    far.resume();
    await once(far, "end");
    expect(Buffer.compare(Buffer.concat(received), join(frames))).toBe(0);
    expect(writeBuffer.size).toBe(0);
  });
});

/** One thing that happens to a write buffer or its stream. `frame`: the expected frame on the wire. */
type Step =
  | { readonly kind: "turn" | "stick" | "flow" | "take" | "hold" | "size" }
  | {
      readonly kind: "text" | "shared" | "binary" | "ping";
      readonly frame: Bytes;
      readonly send: (writeBuffer: WriteBuffer) => void;
    };

const shared = ["s1", "s2", "s".repeat(200), "\u20ac".repeat(30), "S".repeat(MAX_COPIED)].map((text) =>
  textFrame(text),
);

const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 30 }) },
  { weight: 3, arbitrary: fc.constantFrom(...LENGTHS).map((length) => "t".repeat(length)) },
  {
    weight: 3,
    arbitrary: fc.array(fc.constantFrom(...CHARACTERS), { maxLength: 20 }).map((characters) => characters.join("")),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...CHARACTERS), fc.constantFrom(...LENGTHS))
      .map(([character, length]) => character.repeat(length)),
  },
);

const added: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: text.map((one): Step => ({
      kind: "text",
      frame: frameOf(one),
      send: (writeBuffer) => writeBuffer.addText(one),
    })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...shared)
      .map((frame): Step => ({ kind: "shared", frame, send: (writeBuffer) => writeBuffer.addShared(frame) })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...LENGTHS, MAX_COPIED - 4, MAX_COPIED, 70_000)
      .map((length) => fill(length & 0xff, length))
      .map((payload): Step => ({
        kind: "binary",
        frame: encode({ opcode: BINARY, payload }),
        send: (writeBuffer) => writeBuffer.addMessage(BINARY, payload),
      })),
  },
  {
    weight: 1,
    arbitrary: fc
      .nat({ max: 300 })
      .map((length) => encode({ opcode: BINARY, payload: fill(0xaa, length) }))
      .map((frame): Step => ({ kind: "shared", frame, send: (writeBuffer) => writeBuffer.addShared(frame) })),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 125 }).map((payload): Step => ({
      kind: "ping",
      frame: encode({ opcode: PING, payload }),
      send: (writeBuffer) => writeBuffer.addControl(PING, join([payload])),
    })),
  },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: added },
  {
    weight: 5,
    arbitrary: fc.constantFrom("turn", "turn", "stick", "flow", "take", "hold", "size").map((kind): Step => ({ kind })),
  },
);

/** Data frames and pings in the order of the wire. Pings may overtake data. */
function inOrder(frames: readonly Uint8Array[]): { data: string; pings: string[] } {
  const isPing = (frame: Uint8Array): boolean => (frame[0]! & 0x0f) === PING;
  return {
    data: toHex(join(frames.filter((frame) => !isPing(frame)))),
    pings: frames.filter(isPing).map(toHex).sort(),
  };
}

/** Runs the steps, and compares the size and at last the wire with the added messages. */
async function runSteps(consumes: boolean, mark: number, steps: readonly Step[]): Promise<void> {
  const { stream, writeBuffer } = rig({ consumes, highWaterMark: mark });
  const expected: Bytes[] = [];
  let total = 0;
  let held = false;
  const release = (): void => {
    if (held) writeBuffer.releaseWrites();
    held = false;
  };
  for (const one of steps) {
    if ("send" in one) {
      one.send(writeBuffer);
      expected.push(one.frame);
      total += one.frame.length;
    } else if (one.kind === "turn") {
      release();
      await turns(1);
    } else if (one.kind === "hold") {
      held = true;
      writeBuffer.holdWrites();
    } else if (one.kind === "stick") stream.stick();
    else if (one.kind === "flow") stream.flow();
    else if (one.kind === "take") stream.takeOne();
    // Reading the size encodes texts that are not ASCII, so both are tried: reading it at any time, and not reading it.
    else expect(writeBuffer.size).toBe(total - stream.taken.length);
    expect(writeBuffer.minimumSize).toBeLessThanOrEqual(total - stream.taken.length);
  }
  expect(writeBuffer.size).toBe(total - stream.taken.length);
  release();
  stream.flow();
  writeBuffer.end();
  await turns();
  const { taken } = stream;
  expect(taken).toHaveLength(total);
  // Their sizes add up, so each frame has the shortest header, and encoding them again gives the bytes of the wire.
  expect(inOrder(framesIn(taken).map((frame) => encode(frame)))).toEqual(inOrder(expected));
  expect(writeBuffer.size).toBe(0);
}

describe("texts among other messages, over a stream that takes them at any time", () => {
  test.each([true, false])("arrive unchanged, and are counted to the byte (consumes: %s)", async (consumes) => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 100, 1000, 16_384, 1_000_000),
        fc.array(step, { minLength: 5, maxLength: 80, size: "max" }),
        (mark, steps) => runSteps(consumes, mark, steps),
      ),
      { seed, numRuns: cases(250) },
    );
  });
});
