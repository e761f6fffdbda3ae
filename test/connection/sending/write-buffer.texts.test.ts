import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { WriteBuffer } from "../../../src/connection/sending/write-buffer.ts";
import { LARGEST_CUT } from "../../../src/connection/sending/slab.ts";
import { textFrame } from "../../../src/connection/sending/text-frames.ts";
import type { Bytes } from "../../../src/protocol/bytes.ts";
import { fill, hex, join, toHex, utf8 } from "../../support/bytes.ts";
import { encode } from "../../support/frames.ts";
import { cases, seed } from "../../support/fuzz.ts";
import { gate } from "../../support/peer.ts";
import { framesIn } from "../../support/sent-frames.ts";
import { Wire, type WireOptions, turns } from "../../support/wire.ts";
import { StreamWriter } from "../../../src/connection/transport/stream-writer.ts";
import { encoderOf } from "../../../src/connection/sending/encoders.ts";

const BINARY = 2;
const PING = 9;
const PONG = 10;

/** Lengths about which something changes: headers, their high bytes, what is joined and what is not. */
const LENGTHS = [0, 1, 125, 126, 127, 128, 255, 256, 383, 384, 511, 512, 513, 600, 5460, 5461] as const;

/** Characters of one, two, three and four bytes, and surrogates without their pair, which are U+FFFD on the wire. */
const CHARACTERS = ["a", "\u007f", "\u0080", "\u0081", "\u00e9", "\u20ac", "\u{1f600}", "\ud83d", "\ude00"] as const;

/** A server's frame of a text, by nothing of src/. */
function frameOf(text: string): Bytes {
  return encode({ opcode: 1, payload: utf8(text) });
}

interface Rig {
  readonly stream: Wire;
  readonly outbox: WriteBuffer;
}

function rig({ consumes = true, ...options }: WireOptions & { consumes?: boolean } = {}): Rig {
  const stream = new Wire(options);
  const outbox = new WriteBuffer(new StreamWriter(stream, consumes), encoderOf("server"));
  stream.on("drain", () => outbox.onDrain());
  return { stream, outbox };
}

/** A rig whose stream is full: `first` waits in it. */
async function fullRig(consumes: boolean): Promise<Rig> {
  const full = rig({ consumes, highWaterMark: 1 });
  full.stream.stick();
  full.outbox.addText("first");
  await turns();
  return full;
}

/** What is sent, all in one turn, must be this on the wire; its size is told before. */
async function expectSent(
  consumes: boolean,
  send: (outbox: WriteBuffer) => void,
  expected: readonly Uint8Array[],
): Promise<void> {
  for (const ask of [true, false]) {
    const { stream, outbox } = rig({ consumes, highWaterMark: 10_000_000 });
    send(outbox);
    expect(outbox.minimumSize).toBeLessThanOrEqual(join(expected).length);
    if (ask) expect(outbox.size).toBe(join(expected).length);
    await turns();
    expect(stream.writes).toHaveLength(1);
    expect(toHex(stream.taken)).toBe(toHex(join(expected)));
    expect(outbox.size).toBe(0);
    // The next turn begins with nothing left over.
    outbox.addText("next");
    expect(outbox.size).toBe(6);
    await turns();
    expect(toHex(stream.taken)).toBe(toHex(join([...expected, frameOf("next")])));
  }
}

describe.each([true, false])("texts of one turn, over a stream that is done with memory at once (%s)", (consumes) => {
  test.each(LENGTHS)("of %i letters are their frames, one and several", async (length) => {
    const text = "x".repeat(length);
    await expectSent(consumes, (outbox) => outbox.addText(text), [frameOf(text)]);
    const several = [text, "", "y", text, text];
    await expectSent(consumes, (outbox) => several.forEach((one) => outbox.addText(one)), several.map(frameOf));
  });

  test.each(CHARACTERS)("with %j in one of them are their frames, wherever that is", async (character) => {
    for (const length of [0, 62, 63, 124, 125, 126, 127, 128, 255, 256, 512]) {
      const other = character + "x".repeat(Math.max(0, length - character.length));
      for (const texts of [[other], [other, "b", "c"], ["a", other, "c"], ["a", "b", other], [other, other]]) {
        await expectSent(consumes, (outbox) => texts.forEach((text) => outbox.addText(text)), texts.map(frameOf));
      }
    }
  });

  test.each(CHARACTERS)("that consist of %j are their frames", async (character) => {
    const texts = LENGTHS.map((length) => character.repeat(length));
    await expectSent(consumes, (outbox) => texts.forEach((text) => outbox.addText(text)), texts.map(frameOf));
  });

  test("of which one ends with half a pair and the next begins with the other half are not joined to a character", async () => {
    const texts = ["a\ud83d", "\ude00b", "\ud83d", "\ude00"];
    await expectSent(consumes, (outbox) => texts.forEach((text) => outbox.addText(text)), texts.map(frameOf));
  });

  test.each([16, 17, 126, 400, 512])("of %i letters may be more than are joined", async (length) => {
    const texts = Array.from({ length: Math.ceil(40_000 / length) }, (_, i) => `${i}`.padEnd(length, "-"));
    await expectSent(consumes, (outbox) => texts.forEach((text) => outbox.addText(text)), texts.map(frameOf));
    const last = [...texts, "\u20ac"];
    await expectSent(consumes, (outbox) => last.forEach((text) => outbox.addText(text)), last.map(frameOf));
  });

  test.each([16_370, 16_380, 16_381, 16_382, 16_383, 16_384, 16_385, 16_386, 16_388])(
    "may end at %i bytes, about where as many as can be are joined",
    async (total) => {
      // 32 frames of 512 and what is left; with headers some are above the mark and some below.
      const texts = Array.from({ length: 31 }, () => "x".repeat(508));
      const left = total - 31 * 512;
      texts.push("y".repeat(Math.max(0, left - 4)));
      await expectSent(consumes, (outbox) => texts.forEach((text) => outbox.addText(text)), texts.map(frameOf));
      const mixed = ["\u00e9", ...texts];
      await expectSent(consumes, (outbox) => mixed.forEach((text) => outbox.addText(text)), mixed.map(frameOf));
      const raw = textFrame("raw");
      await expectSent(
        consumes,
        (outbox) => {
          texts.forEach((text) => outbox.addText(text));
          outbox.addShared(raw);
        },
        [...texts.map(frameOf), raw],
      );
    },
  );

  test.each(["b", "\u20ac"])("keep their place between all else that is sent: %j", async (character) => {
    const large = fill(7, LARGEST_CUT + 100);
    const text = `a${character}`;
    const others: readonly (readonly [(outbox: WriteBuffer) => void, Uint8Array])[] = [
      [(outbox) => outbox.addMessage(BINARY, hex("00 ff")), encode({ opcode: BINARY, payload: hex("00 ff") })],
      [(outbox) => outbox.addMessage(BINARY, large), encode({ opcode: BINARY, payload: large })],
      [(outbox) => outbox.addShared(textFrame("shared")), frameOf("shared")],
      [(outbox) => outbox.addShared(textFrame("s".repeat(20_000))), frameOf("s".repeat(20_000))],
      [(outbox) => outbox.addControl(PING, utf8("p")), encode({ opcode: PING, payload: utf8("p") })],
      [(outbox) => outbox.addControl(PONG, utf8("p")), encode({ opcode: PONG, payload: utf8("p") })],
      [(outbox) => outbox.addText("long".repeat(2000)), frameOf("long".repeat(2000))],
      [(outbox) => outbox.addClose(hex("03 e8")), encode({ opcode: 8, payload: hex("03 e8") })],
    ];
    for (const [send, sent] of others) {
      const twice = (outbox: WriteBuffer): void => {
        outbox.addText(text);
        outbox.addText("c");
        send(outbox);
        outbox.addText("d");
        outbox.addText(text);
        send(outbox);
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
      const { stream, outbox } = rig({ consumes });
      outbox.holdWrites();
      for (const text of texts) outbox.addText(text);
      expect(stream.writes).toEqual([]);
      outbox.releaseWrites();
      expect(stream.writes).toHaveLength(1);
      expect(toHex(stream.taken)).toBe(toHex(join(texts.map(frameOf))));
      expect(outbox.size).toBe(0);
    }
  });

  test.each(["plain", "not plain: \u20ac"])(
    "are forgotten by drop, and no text behind that is lost: %s",
    async (text) => {
      const { stream, outbox } = rig({ consumes });
      outbox.addText(text);
      outbox.addText(text);
      outbox.drop();
      expect([outbox.minimumSize, outbox.size]).toEqual([0, 0]);
      await turns();
      expect(stream.writes).toEqual([]);
      outbox.addText("x".repeat(200));
      outbox.addText("after");
      expect(outbox.size).toBe(204 + 7);
      await turns();
      expect(toHex(stream.taken)).toBe(toHex(join([frameOf("x".repeat(200)), frameOf("after")])));
    },
  );

  test("that were forgotten leave nothing by which the next are taken for ASCII", async () => {
    for (const length of [0, 200, 384]) {
      for (let more = 1; more < 8; more++) {
        const { stream, outbox } = rig({ consumes });
        for (let i = 0; i < 3; i++) outbox.addText("x".repeat(length));
        outbox.drop();
        // Each is a byte more than it has characters, and so is a header's byte above 0x7f.
        const text = "\u00e9".repeat(more);
        outbox.addText(text);
        await turns();
        expect(toHex(stream.taken)).toBe(toHex(frameOf(text)));
      }
    }
  });

  test.each(["plain", "not plain: \u20ac"])(
    "are written by end, behind what waits and before the close frame: %s",
    async (text) => {
      for (const make of [async () => rig({ consumes }), async () => fullRig(consumes)]) {
        const { stream, outbox } = await make();
        const before = join([stream.taken, ...(stream.writableLength > 0 ? [frameOf("first")] : [])]);
        outbox.addText(text);
        outbox.addText("b");
        outbox.addClose(hex("03 e8"));
        outbox.addText(text);
        outbox.end();
        expect(stream.ended).toBe(!outbox.isFull);
        stream.flow();
        await turns();
        const closing = encode({ opcode: 8, payload: hex("03 e8") });
        expect(toHex(stream.taken)).toBe(toHex(join([before, frameOf(text), frameOf("b"), closing, frameOf(text)])));
        expect(stream.ended).toBe(true);
      }
    },
  );

  test.each(["plain", "not plain: \u20ac"])("make way by yield on a full stream only: %s", async (text) => {
    const free = rig({ consumes });
    free.outbox.addText(text);
    free.outbox.dropUnsent();
    free.outbox.addText("last");
    await turns();
    expect(toHex(free.stream.taken)).toBe(toHex(join([frameOf(text), frameOf("last")])));

    const full = await fullRig(consumes);
    full.outbox.addText(text);
    await turns();
    full.outbox.addText(text);
    full.outbox.dropUnsent();
    full.outbox.addText("last");
    expect(full.outbox.size).toBe(7 + 6);
    full.stream.flow();
    await turns();
    expect(toHex(full.stream.taken)).toBe(toHex(join([frameOf("first"), frameOf("last")])));
  });

  test("wait for a stream that is full, over many turns, and are counted all the time", async () => {
    const { stream, outbox } = await fullRig(consumes);
    const texts = ["a", "x".repeat(126), "\u00e9", "b", "", "x".repeat(512), "\ud83d", "c"];
    let size = 7;
    for (const text of texts) {
      outbox.addText(text);
      size += frameOf(text).length;
      expect(outbox.size).toBe(size);
      await turns(1);
      expect(outbox.size).toBe(size);
    }
    stream.flow();
    await turns();
    expect(toHex(stream.taken)).toBe(toHex(join([frameOf("first"), ...texts.map(frameOf)])));
    expect(outbox.size).toBe(0);
  });
});

describe("leastSize", () => {
  test("counts texts as if they were ASCII, and is exact when they are", () => {
    const { outbox } = rig();
    outbox.addText("abc");
    expect(outbox.minimumSize).toBe(5);
    outbox.addText("\u20ac\u20ac");
    expect(outbox.minimumSize).toBe(5 + 4);
    expect(outbox.size).toBe(5 + 8);
    expect(outbox.minimumSize).toBe(5 + 8);
  });
});

describe("a real socket", () => {
  test("gets texts as they were sent, also those that it cannot take at once, and is counted meanwhile", async () => {
    const { promise, open } = gate<Socket>();
    const server = createServer(open);
    onTestFinished(() => void server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const far = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
    onTestFinished(() => void far.destroy());
    const near = await promise;
    onTestFinished(() => void near.destroy());
    const outbox = new WriteBuffer(new StreamWriter(near, true), encoderOf("server"));
    near.on("drain", () => outbox.onDrain());
    // Nobody reads: what the operating system does not take waits in the socket and then here.
    far.pause();
    const texts: string[] = [];
    const frames: Bytes[] = [];
    while (texts.length < 2000 || outbox.size < 500_000) {
      const i = texts.length;
      const one = `${i} `.padEnd((i * 37) % 600, i % 50 === 49 ? "\u20ac" : "-");
      texts.push(one);
      frames.push(frameOf(one));
      outbox.addText(one);
      if (i % 40 === 0) await turns(1);
    }
    await turns();
    // The memory in which all frames were made is used again by others meanwhile.
    const other = rig({ consumes: false });
    for (let i = 0; i < 100; i++) other.outbox.addText("\u00ee".repeat(500));
    const received: Buffer[] = [];
    far.on("data", (chunk) => received.push(chunk));
    outbox.end();
    far.resume();
    await once(far, "end");
    expect(Buffer.compare(Buffer.concat(received), join(frames))).toBe(0);
    expect(outbox.size).toBe(0);
  });
});

/** One thing that happens to an outbox or its stream. `frame`: what must come of it on the wire. */
type Step =
  | { readonly kind: "turn" | "stick" | "flow" | "take" | "hold" | "size" }
  | {
      readonly kind: "text" | "shared" | "binary" | "ping";
      readonly frame: Bytes;
      readonly send: (outbox: WriteBuffer) => void;
    };

const shared = ["s1", "s2", "s".repeat(200), "\u20ac".repeat(30), "S".repeat(LARGEST_CUT)].map(textFrame);

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
    arbitrary: text.map((one): Step => ({ kind: "text", frame: frameOf(one), send: (outbox) => outbox.addText(one) })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...shared)
      .map((frame): Step => ({ kind: "shared", frame, send: (outbox) => outbox.addShared(frame) })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...LENGTHS, LARGEST_CUT - 4, LARGEST_CUT, 70_000)
      .map((length) => fill(length & 0xff, length))
      .map((payload): Step => ({
        kind: "binary",
        frame: encode({ opcode: BINARY, payload }),
        send: (outbox) => outbox.addMessage(BINARY, payload),
      })),
  },
  {
    weight: 1,
    arbitrary: fc
      .nat({ max: 300 })
      .map((length) => encode({ opcode: BINARY, payload: fill(0xaa, length) }))
      .map((frame): Step => ({ kind: "shared", frame, send: (outbox) => outbox.addShared(frame) })),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 125 }).map((payload): Step => ({
      kind: "ping",
      frame: encode({ opcode: PING, payload }),
      send: (outbox) => outbox.addControl(PING, join([payload])),
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

/** Data frames in the order of the wire, and pings: those may overtake data, and so those that lie between the data. */
function inOrder(frames: readonly Uint8Array[]): { data: string; pings: string[] } {
  const isPing = (frame: Uint8Array): boolean => (frame[0]! & 0x0f) === PING;
  return {
    data: toHex(join(frames.filter((frame) => !isPing(frame)))),
    pings: frames.filter(isPing).map(toHex).sort(),
  };
}

/** Runs the steps, and holds the size and at last the wire against what was added. */
async function runSteps(consumes: boolean, mark: number, steps: readonly Step[]): Promise<void> {
  const { stream, outbox } = rig({ consumes, highWaterMark: mark });
  const expected: Bytes[] = [];
  let total = 0;
  let held = false;
  const release = (): void => {
    if (held) outbox.releaseWrites();
    held = false;
  };
  for (const one of steps) {
    if ("send" in one) {
      one.send(outbox);
      expected.push(one.frame);
      total += one.frame.length;
    } else if (one.kind === "turn") {
      release();
      await turns(1);
    } else if (one.kind === "hold") {
      held = true;
      outbox.holdWrites();
    } else if (one.kind === "stick") stream.stick();
    else if (one.kind === "flow") stream.flow();
    else if (one.kind === "take") stream.takeOne();
    // Asking encodes what is not plain: that it is asked at any time, and that it is not, must both be tried.
    else expect(outbox.size).toBe(total - stream.taken.length);
    expect(outbox.minimumSize).toBeLessThanOrEqual(total - stream.taken.length);
  }
  expect(outbox.size).toBe(total - stream.taken.length);
  release();
  stream.flow();
  outbox.end();
  await turns();
  const { taken } = stream;
  expect(taken).toHaveLength(total);
  // Their sizes add up, so each frame has the shortest header: written anew they are the bytes of the wire.
  expect(inOrder(framesIn(taken).map((frame) => encode(frame)))).toEqual(inOrder(expected));
  expect(outbox.size).toBe(0);
}

describe("texts among all else, over a stream that takes them when it likes", () => {
  test.each([true, false])("come out as they went in, and are counted to the byte (consumes: %s)", async (consumes) => {
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
