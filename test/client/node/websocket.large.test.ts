import { createHash } from "node:crypto";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "hawser/client";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer as WsServer } from "ws";

const KIB = 1024;
const hashOf = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** A server of `ws` that notes the hashes of what each client sends, and that stops reading again and again if it is slow. */
async function receiver(isSlow: boolean) {
  const got = new Map<string, string[]>();
  const server = new WsServer({ port: 0, maxPayload: 16 * KIB * KIB });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on("connection", (ws, request) => {
    const hashes: string[] = [];
    got.set(String(request.url), hashes);
    ws.on("message", (data: Buffer) => {
      hashes.push(hashOf(data));
      if (!isSlow || hashes.length % 7 !== 0) return;
      ws.pause();
      setTimeout(() => ws.resume(), 20);
    });
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return { got, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A message that no other one is like: a text, or bytes. */
function message(client: number, number: number): string | Buffer {
  const size = (64 + ((client * 31 + number * 57) % 400)) * KIB + (number % 3);
  const text = `${client}:${number}|`;
  return number % 2 === 0 ? text.repeat(Math.ceil(size / text.length)).slice(0, size) : Buffer.alloc(size, text);
}

test("a large message that the system has not taken is dropped, and not written, when its client is destroyed", async () => {
  const server = new WsServer({ port: 0 });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on("connection", (ws) => ws.pause());
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ws = await WebSocket.connect(
    url,
    { onMessage: () => undefined },
    { maxSendQueue: Infinity, closeTimeout: 300 },
  );
  ws.send("x".repeat(64 * KIB * KIB));
  await pause(50);
  const drained = ws.drained();
  ws.destroy();
  await ws.closed;
  expect(await drained).toBe(false);
  expect(ws.counters).toEqual({ accepted: 1, written: 0, dropped: 1, pending: 0 });
});

// A client masks a large frame into memory that is used again when the system has taken it, and no sooner.
test("large messages of several clients to a slow server arrive unchanged, each once and in order", async () => {
  const { got, url } = await receiver(true);
  const sent: string[][] = [];
  const run = async (client: number): Promise<void> => {
    const ws = await WebSocket.connect(`${url}/${client}`, { onMessage: () => undefined });
    onTestFinished(() => ws.destroy());
    const hashes: string[] = (sent[client] = []);
    for (let number = 0; number < 40; number++) {
      const data = message(client, number);
      hashes.push(hashOf(data));
      // Several at once, and then one after the other.
      if (!ws.send(data) || number > 20) expect(await ws.drained()).toBe(true);
    }
    await expect.poll(() => got.get(`/${client}`)?.length, { timeout: 30_000 }).toBe(40);
  };
  await Promise.all([0, 1, 2].map(run));
  for (const [client, hashes] of sent.entries()) expect(got.get(`/${client}`)).toEqual(hashes);
}, 60_000);

test("large messages that the system takes at once share one memory", async () => {
  const { got, url } = await receiver(false);
  const ws = await WebSocket.connect(`${url}/0`, { onMessage: () => undefined });
  onTestFinished(() => ws.destroy());
  const data = Buffer.alloc(64 * KIB, "a");
  const send = async (count: number): Promise<void> => {
    const before = got.get("/0")?.length ?? 0;
    for (let number = 0; number < count; number++) {
      ws.send(data);
      await pause(1);
    }
    await expect.poll(() => got.get("/0")?.length, { timeout: 30_000 }).toBe(before + count);
  };
  await send(3);
  const allocate = vi.spyOn(Buffer, "allocUnsafeSlow");
  onTestFinished(() => allocate.mockRestore());
  await send(10);
  expect(allocate.mock.calls.filter(([size]) => size >= data.length).length).toBeLessThan(10);
}, 60_000);
