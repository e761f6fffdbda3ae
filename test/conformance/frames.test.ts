import { describe, expect, test } from "vitest";
import { type Recorder, startServer } from "../support/live-server.ts";
import { closeBody, masked, type Raw, RawClient, type RawFrame } from "../support/raw-client.ts";

interface Outcome {
  readonly frames: readonly RawFrame[];
  readonly recorder: Recorder;
}

/** Sends the parts to a new server as one chunk, and waits until the server has closed and its handler knows. */
async function exchange(...parts: readonly Raw[]): Promise<Outcome> {
  const { port, recorders } = await startServer();
  const client = await RawClient.open(port);
  client.write(...parts);
  const frames = await client.frames();
  client.end();
  const recorder = recorders[0]!;
  await recorder.over;
  return { frames, recorder };
}

/** RFC 6455 7.1.7: one close frame with the code, then the end; nothing after it is delivered. */
async function expectFailing(code: number, ...parts: readonly Raw[]): Promise<void> {
  const { frames, recorder } = await exchange(...parts, masked(0x81, "after"), masked(0x88, closeBody(1000)));
  expect(frames.map((frame) => frame.opcode)).toEqual([0x8]);
  expect(frames[0]?.payload.readUInt16BE()).toBe(code);
  expect(recorder.messages).toEqual([]);
  expect(recorder.calls.map(([callback]) => callback)).toEqual(["open", "error", "terminate"]);
  expect(recorder.end).toEqual([1006, undefined]);
}

/** What the server's handler got, after a clean close. */
async function received(...parts: readonly Raw[]): Promise<readonly unknown[]> {
  const { frames, recorder } = await exchange(...parts, masked(0x88, closeBody(1000)));
  expect(frames.at(-1)?.payload).toEqual(closeBody(1000));
  expect(recorder.calls.map(([callback]) => callback)).not.toContain("error");
  return recorder.messages;
}

/** The first frames of what a new server sends when it opens. */
async function sent(messages: readonly (string | Uint8Array)[]): Promise<readonly RawFrame[]> {
  const { port } = await startServer({
    open(ws) {
      for (const message of messages) ws.send(message);
      ws.terminate(1000);
    },
  });
  const client = await RawClient.open(port);
  const close = masked(0x88, closeBody(1000));
  client.write(close);
  return client.frames();
}

/** The frames up to the first with an opcode. */
async function framesTo(client: RawClient, opcode: number): Promise<RawFrame[]> {
  const frames: RawFrame[] = [];
  do frames.push((await client.frame())!);
  while (frames.at(-1)!.opcode !== opcode);
  return frames;
}

const KEY = [0x37, 0xfa, 0x21, 0x3d];

describe("what the server sends", () => {
  // shows 6455-5.1-3, 6455-5.2-1
  test("no frame is masked and no reserved bit is set", async () => {
    const { port } = await startServer({
      open(ws) {
        ws.send("text");
        ws.send(Uint8Array.of(1, 2, 3));
        ws.send("x".repeat(200));
        ws.send("y".repeat(70_000));
      },
    });
    const client = await RawClient.open(port);
    client.write(masked(0x89, "ping"));
    const frames = await framesTo(client, 0xa);
    // Not before: after a close frame no pong is due (RFC 6455 5.5.2).
    client.write(masked(0x88, closeBody(1000)));
    frames.push(...(await client.frames()));
    expect(new Set(frames.map((frame) => frame.opcode))).toEqual(new Set([0x1, 0x2, 0x8, 0xa]));
    expect(frames.filter((frame) => frame.masked || frame.rsv !== 0)).toEqual([]);
  });

  // shows 6455-5.2-5
  test.each([
    [0, 1],
    [125, 1],
    [126, 3],
    [65_535, 3],
    [65_536, 9],
  ])("a length of %i takes %i bytes", async (length, lengthBytes) => {
    const frames = await sent(["x".repeat(length), new Uint8Array(length)]);
    expect(frames.map((frame) => frame.payload.length)).toEqual([length, length, 2]);
    expect(frames.map((frame) => frame.lengthBytes)).toEqual([lengthBytes, lengthBytes, 1]);
  });

  // shows 6455-6.1-3, 6455-6.1-4, 6455-6.1-5, 6455-6.1-7
  test("each message leaves whole, in order, as text or binary", async () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff);
    const frames = await sent(["", "héllo €", bytes, new Uint8Array(0), "😀".repeat(40)]);
    expect(frames.map(({ fin, opcode, payload }) => ({ fin, opcode, payload: payload.toString("hex") }))).toEqual([
      { fin: true, opcode: 1, payload: "" },
      { fin: true, opcode: 1, payload: Buffer.from("héllo €").toString("hex") },
      { fin: true, opcode: 2, payload: Buffer.from(bytes).toString("hex") },
      { fin: true, opcode: 2, payload: "" },
      { fin: true, opcode: 1, payload: Buffer.from("😀".repeat(40)).toString("hex") },
      { fin: true, opcode: 8, payload: "03e8" },
    ]);
  });

  // shows 6455-6.1-3, 6455-6.1-5, 6455-6.1-7
  test("a message of 1 MiB arrives whole, in one frame or in fragments of which only the last has FIN", async () => {
    const bytes = Uint8Array.from({ length: 1024 * 1024 }, (_, i) => (i * 7) & 0xff);
    const frames = (await sent([bytes])).slice(0, -1);
    expect(frames.map((frame) => frame.opcode)).toEqual(frames.map((_, i) => (i === 0 ? 2 : 0)));
    expect(frames.map((frame) => frame.fin)).toEqual(frames.map((_, i) => i === frames.length - 1));
    expect(Buffer.concat(frames.map((frame) => frame.payload)).equals(bytes)).toBe(true);
  });
});

describe("masking", () => {
  // shows 6455-5.1-2
  test.each([
    ["text", [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]],
    ["empty text", [0x81, 0x00]],
    ["ping", [0x89, 0x00]],
    ["close", [0x88, 0x02, 0x03, 0xe8]],
  ])("a %s frame that is not masked fails with 1002", async (_kind, bytes) => {
    await expectFailing(1002, bytes);
  });

  // shows 6455-5.3-5
  test("the RFC's masked example is Hello", async () => {
    expect(await received([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])).toEqual(["Hello"]);
  });

  // shows 6455-5.3-5
  test.each([[[0, 0, 0, 0]], [[0xff, 0, 0, 0]], [[0, 0xff, 0x80, 1]], [[0x80, 0x81, 0x82, 0x83]]])(
    "the key %j is undone at every length",
    async (key) => {
      const lengths = [0, 1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 66, 67, 125, 1000];
      const payloads = lengths.map((length) => Buffer.from(Array.from({ length }, (_, i) => (i * 31 + length) & 0xff)));
      expect(await received(...payloads.map((payload) => masked(0x82, payload, key)))).toEqual(payloads);
    },
  );
});

describe("reserved bits and opcodes", () => {
  // shows 6455-5.2-2
  test.each([
    ["RSV1 on text", 0xc1],
    ["RSV2 on text", 0xa1],
    ["RSV3 on binary", 0x92],
    ["RSV1 on a ping", 0xc9],
    ["RSV2 on a pong", 0xaa],
    ["RSV3 on a close", 0x98],
    ["all three on a first fragment", 0x71],
  ])("%s fails with 1002", async (_what, first) => {
    await expectFailing(1002, masked(first));
  });

  // shows 6455-5.2-2
  test("RSV1 on a continuation fails with 1002", async () => {
    await expectFailing(1002, masked(0x01, "a"), masked(0xc0, "b"));
  });

  // shows 6455-5.2-3
  test.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])("opcode %i fails with 1002", async (opcode) => {
    await expectFailing(1002, masked(0x80 | opcode));
  });
});

describe("lengths", () => {
  // shows 6455-5.2-4
  test.each([
    ["text", 0x81],
    ["binary", 0x82],
    ["a first fragment", 0x01],
  ])("a 64-bit length with its highest bit set fails with 1002: %s", async (_kind, first) => {
    await expectFailing(1002, [first, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, ...KEY]);
  });

  // shows 6455-5.2-6
  test.each([
    ["0 in 16 bits", [0xfe, 0, 0]],
    ["125 in 16 bits", [0xfe, 0, 125]],
    ["5 in 64 bits", [0xff, 0, 0, 0, 0, 0, 0, 0, 5]],
    ["126 in 64 bits", [0xff, 0, 0, 0, 0, 0, 0, 0, 126]],
    ["65535 in 64 bits", [0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]],
  ])("%s fails with 1002", async (_what, length) => {
    await expectFailing(1002, [0x82, ...length, ...KEY], new Uint8Array(200));
  });

  // shows 6455-5.2-7
  test.each([0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, 65_537, 300_000])(
    "a message of %i bytes is read",
    async (length) => {
      const payload = Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 13) & 0xff));
      const messages = await received(masked(0x82, payload), masked(0x81, "after"));
      expect(messages.map((message) => Buffer.from(message as Buffer).equals(payload))[0]).toBe(true);
      expect(messages[1]).toBe("after");
    },
  );
});

describe("fragments", () => {
  // shows 6455-5.4-2, 6455-5.4-5
  test("fragments are joined in the order in which they came", async () => {
    const messages = await received(
      masked(0x01, "one "),
      masked(0x00, "two "),
      masked(0x00),
      masked(0x80, "three"),
      masked(0x81, "whole"),
    );
    expect(messages).toEqual(["one two three", "whole"]);
  });

  // shows 6455-5.4-5
  test("a message may consist of empty fragments", async () => {
    expect(await received(masked(0x01), masked(0x00), masked(0x80), masked(0x02), masked(0x80))).toEqual([
      "",
      Buffer.alloc(0),
    ]);
  });

  // shows 6455-5.4-3
  test.each([
    ["text inside text", 0x01, 0x81],
    ["binary inside text", 0x01, 0x82],
    ["text inside binary", 0x02, 0x01],
  ])("%s fails with 1002", async (_what, first, second) => {
    await expectFailing(1002, masked(first, "a"), masked(second, "b"));
  });

  // shows 6455-5.4-12
  test.each([
    ["last", 0x80],
    ["middle", 0x00],
  ])("a %s fragment of nothing fails with 1002", async (_what, first) => {
    await expectFailing(1002, masked(first, "a"));
  });

  // shows 6455-5.4-12
  test("a message that is whole cannot be continued", async () => {
    const { frames, recorder } = await exchange(masked(0x81, "whole"), masked(0x80, "more"));
    expect(frames.map((frame) => frame.payload.readUInt16BE())).toEqual([1002]);
    expect(recorder.messages).toEqual(["whole"]);
  });

  // shows 6455-5.4-4
  test("control frames are handled between fragments", async () => {
    const { frames, recorder } = await exchange(
      masked(0x01, "a"),
      masked(0x89, "ping"),
      masked(0x00, "b"),
      masked(0x8a, "pong"),
      masked(0x80, "c"),
      masked(0x88, closeBody(1000)),
    );
    expect(frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
      [0xa, "ping"],
      [0x8, closeBody(1000).toString()],
    ]);
    expect(recorder.messages).toEqual(["abc"]);
  });

  // shows 6455-5.4-4
  test("a close frame between fragments closes: the message is not delivered", async () => {
    const { frames, recorder } = await exchange(masked(0x01, "a"), masked(0x88, closeBody(1000)), masked(0x80, "b"));
    expect(frames.map((frame) => frame.payload)).toEqual([closeBody(1000)]);
    expect(recorder.messages).toEqual([]);
  });

  // shows 6455-5.4-10, 6455-6.2-4
  test("the first fragment says whether a message is text or binary, and the next message is its own", async () => {
    const messages = await received(
      masked(0x01, "te"),
      masked(0x80, "xt"),
      masked(0x02, "by"),
      masked(0x80, "tes"),
      masked(0x81, "t"),
      masked(0x82, "b"),
    );
    expect(messages).toEqual(["text", Buffer.from("bytes"), "t", Buffer.from("b")]);
  });

  // shows 6455-5.4-11
  test("the same bytes give the same messages, however they are cut", async () => {
    const bytes = Buffer.concat([
      masked(0x81, "first"),
      masked(0x02, [1, 2]),
      masked(0x89, "ping"),
      masked(0x80, [3]),
      masked(0x81, "x".repeat(200)),
      masked(0x88, closeBody(1000)),
    ]);
    const expected = ["first", Buffer.from([1, 2, 3]), "x".repeat(200)];
    expect((await exchange(bytes)).recorder.messages).toEqual(expected);

    const { port, recorders } = await startServer();
    const client = await RawClient.open(port);
    for (const byte of bytes) {
      client.write([byte]);
      // Let each byte leave as a packet of its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.frames();
    client.end();
    await recorders[0]!.over;
    expect(recorders[0]!.messages).toEqual(expected);
  });
});

describe("control frames", () => {
  // shows 6455-5.5-1
  test.each([
    ["ping", 0x89],
    ["pong", 0x8a],
    ["close", 0x88],
  ])("a %s of 126 bytes fails with 1002", async (_kind, first) => {
    await expectFailing(1002, masked(first, "x".repeat(126)));
  });

  // shows 6455-5.5-1
  test("a ping in the 64-bit form fails with 1002 before its payload is there", async () => {
    await expectFailing(1002, [0x89, 0xff]);
  });

  // shows 6455-5.5-2
  test.each([
    ["ping", 0x09],
    ["pong", 0x0a],
    ["close", 0x08],
  ])("a %s without FIN fails with 1002", async (_kind, first) => {
    await expectFailing(1002, masked(first));
  });

  // shows 6455-5.5.2-1, 6455-5.5.3-1
  test.each([
    ["nothing", ""],
    ["text", "Hello"],
    ["any bytes", "\x00\xff\x80"],
    ["125 bytes", "p".repeat(125)],
  ])("a ping with %s is answered with a pong that has the same", async (_what, payload) => {
    const { frames } = await exchange(masked(0x89, payload), masked(0x88, closeBody(1000)));
    expect(frames.map((frame) => frame.opcode)).toEqual([0xa, 0x8]);
    expect(frames[0]?.payload.toString("latin1")).toBe(payload);
  });

  // shows 6455-5.5.2-2
  test("a ping after the close frame gets no pong", async () => {
    const { frames } = await exchange(masked(0x88, closeBody(1000)), masked(0x89, "late"));
    expect(frames.map((frame) => frame.opcode)).toEqual([0x8]);
  });

  test("an unsolicited pong is answered with nothing", async () => {
    const { frames, recorder } = await exchange(masked(0x8a, "hello"), masked(0x88, closeBody(1000)));
    expect(frames.map((frame) => frame.opcode)).toEqual([0x8]);
    expect(recorder.calls).toEqual([["open"], ["terminate", 1000, undefined]]);
  });
});

describe("text", () => {
  // shows 6455-5.6-1
  test.each([1, 2, 3])("a character may be cut after its byte %i by a fragment's end", async (cut) => {
    const bytes = Buffer.from("😀");
    expect(await received(masked(0x01, bytes.subarray(0, cut)), masked(0x80, bytes.subarray(cut)))).toEqual(["😀"]);
  });

  // shows 6455-5.6-1, 6455-8.1-1
  test.each([
    ["a byte that never occurs", [0xff]],
    ["a continuation byte alone", [0x80]],
    ["an overlong form", [0xc0, 0xaf]],
    ["an overlong form of three bytes", [0xe0, 0x80, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["what is above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a character that is cut off", [0x61, 0xe2, 0x82]],
  ])("%s fails with 1007", async (_what, bytes) => {
    await expectFailing(1007, masked(0x81, bytes));
  });

  // shows 6455-8.1-1
  test("a bad byte far inside a long text fails with 1007", async () => {
    const bytes = Buffer.from("é".repeat(5000));
    bytes[7001] = 0x20;
    await expectFailing(1007, masked(0x81, bytes));
  });

  // shows 6455-8.1-1
  test("a bad byte in a fragment fails at once, without waiting for the message's end", async () => {
    const { port } = await startServer();
    const client = await RawClient.open(port);
    client.write(masked(0x01, "fine"), masked(0x00, [0x20, 0xff]));
    expect((await client.frame())?.payload.readUInt16BE()).toBe(1007);
    expect(await client.frame()).toBeUndefined();
  });

  // shows 6455-8.1-1
  test("a character that the last fragment leaves unfinished fails with 1007", async () => {
    await expectFailing(1007, masked(0x01, [0xe2]), masked(0x80, [0x82]));
  });

  test("binary messages may hold any bytes", async () => {
    expect(await received(masked(0x82, [0xff, 0xc0, 0x80]))).toEqual([Buffer.from([0xff, 0xc0, 0x80])]);
  });
});
