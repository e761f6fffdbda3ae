import { once } from "node:events";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  allowDirectWrites,
  mayWriteDirectly,
  bufferedIn,
  writeDirectly,
} from "../../../src/connection/transport/direct-write.ts";
import { asBytes } from "../../../src/protocol/bytes.ts";
import { until } from "../../support/peer.ts";
import { pair } from "../../support/socket-pair.ts";
import { Wire } from "../../support/wire.ts";

const MIB = 1024 * 1024;

/** More bytes than the system takes for a peer that does not read. */
const FLOOD = 64 * MIB;

function bytes(length: number, salt = 0): ReturnType<typeof asBytes> {
  return asBytes(Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, i) => (i + salt) & 0xff))));
}

/** A socket with a timeout is written to by its `_write`. */
const WAYS = ["by the handle", "by _write"] as const;

/** The near end of a connection that may be written to directly, and all bytes that its far end reads. */
async function direct(
  way: (typeof WAYS)[number] = "by the handle",
): Promise<{ near: Socket; far: Socket; got: () => Buffer; taken: Duplex[] }> {
  const { near, far } = await pair();
  if (way === "by _write") near.setTimeout(3_600_000);
  far.pause();
  const chunks: Buffer[] = [];
  far.on("data", (chunk: Buffer) => chunks.push(chunk));
  far.pause();
  allowDirectWrites(near);
  return { near, far, got: () => Buffer.concat(chunks), taken: [] };
}

describe.each(WAYS)("a plain socket, written to %s", (way) => {
  test("that is destroyed during a write has not taken it", async () => {
    const { near, taken } = await direct(way);
    expect(writeDirectly(near, bytes(FLOOD), (socket) => taken.push(socket))).toBe(false);
    near.destroy();
    await once(near, "close");
    expect(taken).toEqual([]);
  });

  test("takes bytes, and a string as one byte a character, at once", async () => {
    const { near, far, got, taken } = await direct(way);
    expect(mayWriteDirectly(near)).toBe(true);
    expect(writeDirectly(near, bytes(3), (socket) => taken.push(socket))).toBe(true);
    expect(writeDirectly(near, "\u0081\u0001a", (socket) => taken.push(socket))).toBe(true);
    expect(bufferedIn(near)).toBe(0);
    far.resume();
    await until(() => got().length === 6);
    expect(got().toString("latin1")).toBe("\u0000\u0001\u0002\u0081\u0001a");
    expect(taken).toEqual([]);
  });

  test.each(["bytes", "a string"])(
    "reports that %s wait, may not be written to meanwhile, and reports the drain once",
    async (kind) => {
      const { near, far, got, taken } = await direct(way);
      const flood = bytes(FLOOD);
      const payload = kind === "bytes" ? flood : flood.latin1Slice(0, FLOOD);
      expect(writeDirectly(near, payload, (socket) => taken.push(socket))).toBe(false);
      expect(bufferedIn(near)).toBe(FLOOD);
      expect(mayWriteDirectly(near)).toBe(false);
      expect(taken).toEqual([]);
      far.resume();
      await until(() => taken.length > 0);
      expect(taken).toEqual([near]);
      expect([bufferedIn(near), mayWriteDirectly(near)]).toEqual([0, true]);
      await until(() => got().length === FLOOD);
      expect(got().equals(flood)).toBe(true);
    },
  );

  test("keeps the order of ordinary writes while bytes wait, and of its end", async () => {
    const { near, far, got } = await direct(way);
    writeDirectly(near, bytes(FLOOD), () => undefined);
    near.write("stock");
    near.cork();
    near.write("corked");
    near.uncork();
    expect(bufferedIn(near)).toBe(FLOOD + "stockcorked".length);
    near.end("end");
    far.resume();
    await once(far, "end");
    expect(got().subarray(0, FLOOD).equals(bytes(FLOOD))).toBe(true);
    expect(got().subarray(FLOOD).toString()).toBe("stockcorkedend");
  });

  test("may not be written to directly while it is corked, or while ordinary writes wait", async () => {
    const { near } = await direct(way);
    near.cork();
    expect(mayWriteDirectly(near)).toBe(false);
    near.write("a");
    near.uncork();
    await until(() => mayWriteDirectly(near));
    near.write(bytes(FLOOD));
    expect(mayWriteDirectly(near)).toBe(false);
    expect(bufferedIn(near)).toBe(FLOOD);
  });

  test.each(["ended", "destroyed"])("that is %s may not be written to directly", async (how) => {
    const { near } = await direct(way);
    if (how === "ended") near.end();
    else near.destroy();
    expect(mayWriteDirectly(near)).toBe(false);
  });

  test("that the peer has reset fails as usual: an error, then close, and nothing is thrown", async () => {
    const { near, far, taken } = await direct(way);
    const heard: string[] = [];
    near.on("error", (error: NodeJS.ErrnoException) => heard.push(String(error.code)));
    near.on("close", () => heard.push("close"));
    far.resetAndDestroy();
    await once(far, "close");
    for (let i = 0; i < 100 && !near.destroyed; i++) {
      if (mayWriteDirectly(near)) writeDirectly(near, bytes(MIB), (socket) => taken.push(socket));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => heard.includes("close"));
    expect(heard).toHaveLength(2);
    expect(["ECONNRESET", "EPIPE"]).toContain(heard[0]);
  });

  test("that is destroyed while bytes wait releases them", async () => {
    const { near, far, taken } = await direct(way);
    writeDirectly(near, bytes(FLOOD), (socket) => taken.push(socket));
    near.destroy();
    await once(near, "close");
    expect(bufferedIn(near)).toBe(0);
    far.destroy();
  });
});

describe("streams that are never written to directly", () => {
  test("a stream that is not a socket, and a socket for which it was not allowed", async () => {
    const { near } = await pair();
    expect(mayWriteDirectly(near)).toBe(false);
    const wire = new Wire();
    allowDirectWrites(wire);
    expect(mayWriteDirectly(wire)).toBe(false);
    expect(bufferedIn(wire)).toBe(0);
  });

  test.each(["before", "after"])("a socket whose write was replaced, %s it was allowed", async (when) => {
    const { near } = await pair();
    if (when === "before") near.write = Socket.prototype.write.bind(near);
    allowDirectWrites(near);
    if (when === "after") near.write = Socket.prototype.write.bind(near);
    expect(mayWriteDirectly(near)).toBe(false);
  });

  test("any socket while the write of all sockets is replaced, to count or to log", async () => {
    const { near } = await pair();
    allowDirectWrites(near);
    const prototype = Socket.prototype as { write?: unknown };
    expect(mayWriteDirectly(near)).toBe(true);
    prototype.write = () => true;
    onTestFinished(() => {
      delete prototype.write;
    });
    expect(mayWriteDirectly(near)).toBe(false);
    delete prototype.write;
    expect(mayWriteDirectly(near)).toBe(true);
  });
});
