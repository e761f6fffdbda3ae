import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { DeflateAgreement } from "../../../src/compression/negotiation.ts";
import { fill, utf8 } from "../../support/bytes.ts";
import { asClient, encode } from "../../support/frames.ts";
import { type React, Session, ping } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

const KIB = 1024;

/** What a client offers that compresses each message by itself. */
const deflate: DeflateAgreement = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

function compressed(opcode: number, message: Uint8Array): Uint8Array {
  const payload = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return asClient(encode({ opcode: opcode | 0x40, payload }));
}

/** A session whose handler takes the stream, and reads when the test says so. */
function paused(own: ConstructorParameters<typeof Session>[1] = {}) {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const session = new Session({ start: (_ws, event) => void (reader = event.stream.getReader()) }, own);
  const read = async (): Promise<number | undefined> => (await reader?.read())?.value?.length;
  return { session, read, cancel: () => reader?.cancel() };
}

function binaryFrame(size: number, fin = false): Uint8Array {
  return asClient(encode({ opcode: 2, fin, payload: fill(1, size) }));
}

describe("back-pressure", () => {
  test("reading stops when 64 KiB wait, goes on when they are read, and pings are answered until then", async () => {
    const { session, read } = paused();
    session.receive(binaryFrame(60 * KIB));
    session.receive(ping("1"));
    await turns();
    expect([session.stream.isPaused(), session.frames.length]).toEqual([false, 1]);
    session.receive(asClient(encode({ opcode: 0, fin: false, payload: fill(1, 10 * KIB) })));
    await turns();
    expect(session.stream.isPaused()).toBe(true);
    expect(session.connection.readFlow?.isFull).toBe(true);
    expect(await read()).toBe(70 * KIB);
    expect(session.stream.isPaused()).toBe(false);
  });

  test("what waits counts in maxTotalReceiveQueue", async () => {
    const { session, read } = paused({ maxTotalReceiveQueue: KIB });
    session.receive(binaryFrame(2 * KIB));
    await turns();
    expect(session.stream.isPaused()).toBe(true);
    expect(session.settings.limitCounters.maxTotalReceiveQueue).toBe(1);
    await read();
    await turns();
    expect(session.stream.isPaused()).toBe(false);
  });

  test("a message that is cancelled holds nothing back", async () => {
    const { session, cancel } = paused();
    session.receive(binaryFrame(70 * KIB));
    await turns();
    expect(session.stream.isPaused()).toBe(true);
    await cancel();
    await turns();
    expect(session.stream.isPaused()).toBe(false);
    session.receive(asClient(encode({ opcode: 0, payload: fill(1, 100 * KIB) })));
    await turns();
    expect(session.stream.isPaused()).toBe(false);
  });

  test("one byte at a time waits as bytes, and is read as one chunk", async () => {
    const { session, read } = paused();
    session.receive(binaryFrame(1));
    for (let i = 0; i < 999; i++) session.receive(asClient(encode({ opcode: 0, fin: false, payload: fill(1, 1) })));
    await turns(20);
    expect(await read()).toBe(1000);
  });

  test("a compressed message is decompressed no further than it is read", async () => {
    const { session, read } = paused({ compression: undefined, deflate });
    session.receive(compressed(2, fill(0, 8 * KIB * KIB)));
    await turns();
    expect(await read()).toBeLessThanOrEqual(64 * KIB);
    let size = 0;
    for (let next = await read(); next !== undefined; next = await read()) {
      expect(next).toBeLessThanOrEqual(64 * KIB);
      size += next;
    }
    expect(size).toBeGreaterThan(7 * KIB * KIB);
  });
});

describe("the time of a peer", () => {
  const keepalive = { tickMs: 1, pingInterval: Infinity, pingTimeout: Infinity, idleTimeout: 5, maxLifetime: Infinity };

  test("idleTimeout ends a peer that begins a message and goes on with it no more", async () => {
    const { session, read } = paused({ keepalive });
    session.receive(binaryFrame(1));
    await turns();
    await read();
    void read().catch(() => undefined);
    await turns();
    for (; session.currentTick < 10; session.currentTick++) session.connection.checkPeer();
    expect(session.connection.status).toBe("Closing");
  });

  test("it does not end one whose bytes the handler has still to read, or that goes on", async () => {
    const { session, read } = paused({ keepalive });
    session.receive(binaryFrame(1));
    await turns();
    for (; session.currentTick < 10; session.currentTick++) session.connection.checkPeer();
    await read();
    for (; session.currentTick < 30; session.currentTick++) {
      void read().catch(() => undefined);
      await turns();
      session.receive(asClient(encode({ opcode: 0, fin: false, payload: fill(1, 1) })));
      session.connection.checkPeer();
    }
    expect(session.connection.status).toBe("Connected");
  });
});

describe("a compressed message as a stream", () => {
  const all: React["start"] = async (_ws, event) => {
    for await (const _part of event.stream);
  };

  test.each([
    ["a text that is not UTF-8", compressed(1, fill(0xff, 10)), 1007],
    ["a text that ends inside a character", compressed(1, utf8("€").subarray(0, 2)), 1007],
    ["bad data", asClient(encode({ opcode: 0x42, payload: Uint8Array.of(7, 7) })), 1007],
    ["more than maxStreamSize", compressed(2, fill(0, 101 * KIB)), 1009],
  ])("%s fails the connection", async (_what, frame, code) => {
    const session = new Session({ start: all }, { deflate, maxStreamSize: 100 * KIB });
    session.receive(frame);
    await expect.poll(() => session.frames[0]?.[2].length).toBeGreaterThan(2);
    expect(Buffer.from(session.stream.taken).readUInt16BE(6)).toBe(code);
    expect(session.calls.map(([name]) => name)).toEqual(["open", "start", "error"]);
    expect(session.settings.limitCounters.maxStreamSize).toBe(code === 1009 ? 1 : 0);
  });

  test("a text is checked as it comes: what is right of it was read before", async () => {
    const seen: string[] = [];
    const session = new Session(
      {
        start: async (_ws, event) => {
          for await (const part of event.stream) seen.push(Buffer.from(part).toString());
        },
      },
      { deflate },
    );
    session.receive(compressed(1, utf8("€uro")), compressed(1, fill(0x61, 5)));
    await expect.poll(() => seen).toEqual(["€uro", "aaaaa"]);
  });
});
