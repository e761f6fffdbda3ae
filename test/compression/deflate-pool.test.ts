import { type InflateRaw, createInflateRaw } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DeflatePool } from "../../src/compression/deflate-pool.ts";
import type { Deflater } from "../../src/compression/codec.ts";
import { setZlibWay } from "../../src/compression/zlib.ts";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";
import { FLUSH, json, noise } from "./samples.ts";

const SETTINGS = { level: 6, memLevel: 5, windowBits: 12 };

afterEach(() => {
  setZlibWay(undefined);
});

/** A connection, and its peer: one inflater of zlib that reads all its messages, as a client's does. */
class Client {
  readonly owner = {};
  readonly #inflater: InflateRaw;
  readonly #read: Buffer[] = [];
  readonly #sent: Buffer[] = [];

  constructor(windowBits = 15) {
    this.#inflater = createInflateRaw({ windowBits });
    this.#inflater.on("data", (chunk: Buffer) => this.#read.push(chunk));
  }

  /** Sends a message, and returns the size of its payload. */
  send(pool: DeflatePool, message: Bytes, windowBits?: number): number {
    const payload = pool.deflaterOf(this.owner, windowBits).deflate(message, 0, message.length);
    this.#sent.push(Buffer.from(message));
    this.#inflater.write(Buffer.concat([payload, FLUSH]));
    return payload.length;
  }

  /** Checks that the peer has read all messages. */
  async check(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#inflater.once("error", reject);
      this.#inflater.flush(() => {
        resolve();
      });
    });
    expect(Buffer.concat(this.#read).equals(Buffer.concat(this.#sent))).toBe(true);
  }
}

describe.each(["kept", "one-shot"] as const)("by the way %s, a pool", (way) => {
  beforeEach(() => {
    setZlibWay(way);
  });

  // shows 7692-7.2.1-5
  test("serves more connections than it has deflaters: each peer reads all its messages", async () => {
    const pool = new DeflatePool(3, SETTINGS);
    const clients = Array.from({ length: 10 }, () => new Client());
    for (let i = 0; i < 400; i++) {
      // Some send often, some rarely, some several in a row.
      const client = clients[(i * i + (i >> 3)) % clients.length]!;
      client.send(pool, i % 11 === 0 ? noise(2000) : json(50 + ((i * 37) % 1500)));
      if (i % 50 === 49) pool.release(client.owner);
      expect(pool.used).toBeLessThanOrEqual(3);
    }
    for (const client of clients) await client.check();
  });

  // shows 7692-7.2.1-3
  test("keeps to the window of each connection", async () => {
    const pool = new DeflatePool(2, { ...SETTINGS, windowBits: 15 });
    const clients = [9, 10, 15, 9, 12].map((windowBits) => ({ windowBits, client: new Client(windowBits) }));
    for (let i = 0; i < 60; i++) {
      const { client, windowBits } = clients[(i >> 1) % clients.length]!;
      client.send(pool, json(3000), windowBits);
    }
    for (const { client } of clients) await client.check();
  });
});

describe("a pool", () => {
  test("keeps the history of as many connections as it has deflaters", () => {
    const pool = new DeflatePool(2, SETTINGS);
    const [a, b] = [new Client(), new Client()];
    const message = json(1000);
    const [first, other] = [a.send(pool, message), b.send(pool, message)];
    expect(other).toBe(first);
    for (let i = 0; i < 3; i++) for (const client of [a, b]) expect(client.send(pool, message)).toBeLessThan(first / 4);
  });

  test("takes the deflater of the connection that has not sent for the longest time", () => {
    const pool = new DeflatePool(2, SETTINGS);
    const [a, b, c] = [new Client(), new Client(), new Client()];
    const message = json(1000);
    const first = a.send(pool, message);
    b.send(pool, message);
    a.send(pool, message);
    // Not a's, which was used last, but b's.
    expect(c.send(pool, message)).toBe(first);
    expect(a.send(pool, message)).toBeLessThan(first / 4);
    expect(b.send(pool, message)).toBe(first);
    // Now c's was taken.
    expect(a.send(pool, message)).toBeLessThan(first / 4);
    expect(c.send(pool, message)).toBe(first);
  });

  test("forgets a connection that is released, and uses its deflater for the next", () => {
    const pool = new DeflatePool(1, SETTINGS);
    const [a, b] = [new Client(), new Client()];
    const message = json(1000);
    const first = a.send(pool, message);
    const deflater = pool.deflaterOf(a.owner);
    pool.release(a.owner);
    pool.release(a.owner);
    expect(pool.used).toBe(0);
    expect(pool.deflaterOf(b.owner)).toBe(deflater);
    expect(b.send(pool, message)).toBe(first);
    expect(a.send(pool, message)).toBe(first);
  });

  test("never shows a connection what was sent to another", async () => {
    const pool = new DeflatePool(1, SETTINGS);
    const secret = asBytes(Buffer.from("the token is 3f9a1b"));
    const sizes = new Set<number>();
    for (const before of [undefined, secret]) {
      if (before !== undefined) new Client().send(pool, before);
      const other = new Client();
      sizes.add(other.send(pool, secret));
      await other.check();
    }
    expect(sizes.size).toBe(1);
  });

  test("makes no deflater for each message when connections with other windows come and go", () => {
    const pool = new DeflatePool(2, SETTINGS);
    const deflaters = new Set<Deflater>();
    for (let i = 0; i < 20; i++) {
      const owners = [{}, {}];
      for (const [k, owner] of owners.entries()) deflaters.add(pool.deflaterOf(owner, 9 + k));
      for (const owner of owners) pool.release(owner);
      const single = {};
      deflaters.add(pool.deflaterOf(single, 9 + (i % 2)));
      pool.release(single);
    }
    expect(deflaters.size).toBe(2);
    // Another window needs another deflater: then the pool gives up one that is free.
    deflaters.add(pool.deflaterOf({}, 12));
    expect(deflaters.size).toBe(3);
  });

  test("makes no more deflaters than its size, and keeps little memory for each", () => {
    const pool = new DeflatePool(4, SETTINGS);
    const deflaters = new Set(Array.from({ length: 100 }, () => pool.deflaterOf({})));
    expect(deflaters.size).toBe(4);
    const deflater = pool.deflaterOf({});
    deflater.deflate(noise(50_000), 0, 50_000);
    expect(deflater.deflate(json(100), 0, 100).buffer.byteLength).toBeLessThanOrEqual(16 * 1024);
  });
});
