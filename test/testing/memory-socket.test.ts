import { expect, test, vi } from "vitest";
import { MemorySocket } from "../../src/testing/memory-socket.ts";

test("bytes arrive at the other end, in memory of their own", async () => {
  const { client, server } = MemorySocket.pair("203.0.113.7");
  expect([client.remoteAddress, server.remoteAddress]).toEqual(["127.0.0.1", "203.0.113.7"]);
  const sent = Buffer.from("abc");
  client.write(sent);
  sent.fill(0);
  server.write("def");
  await vi.waitFor(() => expect(String(server.read())).toBe("abc"));
  await vi.waitFor(() => expect(String(client.read())).toBe("def"));
});

test("a write waits until the other end reads", async () => {
  const { client, server } = MemorySocket.pair("127.0.0.1");
  const done: string[] = [];
  client.write(Buffer.alloc(1_000_000), () => done.push("first"));
  client.write(Buffer.alloc(1), () => done.push("second"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(done).toEqual([]);
  server.resume();
  await vi.waitFor(() => expect(done).toEqual(["first", "second"]));
});

test("an end is read after the bytes, and each side ends alone", async () => {
  const { client, server } = MemorySocket.pair("127.0.0.1");
  const got: string[] = [];
  server.on("data", (data: Buffer) => got.push(data.toString()));
  server.on("end", () => got.push("end"));
  client.resume();
  client.end("last");
  await vi.waitFor(() => expect(got).toEqual(["last", "end"]));
  expect(server.writable).toBe(true);
  const closed = new Promise((resolve) => client.on("close", resolve));
  server.end();
  await closed;
  expect(client.errored).toBe(null);
});

test("destroying one end resets the other, unless both were done", async () => {
  const { client, server } = MemorySocket.pair("127.0.0.1");
  const failed = new Promise<Error>((resolve) => server.on("error", resolve));
  client.destroy();
  expect(await failed).toMatchObject({ code: "HWS_STREAM_FAILED", cause: { code: "ECONNRESET" } });
  server.write("nobody reads this");
  expect(client.destroyed && server.destroyed).toBe(true);
});
