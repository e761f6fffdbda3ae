import { once } from "node:events";
import { type Duplex, PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { finished, pipeline } from "node:stream/promises";
import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { oracleStream, ourStream } from "./stream-pairs.ts";

const BOTH = [
  ["ws", oracleStream],
  ["hawser", () => ourStream()],
] as const;

/** How the bytes of a stream are cut. */
const cuts = fc.array(fc.uint8Array({ minLength: 0, maxLength: 3000 }), { maxLength: 30 });

/** What an application does with a stream, without a listener of errors. */
const USES: Readonly<Record<string, (duplex: Duplex) => void>> = {
  "read only": (duplex) => void duplex.resume(),
  "piped into itself": (duplex) => void duplex.pipe(duplex),
  "piped into another": (duplex) => void duplex.pipe(new PassThrough()).resume(),
  "with a source piped into it": (duplex) => void new PassThrough().pipe(duplex).resume(),
  "piped, after its listeners were removed": (duplex) => void duplex.pipe(duplex).removeAllListeners("error"),
};

/** How a peer ends a stream. */
const ENDS = {
  "is cut": (client: WebSocket) => client.terminate(),
  "breaks the protocol": (client: WebSocket) =>
    (client as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      Buffer.from([0x83, 0x80, 1, 2, 3, 4]),
    ),
  "closes after two messages": (client: WebSocket) => {
    client.send(Buffer.alloc(10));
    client.send(Buffer.alloc(10));
    client.close(1000);
  },
} as const;

/** What ends a stream: its error, or undefined. */
function endOf(duplex: Duplex): Promise<unknown> {
  return finished(duplex).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.each(BOTH)("a stream of %s", (_name, open) => {
  test("has the bytes of all messages, however they are cut", async () => {
    await fc.assert(
      fc.asyncProperty(cuts, async (parts) => {
        const { client, duplex } = await open();
        for (const part of parts) client.send(part);
        client.close(1000);
        expect(await buffer(duplex)).toEqual(Buffer.concat(parts));
      }),
      { numRuns: 20 },
    );
  });

  test("sends the bytes that are written, however they are cut, and closes at the end", async () => {
    await fc.assert(
      fc.asyncProperty(cuts, fc.boolean(), async (parts, corked) => {
        const { client, duplex } = await open();
        const found: Buffer[] = [];
        client.on("message", (data: Buffer) => found.push(data));
        duplex.resume();
        if (corked) duplex.cork();
        for (const part of parts) duplex.write(part);
        if (corked) duplex.uncork();
        duplex.end();
        await Promise.all([once(client, "close"), once(duplex, "close")]);
        expect(Buffer.concat(found)).toEqual(Buffer.concat(parts));
        expect(found.length).toBe(parts.length);
      }),
      { numRuns: 20 },
    );
  });

  test("reads texts as their bytes", async () => {
    const { client, duplex } = await open();
    client.send("Grüße");
    client.close();
    expect((await buffer(duplex)).toString()).toBe("Grüße");
  });

  test("sends back what it reads, when it is piped into itself", async () => {
    const { client, duplex } = await open();
    duplex.pipe(duplex);
    client.send(Buffer.from("there"));
    const [data] = (await once(client, "message")) as [Buffer];
    expect(data.toString()).toBe("there");
    client.close();
    await once(duplex, "close");
    expect(duplex.destroyed).toBe(true);
  });

  test("does not read what nobody takes, and reads all of it later", async () => {
    const { client, duplex } = await open();
    const SIZE = 64 * 1024 * 1024;
    let taken = 0;
    for (let i = 0; i < 64; i++)
      client.send(Buffer.alloc(1024 * 1024), () => {
        taken++;
      });
    // The other direction works meanwhile.
    duplex.write("a");
    await once(client, "message");
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBeLessThan(64);
    client.close();
    let read = 0;
    for await (const chunk of duplex) read += (chunk as Buffer).length;
    expect(read).toBe(SIZE);
  });

  test("holds the writer back when the peer does not read", async () => {
    const { client, duplex } = await open();
    client.pause();
    let written = 0;
    const source = Readable.from(
      (function* () {
        for (; written < 256; written++) yield Buffer.alloc(1024 * 1024);
      })(),
      { objectMode: false },
    );
    const piped = pipeline(source, duplex);
    duplex.resume();
    let before: number;
    do {
      before = written;
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    } while (written !== before);
    expect(written).toBeLessThan(256);
    let read = 0;
    client.on("message", (data: Buffer) => (read += data.length));
    const closed = once(client, "close");
    client.resume();
    await Promise.all([piped, closed]);
    expect(read).toBe(256 * 1024 * 1024);
  });
});

describe("a stream of ours", () => {
  test("closes with 1000 at its end, and has finished when the peer has answered", async () => {
    const { client, duplex, connection } = await ourStream();
    const closed = once(client, "close");
    duplex.end("bye");
    duplex.resume();
    await once(duplex, "finish");
    expect(connection.status).toBe("Closed");
    expect(await closed).toEqual([1000, Buffer.alloc(0)]);
    if (!duplex.closed) await once(duplex, "close");
  });

  test("closes with 1011 when it is destroyed with an error, and cuts without one", async () => {
    const one = await ourStream();
    const closed = once(one.client, "close");
    const ended = endOf(one.duplex);
    one.duplex.destroy(new Error("boom"));
    expect(await closed).toEqual([1011, Buffer.alloc(0)]);
    expect(await ended).toEqual(new Error("boom"));
    const other = await ourStream();
    const cut = once(other.client, "close");
    other.duplex.destroy();
    expect(await cut).toEqual([1006, Buffer.alloc(0)]);
  });

  test("ends with the close of the peer, whatever its code, after what was sent before", async () => {
    const { client, duplex } = await ourStream();
    client.send(Buffer.from("last"));
    client.close(4000, "bye");
    expect((await buffer(duplex)).toString()).toBe("last");
    await finished(duplex);
    expect(duplex.destroyed).toBe(true);
  });

  test.each([
    ["is cut", "HWS_STREAM_ENDED", (socket: { terminate(): void }) => socket.terminate()],
    [
      "breaks the protocol",
      "HWS_RESERVED_OPCODE",
      (socket: unknown) =>
        (socket as { _socket: { write(bytes: Buffer): void } })._socket.write(Buffer.from([0x83, 0x80, 1, 2, 3, 4])),
    ],
  ] as const)("fails with a code when its peer %s", async (_how, code, act) => {
    const { client, duplex } = await ourStream();
    client.on("error", () => {});
    const ended = endOf(duplex);
    act(client);
    const error = (await ended) as { code: string };
    expect([code, "HWS_STREAM_FAILED"]).toContain(error.code);
  });

  test("fails with HWS_SHUTDOWN when the server ends, although the peer answers: it is cut short", async () => {
    const { duplex, wss } = await ourStream();
    const ended = endOf(duplex);
    await wss.terminate(5);
    expect(await ended).toMatchObject({ code: "HWS_SHUTDOWN" });
  });

  test.each(
    Object.entries(USES).flatMap(([use, begin]) =>
      Object.entries(ENDS).map(([how, end]) => [use, how, begin, end] as const),
    ),
  )("without a listener of errors, %s: a peer that %s does not end the process", async (_use, how, begin, end) => {
    const uncaught = vi.fn();
    process.on("uncaughtException", uncaught);
    onTestFinished(() => void process.off("uncaughtException", uncaught));
    const { client, duplex } = await ourStream();
    client.on("error", () => {});
    begin(duplex);
    // `once` of `node:events` would listen to errors.
    const closed = new Promise((resolve) => duplex.once("close", resolve));
    end(client);
    await closed;
    await new Promise((resolve) => setImmediate(resolve));
    expect(uncaught).not.toHaveBeenCalled();
    if (how !== "closes after two messages")
      expect(duplex.errored).toMatchObject({ code: expect.stringMatching(/^HWS_/) as string });
  });

  test("what its peer has caused, the server is told when only a pipe listens to errors", async () => {
    const told = vi.fn();
    const { client, duplex } = await ourStream({}, told);
    client.on("error", () => {});
    duplex.pipe(duplex);
    const closed = new Promise((resolve) => duplex.once("close", resolve));
    ENDS["breaks the protocol"](client);
    await closed;
    expect(told).toHaveBeenCalledOnce();
  });

  test("a write after the end of the connection has an error with a code", async () => {
    const { client, duplex, connection } = await ourStream();
    const ended = endOf(duplex);
    client.pause();
    const writes = Array.from(
      { length: 64 },
      () =>
        new Promise<Error | null | undefined>((resolve) => {
          duplex.write(Buffer.alloc(1024 * 1024), resolve);
        }),
    );
    connection.destroy();
    const errors = (await Promise.all(writes)).filter((one) => one instanceof Error);
    expect(errors.length).toBeGreaterThan(0);
    expect(await ended).toMatchObject({ code: expect.stringMatching(/^HWS_/) as string });
  });

  test("loses no byte with a policy that drops messages", async () => {
    const { client, duplex } = await ourStream({ sendQueuePolicy: "latest", maxSendQueue: 64 * 1024 });
    client.pause();
    const parts = Array.from({ length: 3000 }, (_, i) => Buffer.alloc(10_000, i % 251));
    let read = Buffer.alloc(0);
    const found: Buffer[] = [];
    client.on("message", (data: Buffer) => found.push(data));
    duplex.resume();
    for (const part of parts) duplex.write(part);
    duplex.end();
    client.resume();
    await once(client, "close");
    read = Buffer.concat(found);
    expect(read.equals(Buffer.concat(parts))).toBe(true);
  });

  test("a reader that stops does not hold back the end of its connection", async () => {
    const { client, duplex, wss } = await ourStream();
    for (let i = 0; i < 6; i++) client.send(Buffer.alloc(10_000));
    client.close();
    await once(client, "close");
    while (wss.connections.length > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await buffer(duplex)).length).toBe(60_000);
  });
});
