import { randomBytes } from "node:crypto";
import { constants as bufferConstants } from "node:buffer";
import { constants, deflateRawSync } from "node:zlib";
import { WebSocketServer } from "hawser";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { ClientOptions } from "../../src/client/options.ts";
import { setZlibWay } from "../../src/compression/zlib.ts";
import { type Live, startServer } from "../support/live-server.ts";
import { deferred } from "../support/peer.ts";
import { RawClient, closeBody, masked } from "../support/raw-client.ts";
import { RecordedClient, failedDial } from "../support/recorded-client.ts";
import { scriptServer, unmasked } from "../support/scripted-server.ts";

// Known attacks on permessage-deflate of other products, tried here on the server and on the client. docs/security.md describes
// them.

const KIB = 1024;
const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate" };
const ANSWER = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/** A block of the type 3, which there is not. */
const MALFORMED = Buffer.from([0x07, 0x07]);

/** Blocks that are complete; what follows them is a block too. */
function deflate(data: string | Uint8Array): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH });
}

function message(data: string | Uint8Array): Buffer {
  return deflate(data).subarray(0, -4);
}

/** A compressed message to a server with compression: the code of its close frame; undefined: a ping was answered. */
async function toServer(live: Live, payload: Uint8Array, first = 0xc2): Promise<number | undefined> {
  const client = await RawClient.open(live.port, "/", OFFER);
  client.write(masked(first, payload), masked(0x89, "still there"));
  let frame = await client.frame();
  // A pong may come while another thread decompresses.
  if (frame?.opcode === 10) {
    client.write(masked(0x88, closeBody(1000)));
    frame = await client.frame();
  }
  client.end();
  const code = frame?.payload.readUInt16BE();
  return code === 1000 ? undefined : code;
}

/** A compressed message to a client of ours: the code of its close frame, and what it was handed. */
async function toClient(
  payload: Uint8Array,
  options: ClientOptions,
  lines = [ANSWER],
): Promise<{ readonly code: number | undefined; readonly messages: readonly unknown[] }> {
  const code = deferred<number | undefined>();
  const { url } = await scriptServer(async (peer) => {
    await peer.accept(lines, unmasked(0xc2, payload), unmasked(0x88, closeBody(1000)));
    const frame = await peer.raw.frame();
    code.resolve(frame?.payload.readUInt16BE());
    peer.raw.end();
  });
  const client = new RecordedClient(url, options);
  await client.ended;
  return { code: await code.promise, messages: client.messages };
}

describe.each(["kept", "one-shot"] as const)("with zlib's handles %s", (way) => {
  beforeEach(() => {
    setZlibWay(way);
    onTestFinished(() => setZlibWay(undefined));
  });

  const LIMIT = 300 * KIB;

  describe("the limit is that of the decompressed message", () => {
    test.each([
      ["in the turn", 10 * KIB],
      ["in another thread", LIMIT],
    ])("CVE-2018-1000518, CVE-2021-21419, CVE-2026-5680, CVE-2026-39804: a server's, %s", async (_where, limit) => {
      const live = await startServer({}, { compression: true, maxMessageSize: limit });
      expect(await toServer(live, message(new Uint8Array(limit)))).toBeUndefined();
      expect(live.recorders[0]!.messages).toEqual([Buffer.alloc(limit)]);
      expect(await toServer(live, message(new Uint8Array(limit + 1)))).toBe(1009);
      expect(await toServer(live, message(new Uint8Array(100 * limit)))).toBe(1009);
      expect(live.wss.counters.limits.maxMessageSize).toBe(2);
    });

    test("CVE-2026-54490, CVE-2026-54464: not that of its frames, however small they are", async () => {
      const { port, recorders } = await startServer({}, { compression: true, maxMessageSize: LIMIT });
      const client = await RawClient.open(port, "/", OFFER);
      const payload = message(new Uint8Array(LIMIT + 1));
      expect(payload.length).toBeLessThan(KIB);
      client.write(masked(0x42, payload.subarray(0, 1)));
      for (const byte of payload.subarray(1)) client.write(masked(0x00, [byte]));
      client.write(masked(0x80));
      expect((await client.frame())?.payload.readUInt16BE()).toBe(1009);
      expect(recorders[0]!.messages).toEqual([]);
    });

    test.each([
      ["in the turn", 10 * KIB],
      ["in another thread", LIMIT],
    ])("CVE-2026-1526, CVE-2026-107227: a client's, %s", async (_where, limit) => {
      const options: ClientOptions = { compression: true, maxMessageSize: limit };
      const most = new Uint8Array(limit);
      expect(await toClient(message(most), options)).toEqual({ code: 1000, messages: [Buffer.from(most)] });
      for (const size of [limit + 1, 100 * limit])
        expect(await toClient(message(new Uint8Array(size)), options)).toEqual({ code: 1009, messages: [] });
    });

    test("CVE-2016-10544: a text that is too long for a string is refused: no limit can be that large", async () => {
      const { port } = await startServer({}, { compression: true });
      const client = await RawClient.open(port, "/", OFFER);
      client.write(masked(0xc1, message(Buffer.alloc(16 * KIB * KIB, "x"))));
      expect((await client.frame())?.payload.readUInt16BE()).toBe(1009);
      const tooLong = { port: 0, maxMessageSize: bufferConstants.MAX_STRING_LENGTH + 1 };
      expect(() => new WebSocketServer({ onConnection: () => ({ onMessage() {} }) }, tooLong)).toThrow(
        "maxMessageSize",
      );
    });
  });

  describe("CVE-2026-85024: data that crosses the limit, and is malformed after that", () => {
    // Zeros, so that more than the limit comes out of a step; or noise, so that it comes in many steps.
    const payloads = [
      ["zeros", 0],
      ["zeros and then noise", 40 * KIB],
    ] as const;

    // zlib may see the malformed block in the step in which the last byte comes out.
    const BOTH = [1007, 1009];

    test.each(payloads)("ends a connection to a server, and nothing else: %s", async (_which, noise) => {
      const live = await startServer({}, { compression: true, maxMessageSize: LIMIT });
      for (const [size, codes] of [
        [LIMIT - noise, [1007]],
        [LIMIT - noise + 1, BOTH],
        [LIMIT * 2, [1009]],
        [LIMIT * 100, [1009]],
      ] as const) {
        const payload = Buffer.concat([deflate(new Uint8Array(size)), deflate(randomBytes(noise)), MALFORMED]);
        expect(codes, `${size} zeros`).toContain(await toServer(live, payload));
      }
      // The jobs in other threads run one after the other: those before this one have ended.
      expect(await toServer(live, message(new Uint8Array(LIMIT)))).toBeUndefined();
      await live.recorders.at(-1)!.over;
      expect(live.recorders.map(({ calls }) => calls.filter(([name]) => name === "error").length)).toEqual([
        1, 1, 1, 1, 0,
      ]);
      expect(live.recorders.at(-1)!.messages).toHaveLength(1);
    });

    test.each(payloads)("ends a client, and nothing else: %s", async (_which, noise) => {
      const options: ClientOptions = { compression: true, maxMessageSize: LIMIT };
      for (const [size, codes] of [
        [LIMIT - noise, [1007]],
        [LIMIT - noise + 1, BOTH],
        [LIMIT * 100, [1009]],
      ] as const) {
        const payload = Buffer.concat([deflate(new Uint8Array(size)), deflate(randomBytes(noise)), MALFORMED]);
        const { code, messages } = await toClient(payload, options);
        expect(codes, `${size} zeros`).toContain(code);
        expect(messages).toEqual([]);
      }
      expect(await toClient(message(new Uint8Array(LIMIT)), options)).toMatchObject({ code: 1000 });
    });
  });
});

describe("GHSA-mq44-7p77-q5h7: a client decompresses only what was agreed", () => {
  test.each<[string, ClientOptions]>([
    ["it has not offered compression", {}],
    ["the server has not accepted it", { compression: true }],
  ])("a compressed message is 1002: %s", async (_when, options) => {
    expect(await toClient(message("a text"), options, [])).toEqual({ code: 1002, messages: [] });
  });
});

describe("CVE-2026-2229: a window out of range in a server's answer", () => {
  test.each(["0", "7", "16", "99", "-1", "1e1", "99999999999999999999", ""])(
    "fails the dial, and no inflater is made: server_max_window_bits=%s",
    async (bits) => {
      const parameter = bits === "" ? "server_max_window_bits" : `server_max_window_bits=${bits}`;
      const { url } = await scriptServer((peer) =>
        peer.accept([`${ANSWER}; ${parameter}`], unmasked(0xc2, message("a text"))),
      );
      expect(await failedDial(url, { compression: true })).toMatchObject({ code: "HWS_BAD_HANDSHAKE" });
    },
  );
});
