import { once } from "node:events";
import { InvalidArgumentError } from "hawser";
import { webStreamHandler } from "hawser/streams";
import { describe, expect, test } from "vitest";
import { ourWebStreams } from "./stream-pairs.ts";

describe("web streams of a connection", () => {
  test("have the messages as the data type says, and end with the close of the peer", async () => {
    const { client, streams } = await ourWebStreams();
    client.send("text");
    client.send(Buffer.from([1]));
    client.close(4000, "bye");
    const found: unknown[] = [];
    for await (const message of streams.readable) found.push(message);
    expect(found).toEqual(["text", Buffer.from([1])]);
    expect(await streams.closed).toEqual({ closeCode: 4000, reason: "bye" });
  });

  test("send what send takes, and closing the writer closes with 1000", async () => {
    const { client, streams } = await ourWebStreams();
    const found: unknown[] = [];
    client.on("message", (data: Buffer, isBinary) => found.push([data.toString(), isBinary]));
    const closed = once(client, "close");
    const writer = streams.writable.getWriter();
    await writer.write("text");
    await writer.write(new Uint8Array([65]));
    await writer.write({ json: true });
    await writer.close();
    expect(await closed).toEqual([1000, Buffer.alloc(0)]);
    expect(found).toEqual([
      ["text", false],
      ["A", true],
      ['{"json":true}', false],
    ]);
    expect(await streams.closed).toEqual({ closeCode: 1000, reason: "" });
  });

  test("a message that cannot be sent fails the writer, which closes the connection", async () => {
    const { client, streams } = await ourWebStreams();
    const writer = streams.writable.getWriter();
    writer.closed.catch(() => {});
    await expect(writer.write(() => 1)).rejects.toThrow(InvalidArgumentError);
    expect((await once(client, "close"))[0]).toBe(1011);
  });

  test("hold the writer back when the peer does not read", async () => {
    const { client, streams } = await ourWebStreams({ maxSendQueue: 64 * 1024 * 1024 });
    client.pause();
    const writer = streams.writable.getWriter();
    let written = 0;
    const all = (async () => {
      for (; written < 64; written++) await writer.write(Buffer.alloc(1024 * 1024));
    })();
    let before: number;
    do {
      before = written;
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    } while (written !== before);
    expect(written).toBeLessThan(64);
    client.resume();
    await all;
    expect(written).toBe(64);
  });

  test("a write whose message is dropped fails, and closes the connection", async () => {
    const { client, streams, connection } = await ourWebStreams({
      sendQueuePolicy: "drop-newest",
      maxSendQueue: 1024 * 1024,
    });
    client.pause();
    const writer = streams.writable.getWriter();
    writer.closed.catch(() => {});
    // Until the operating system takes no more.
    while (connection.counters.dropped === 0) {
      connection.send(Buffer.alloc(500_000));
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect(writer.write(Buffer.alloc(600_000))).rejects.toMatchObject({ code: "HWS_SEND_QUEUE_FULL" });
    expect(connection.counters.dropped).toBe(2);
    client.resume();
    expect((await once(client, "close"))[0]).toBe(1011);
  });

  test("hold the peer back when nobody reads, and lose nothing", async () => {
    const { client, streams } = await ourWebStreams();
    let taken = 0;
    for (let i = 0; i < 64; i++)
      client.send(Buffer.alloc(1024 * 1024), () => {
        taken++;
      });
    const writer = streams.writable.getWriter();
    await Promise.all([writer.write("a"), once(client, "message")]);
    expect(taken).toBeLessThan(64);
    client.close();
    let read = 0;
    for await (const message of streams.readable) read += (message as Buffer).length;
    expect(read).toBe(64 * 1024 * 1024);
  });

  test("fail with a code when the connection is lost", async () => {
    const { client, streams } = await ourWebStreams();
    const reader = streams.readable.getReader();
    const writer = streams.writable.getWriter();
    const ends = [reader.read(), writer.closed, streams.closed];
    client.terminate();
    for (const end of await Promise.allSettled(ends))
      expect(end).toMatchObject({
        status: "rejected",
        reason: { code: expect.stringMatching(/^HWS_STREAM_/) as string },
      });
  });

  test("after the close of the peer a write fails", async () => {
    const { client, streams } = await ourWebStreams();
    const writer = streams.writable.getWriter();
    writer.closed.catch(() => {});
    client.close();
    await streams.closed;
    await expect(writer.write("late")).rejects.toMatchObject({ code: "HWS_NOT_CONNECTED" });
  });

  test.each([
    ["cancelling the reader", 1000, (streams) => streams.readable.cancel()],
    ["aborting the writer", 1011, (streams) => streams.writable.abort()],
    ["close with a code", 4001, (streams) => streams.close({ closeCode: 4001, reason: "bye" })],
    ["close without one", 1005, (streams) => streams.close()],
  ] as const satisfies readonly (readonly [
    string,
    number,
    (streams: Awaited<ReturnType<typeof ourWebStreams>>["streams"]) => unknown,
  ])[])("%s closes with %i", async (_how, code, act) => {
    const { client, streams } = await ourWebStreams();
    const closed = once(client, "close");
    await act(streams);
    expect(((await closed) as [number])[0]).toBe(code);
  });

  test("need a function", () => {
    expect(() => webStreamHandler({} as never)).toThrow(InvalidArgumentError);
  });
});
