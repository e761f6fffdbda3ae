import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import type { WebSocketServerOptions } from "hawser";
import { describe, expect, test } from "vitest";
import { type Reactions, type Recorder, startServer } from "../support/live-server.ts";
import { closeBody, handshake, masked, type Raw, RawClient, type RawFrame } from "../support/raw-client.ts";

type Compression = WebSocketServerOptions["compression"];

const RSV1 = 0x40;
const [TEXT, BINARY, CONTINUATION, FIN] = [0x1, 0x2, 0x0, 0x80];
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const ROWS = JSON.stringify(Array.from({ length: 30 }, (_, id) => ({ id, name: `name ${id}`, isActive: true })));

function deflate(data: string | Buffer, windowBits = 15): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH, windowBits }).subarray(0, -4);
}

/** RFC 7692 7.2.2: the four bytes are appended, and the result is decompressed. */
function inflate(data: Buffer, windowBits = 15): string {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, windowBits };
  return inflateRawSync(Buffer.concat([data, TAIL]), options).toString();
}

/** The extensions in a server's answer to an offer; undefined: none. */
async function answerTo(offer: string, compression: Compression = true): Promise<readonly string[] | undefined> {
  const { port } = await startServer({}, { compression });
  const client = await RawClient.connect(port);
  client.write(handshake("/", { "Sec-WebSocket-Extensions": offer }));
  const { status, headers } = await client.response();
  expect(status).toBe(101);
  return headers.get("sec-websocket-extensions");
}

/** A connection that agreed on compression. */
async function connected(
  react: Reactions,
  compression: Compression = true,
  offer = "permessage-deflate",
): Promise<{ readonly client: RawClient; readonly recorder: Recorder }> {
  const { port, recorders } = await startServer(react, { compression });
  const client = await RawClient.open(port, "/", { "Sec-WebSocket-Extensions": offer });
  return { client, recorder: recorders[0]! };
}

/** What the server's handler gets, after a clean close. */
async function received(...parts: readonly Raw[]): Promise<readonly unknown[]> {
  const { client, recorder } = await connected({});
  client.write(...parts, masked(0x88, closeBody(1000)));
  expect((await client.frames()).at(-1)?.payload).toEqual(closeBody(1000));
  client.end();
  await recorder.over;
  return recorder.messages;
}

/** RFC 6455 7.1.7: a close frame with the code; nothing is delivered. */
async function expectFailing(code: number, ...parts: readonly Raw[]): Promise<void> {
  const { client, recorder } = await connected({});
  client.write(...parts, masked(0x81, "after"));
  const frames = await client.frames();
  client.end();
  await recorder.over;
  expect(frames.map((frame) => [frame.opcode, frame.payload.readUInt16BE()])).toEqual([[0x8, code]]);
  expect(recorder.messages).toEqual([]);
}

/** The frames that a server sends when it opens: as many as are asked for. */
async function sent(
  count: number,
  open: NonNullable<Reactions["open"]>,
  compression: Compression = { threshold: 0 },
  offer?: string,
): Promise<readonly RawFrame[]> {
  const { client } = await connected({ open }, compression, offer);
  const frames: RawFrame[] = [];
  for (let i = 0; i < count; i++) frames.push((await client.frame())!);
  return frames;
}

describe("the negotiation", () => {
  // shows 7692-5-2, 7692-5-3, 7692-6-6, 7692-7.1.1-1, 7692-7.1.2-3, 7692-7.1.2-4, 7692-7.1.2-5
  test.each([
    ["permessage-deflate", AGREED],
    ["permessage-deflate; client_max_window_bits", AGREED],
    ["permessage-deflate; client_max_window_bits=8", AGREED],
    ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", AGREED],
    ["permessage-deflate; server_max_window_bits=10", `${AGREED}; server_max_window_bits=10`],
    ["permessage-deflate; server_max_window_bits=15", `${AGREED}; server_max_window_bits=12`],
    ["permessage-deflate; server_max_window_bits=9, permessage-deflate", `${AGREED}; server_max_window_bits=9`],
    ["permessage-deflate, permessage-deflate; server_max_window_bits=9", AGREED],
    ["permessage-deflate, x-webkit-deflate-frame", AGREED],
    ["permessage-bzip2, permessage-deflate", AGREED],
  ])("the first acceptable offer is accepted: %s", async (offer, answer) => {
    expect(await answerTo(offer)).toEqual([answer]);
  });

  // shows 7692-7.1.1-1, 7692-7.1.1-2
  test("a server with context takeover does without it for a client that asks for that", async () => {
    const compression = { contextTakeover: { pool: 1 } };
    expect(await answerTo("permessage-deflate", compression)).toEqual([
      "permessage-deflate; client_no_context_takeover",
    ]);
    expect(await answerTo("permessage-deflate; server_no_context_takeover", compression)).toEqual([AGREED]);
  });

  // shows 7692-5-4, 7692-7-1, 7692-7-2, 7692-7-3, 7692-7-4, 7692-7.1.1-3, 7692-7.1.2-1
  test.each([
    ["permessage-deflate; level=9"],
    ["permessage-deflate; server_no_context_takeover=1"],
    ["permessage-deflate; client_no_context_takeover=true"],
    ["permessage-deflate; server_max_window_bits"],
    ["permessage-deflate; server_max_window_bits=7"],
    ["permessage-deflate; server_max_window_bits=16"],
    ["permessage-deflate; server_max_window_bits=09"],
    ["permessage-deflate; client_max_window_bits=0"],
    ["permessage-deflate; client_max_window_bits=16"],
    ["permessage-deflate; client_max_window_bits; client_max_window_bits"],
    ["permessage-deflate; server_max_window_bits=8"],
    ["permessage-bzip2"],
  ])("an offer that cannot be accepted is declined, and the connection goes on without it: %s", async (offer) => {
    expect(await answerTo(offer)).toBeUndefined();
    const { client, recorder } = await connected({}, true, offer);
    client.write(masked(FIN | TEXT, "plain"), masked(FIN | TEXT | RSV1, deflate("compressed")));
    expect((await client.frame())?.payload.readUInt16BE()).toBe(1002);
    expect(recorder.messages).toEqual(["plain"]);
  });
});

describe("what the server sends", () => {
  // shows 7692-6-1, 7692-6-2, 7692-6-4, 7692-6.1-1
  test("a compressed message has RSV1 on its first frame and its own opcode, and no control frame has it", async () => {
    const { client } = await connected({
      open(ws) {
        ws.send(ROWS);
        ws.send(Buffer.from(ROWS));
        void ws.ping();
        ws.terminate(1000);
      },
    });
    const frames = [await client.frame(), await client.frame(), await client.frame(), await client.frame()];
    expect(frames.map((frame) => [frame!.opcode, frame!.fin, frame!.rsv])).toEqual([
      [TEXT, true, 4],
      [BINARY, true, 4],
      [0x9, true, 0],
      [0x8, true, 0],
    ]);
    for (const frame of frames.slice(0, 2)) expect(inflate(frame!.payload)).toBe(ROWS);
  });

  // shows 7692-6-1, 7692-6.1-2, 7692-8-1
  test("a message that is not compressed has no RSV1, before and after those that are", async () => {
    const frames = await sent(
      4,
      (ws) => {
        ws.send(ROWS, { compress: false });
        ws.send(ROWS);
        ws.send("short");
        ws.send(ROWS);
      },
      { threshold: 100 },
    );
    expect(frames.map(({ rsv }) => rsv)).toEqual([0, 4, 0, 4]);
    expect([frames[0], frames[2]].map((frame) => frame?.payload.toString())).toEqual([ROWS, "short"]);
  });

  // shows 7692-7.2.1-1, 7692-7.2.1-2, 7692-7.2.1-4
  test("each message ends as 7.2.1 says, without BFINAL, and is decompressed by itself", async () => {
    const large = ROWS.repeat(100);
    const frames = await sent(4, (ws) => {
      for (const message of [ROWS, ROWS, large, ROWS]) ws.send(message);
    });
    const payloads = frames.map(({ payload }) => payload);
    expect(payloads.map((payload) => inflate(payload))).toEqual([ROWS, ROWS, large, ROWS]);
    for (const payload of payloads) {
      expect(payload.subarray(-4)).not.toEqual(TAIL);
      // With BFINAL set the data would be complete.
      expect(() => inflateRawSync(Buffer.concat([payload, TAIL]))).toThrow("unexpected end of file");
    }
  });

  // shows 7692-7.2.1-3
  test.each([9, 10, 11, 12])(
    "a window of %i bits is kept to, and it is not larger than what was offered",
    async (bits) => {
      const message = `${ROWS.slice(0, 700)}${"-".repeat(1 << bits)}${ROWS.slice(0, 700)}`;
      const offer = `permessage-deflate; server_max_window_bits=${bits}`;
      const compressions = [true, { windowBits: 15, level: 9 }, { windowBits: 15, contextTakeover: { pool: 1 } }];
      for (const compression of compressions) {
        const frames = await sent(2, (ws) => [message, message].forEach((text) => ws.send(text)), compression, offer);
        expect(frames.map(({ rsv }) => rsv)).toEqual([4, 4]);
        expect(inflate(frames[0]!.payload, bits)).toBe(message);
      }
    },
  );
});

describe("what the server receives", () => {
  // shows 7692-6.2-1, 7692-6.2-2
  test("the frames of a compressed message are joined and then decompressed; others are as they are", async () => {
    const whole = deflate(ROWS);
    expect(
      await received(
        masked(TEXT | RSV1, whole.subarray(0, 20)),
        masked(0x89, "ping"),
        masked(CONTINUATION, ""),
        masked(CONTINUATION, whole.subarray(20, 21)),
        masked(FIN | CONTINUATION, whole.subarray(21)),
        masked(FIN | TEXT, "plain"),
        masked(FIN | TEXT | RSV1, whole),
      ),
    ).toEqual([ROWS, "plain", ROWS]);
  });

  // shows 7692-6-3
  test.each([
    ["a ping", [masked(0x89 | RSV1)]],
    ["a pong", [masked(0x8a | RSV1)]],
    ["a close frame", [masked(0x88 | RSV1, closeBody(1000))]],
    ["a continuation", [masked(TEXT | RSV1, deflate("text")), masked(FIN | CONTINUATION | RSV1)]],
    ["a continuation of a message without it", [masked(TEXT, "text"), masked(FIN | CONTINUATION | RSV1)]],
  ])("RSV1 on %s fails with 1002", async (_what, parts) => {
    await expectFailing(1002, ...parts);
  });

  // shows 7692-6-5
  test("the text is UTF-8 after decompression, and need not be before it", async () => {
    const text = "h\u00e9llo \u{1f600}".repeat(20);
    const payload = deflate(text);
    expect(() => new TextDecoder("utf-8", { fatal: true }).decode(payload)).toThrow(TypeError);
    expect(await received(masked(FIN | TEXT | RSV1, payload))).toEqual([text]);
    await expectFailing(1007, masked(FIN | TEXT | RSV1, deflate(Buffer.from([0x61, 0xff]))));
  });

  // shows 7692-7.2.2-1, 7692-7.2.2-2
  test.each([
    ["7.2.3.1, one block", [[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]]],
    [
      "7.2.3.1, fragmented",
      [
        [0xf2, 0x48, 0xcd],
        [0xc9, 0xc9, 0x07, 0x00],
      ],
    ],
    ["7.2.3.3, no compression", [[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]]],
    ["7.2.3.4, BFINAL", [[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]]],
    ["7.2.3.5, two blocks", [[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]]],
  ])("the RFC's example is Hello: %s", async (_name, parts) => {
    const frames = parts.map((payload, i) => {
      const first = i === 0 ? TEXT | RSV1 : CONTINUATION;
      return masked(i === parts.length - 1 ? FIN | first : first, payload);
    });
    expect(await received(...frames)).toEqual(["Hello"]);
  });

  // shows 7692-7.2.2-2
  test("an empty message is the one byte of 7.2.3.6, or no byte", async () => {
    expect(await received(masked(FIN | TEXT | RSV1, [0x00]), masked(FIN | TEXT | RSV1))).toEqual(["", ""]);
  });

  // shows 7692-7.2.2-3
  test("a client may compress with the largest window", async () => {
    const noise = Array.from({ length: 31_000 }, (_, i) => String.fromCharCode(33 + (((i * i) % 1009) % 90))).join("");
    const text = `${ROWS}${noise}${ROWS}`;
    const payload = deflate(text);
    expect(() => inflate(payload, 9)).toThrow("invalid distance");
    expect(await received(masked(FIN | TEXT | RSV1, payload))).toEqual([text]);
  });

  // shows 7692-7.2.2-4
  test("a message that refers to the one before it breaks what was agreed, and fails with 1007", async () => {
    const first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    const { client, recorder } = await connected({});
    client.write(masked(FIN | TEXT | RSV1, first), masked(FIN | TEXT | RSV1, [0xf2, 0x00, 0x11, 0x00, 0x00]));
    expect((await client.frames()).map(({ payload }) => payload.readUInt16BE())).toEqual([1007]);
    expect(recorder.messages).toEqual(["Hello"]);
  });
});
