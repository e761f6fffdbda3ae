import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { ClientOptions } from "../../src/client/options.ts";
import { deferred } from "../support/peer.ts";
import { type Raw, closeBody, masked } from "../support/raw-client.ts";
import { RecordedClient } from "../support/recorded-client.ts";
import { type ScriptedPeer, scriptServer, unmasked, hasLeft } from "../support/scripted-server.ts";

const DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/** A server that sends these bytes after its answer, and a client of it. Returns what the client did. */
async function send(bytes: readonly Raw[], options: ClientOptions = {}, lines: readonly string[] = []) {
  const sent = deferred<number | undefined>();
  const { url } = await scriptServer(async (peer) => {
    await peer.accept(lines, ...bytes);
    sent.resolve(await closeCode(peer));
    peer.raw.end();
  });
  const client = new RecordedClient(url, options);
  const { code } = await client.ended;
  // `code` is what the handler is told: 1006, as the server has sent no close frame.
  return { client, code, sent: await sent.promise };
}

/** The code of the client's close frame; undefined: there was none. */
async function closeCode(peer: ScriptedPeer): Promise<number | undefined> {
  for (let frame = await peer.raw.frame(); frame !== undefined; frame = await peer.raw.frame())
    if (frame.opcode === 8) return frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE();
  return undefined;
}

/** The header of a frame with this 64-bit length. */
function long(first: number, length: bigint): Buffer {
  const header = Buffer.alloc(10);
  header[0] = first;
  header[1] = 127;
  header.writeBigUInt64BE(length, 2);
  return header;
}

/** A message as permessage-deflate sends it. */
function deflated(data: Uint8Array): Buffer {
  return deflateRawSync(data, { finishFlush: 2 }).subarray(0, -4);
}

describe("frames that break the protocol: 1002, and nothing is delivered", () => {
  test.each<[string, readonly Raw[]]>([
    ["a masked text", [masked(0x81, "x")]],
    ["a masked ping", [masked(0x89, "x")]],
    ["RSV1 without compression", [unmasked(0xc1, "x")]],
    ["RSV2", [unmasked(0xa1, "x")]],
    ["RSV3", [unmasked(0x91, "x")]],
    ["RSV1 on a ping", [unmasked(0xc9, "x")]],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, readonly Raw[]] => [
      `the opcode ${String(opcode)}`,
      [unmasked(0x80 | opcode)],
    ]),
    ["a ping of 126 bytes", [unmasked(0x89, "x".repeat(126))]],
    ["a fragment of a ping", [unmasked(0x09, "x")]],
    ["a continuation of nothing", [unmasked(0x80, "x")]],
    ["a text inside a text", [unmasked(0x01, "a"), unmasked(0x81, "b")]],
    ["a length that is not minimal", [[0x82, 126, 0, 1, 0]]],
    ["a 64-bit length that is not minimal", [long(0x82, 1n), "x"]],
    ["a length of 2^63", [long(0x82, 2n ** 63n)]],
    ["a close frame of one byte", [unmasked(0x88, "x")]],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code): [string, readonly Raw[]] => [
      `the close code ${String(code)}`,
      [unmasked(0x88, closeBody(code))],
    ]),
  ])("%s", async (_what, bytes) => {
    const { client, sent } = await send(bytes);
    expect(sent).toBe(1002);
    expect(client.calls).toEqual(["open", "error", "terminate"]);
  });

  test("RSV1 on a continuation, and on a ping, also with compression", async () => {
    for (const bytes of [[unmasked(0x41, deflated(Buffer.from("a"))), unmasked(0xc0, "")], [unmasked(0xc9, "x")]])
      expect(await send(bytes, { compression: true }, [DEFLATE])).toMatchObject({ code: 1006, sent: 1002 });
  });
});

describe("too much: 1009, before memory is taken", () => {
  test.each<[string, readonly Raw[]]>([
    ["2^63 - 1 bytes", [long(0x82, 2n ** 63n - 1n)]],
    ["2^53 bytes", [long(0x82, 2n ** 53n)]],
    ["one byte more than 16 MiB", [long(0x82, 2n ** 24n + 1n)]],
    ["one byte more than 16 MiB in two fragments", [unmasked(0x02, "x"), long(0x80, 2n ** 24n)]],
    ["a million empty fragments", [unmasked(0x02, "x"), Buffer.alloc(2_000_000)]],
  ])("%s", async (_what, bytes) => {
    const { client, sent } = await send(bytes);
    expect(sent).toBe(1009);
    expect(client.calls).toEqual(["open", "error", "terminate"]);
  });

  test("the error names the option", async () => {
    const { client } = await send([unmasked(0x81, "12345")], { maxMessageSize: 4 });
    expect(client.error?.message).toContain("maxMessageSize");
  });

  test("a deflate bomb is inflated up to maxMessageSize", async () => {
    const bomb = deflated(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    const { client, sent } = await send([unmasked(0xc2, bomb)], { compression: true }, [DEFLATE]);
    expect(sent).toBe(1009);
    expect(client.messages).toEqual([]);
  });

  test("a message of maxMessageSize is delivered", async () => {
    const { client } = await send([unmasked(0x81, "1234"), unmasked(0x88, closeBody(1000))], { maxMessageSize: 4 });
    expect(client.messages).toEqual(["1234"]);
  });
});

describe("data that is not valid", () => {
  test.each<[string, readonly Raw[]]>([
    ["a text", [unmasked(0x81, [0xff])]],
    ["the end of a text", [unmasked(0x81, [0x61, 0xe4])]],
    ["a first fragment: at once", [unmasked(0x01, [0xed, 0xa0, 0x80])]],
    ["a second fragment: at once", [unmasked(0x01, [0xe4, 0xb8]), unmasked(0x00, [0x41])]],
    ["a close reason", [unmasked(0x88, [3, 232, 0xff])]],
  ])("bad UTF-8 in %s: 1007", async (_what, bytes) => {
    const { client, sent } = await send(bytes);
    expect(sent).toBe(1007);
    expect(client.messages).toEqual([]);
  });

  test("bad UTF-8 that was compressed: 1007", async () => {
    const bytes = [unmasked(0xc1, deflated(Buffer.from([0xff, 0xfe])))];
    expect(await send(bytes, { compression: true }, [DEFLATE])).toMatchObject({ code: 1006, sent: 1007 });
  });

  test("bytes that are not deflate: the connection ends, and nothing is delivered", async () => {
    const { client, sent } = await send([unmasked(0xc1, [0xff, 0xff, 0xff])], { compression: true }, [DEFLATE]);
    expect([1002, 1007]).toContain(sent);
    expect(client.calls).toEqual(["open", "error", "terminate"]);
  });

  test("JSON with __proto__, or too deep", async () => {
    const options: ClientOptions = { dataType: "object" };
    const proto = await send([unmasked(0x81, '{"__proto__":{"a":1}}'), unmasked(0x88, closeBody(1000))], options);
    expect(proto.client.messages).toEqual([{}]);
    expect(Object.getPrototypeOf(proto.client.messages[0])).toBe(Object.prototype);
    expect((proto.client.messages[0] as { a?: unknown }).a).toBeUndefined();
    const deep = await send([unmasked(0x81, "[".repeat(100) + "]".repeat(100))], options);
    expect(deep.client.messages).toEqual([]);
    expect(deep.sent).toBe(1009);
  });
});

test("a flood of pings: the newest is answered last, and the handler is not called", async () => {
  const answered = deferred<Buffer[]>();
  const { url } = await scriptServer(async (peer) => {
    const pings = Array.from({ length: 20_000 }, (_, i) => unmasked(0x89, String(i)));
    await peer.accept([], ...pings, unmasked(0x88, closeBody(1000)));
    const pongs: Buffer[] = [];
    for (let frame = await peer.raw.frame(); frame !== undefined && frame.opcode !== 8; frame = await peer.raw.frame())
      pongs.push(frame.payload);
    answered.resolve(pongs);
    peer.raw.end();
  });
  const client = new RecordedClient(url);
  await client.ended;
  const pongs = await answered.promise;
  const numbers = pongs.map(Number);
  expect(numbers.at(-1)).toBe(19_999);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(client.calls).toEqual(["open", "terminate"]);
});

test("a flood of messages into a slow handler: reading pauses, and nothing is lost", async () => {
  const hold = deferred();
  const message = unmasked(0x82, Buffer.alloc(64 * 1024));
  const COUNT = 1_000;
  let written = 0;
  const { url } = await scriptServer(async (peer) => {
    await peer.accept();
    for (; written < COUNT; written++)
      if (!peer.socket.write(message)) await new Promise((resolve) => peer.socket.once("drain", resolve));
    peer.write(unmasked(0x88, closeBody(1000)));
    await closeCode(peer);
    peer.raw.end();
  });
  const client = new RecordedClient(url);
  client.hold = hold.promise;
  await expect.poll(() => client.messages.length).toBe(1);
  let before = -1;
  // It comes to rest: the server cannot write any more.
  await expect
    .poll(
      () => {
        const isStill = before === written;
        before = written;
        return isStill;
      },
      { interval: 200, timeout: 20_000 },
    )
    .toBe(true);
  expect(written).toBeLessThan(COUNT);
  client.hold = undefined;
  hold.resolve();
  await client.ended;
  expect(client.messages).toHaveLength(COUNT);
});

test("a server that never reads: send returns false, and at maxSendQueue the client ends", async () => {
  const { url } = await scriptServer(async (peer) => {
    await peer.accept();
    peer.socket.pause();
  });
  const client = new RecordedClient(url, { highWaterMark: 64 * 1024, maxSendQueue: 1024 * 1024, closeTimeout: 50 });
  await expect.poll(() => client.calls).toEqual(["open"]);
  const results: boolean[] = [];
  for (let i = 0; i < 500 && client.ws.status === "Connected"; i++) {
    results.push(client.ws.send(new Uint8Array(256 * 1024)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(results).toContain(false);
  await client.ended;
  expect(client.error).toMatchObject({ code: "HWS_SEND_QUEUE_FULL" });
});

describe("a server that does not end the connection", () => {
  test("no answer to the close frame: closeTimeout", async () => {
    const { url, sockets } = await scriptServer((peer) => peer.accept());
    const client = new RecordedClient(url, { closeTimeout: 50 });
    await expect.poll(() => client.calls).toEqual(["open"]);
    client.ws.terminate(3001, "bye");
    expect(await client.ended).toMatchObject({ code: 1006 });
    await expect.poll(() => hasLeft(sockets[0])).toBe(true);
  });

  test("no FIN after the close handshake: closeTimeout, and the code is the handshake's", async () => {
    const { url, sockets } = await scriptServer(async (peer) => {
      await peer.accept([], unmasked(0x88, closeBody(1000, "done")));
    });
    const client = new RecordedClient(url, { closeTimeout: 50 });
    expect(await client.ended).toMatchObject({ code: 1000, reason: "done", initiator: "peer" });
    await expect.poll(() => hasLeft(sockets[0])).toBe(true);
  });

  test("messages and bad frames after its close frame are dropped", async () => {
    const { url } = await scriptServer(async (peer) => {
      const more = [unmasked(0x81, "late"), masked(0x81, "bad"), unmasked(0xff, "worse")];
      await peer.accept([], unmasked(0x88, closeBody(1000)), ...more);
      await closeCode(peer);
      peer.write(...more);
      peer.raw.end();
    });
    const client = new RecordedClient(url);
    expect(await client.ended).toMatchObject({ code: 1000 });
    expect(client.calls).toEqual(["open", "terminate"]);
  });

  test("a flood after its close frame ends at closeTimeout", async () => {
    const { url, sockets } = await scriptServer(async (peer) => {
      await peer.accept([], unmasked(0x88, closeBody(1000)));
      const more = unmasked(0x82, Buffer.alloc(60_000));
      while (!peer.socket.destroyed && peer.socket.writable) {
        peer.socket.write(more);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
    const client = new RecordedClient(url, { closeTimeout: 100 });
    expect(await client.ended).toMatchObject({ code: 1000 });
    await expect.poll(() => sockets[0]?.destroyed).toBe(true);
    expect(client.messages).toEqual([]);
  });

  test("no pong, and nothing else: HWS_PEER_SILENT", async () => {
    const { url } = await scriptServer((peer) => peer.accept());
    const client = new RecordedClient(url, { pingInterval: 200, pingTimeout: 200 });
    expect(await client.ended).toMatchObject({ code: 1006, cause: { code: "HWS_PEER_SILENT" } });
  });
});

test("a reason with control characters is handed over as it is, and no error shows it", async () => {
  const reason = "\u001b[2J\0\n";
  const { client, code } = await send([unmasked(0x88, closeBody(4000, reason))]);
  expect(code).toBe(4000);
  expect(await client.ended).toMatchObject({ reason });
  expect(client.error).toBeUndefined();
});

test("the first messages, in the same packet as the answer, come after onOpen", async () => {
  const { client } = await send([unmasked(0x81, "1"), unmasked(0x81, "2"), unmasked(0x88, closeBody(1000))]);
  expect(client.calls).toEqual(["open", "message", "message", "terminate"]);
});
