import { createServer } from "node:http";
import { Duplex } from "node:stream";
import { WebSocketServer, type WebSocketConnection } from "hawser";
import { turns } from "../support/wire.ts";
import { expect, onTestFinished, test } from "vitest";

test("ping settles when a stream pushes the pong while the ping is written", async () => {
  const web = createServer();
  let opened: (ws: WebSocketConnection) => void = () => {};
  const open = new Promise<WebSocketConnection>((resolve) => (opened = resolve));
  const wss = new WebSocketServer({ onConnection: () => ({ onOpen: opened, onMessage() {} }) }, { server: web });
  onTestFinished(() => wss.terminate(0));
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      if (chunk[0] === 0x89 && chunk.length < 130) {
        const body = chunk.subarray(2);
        stream.push(Buffer.concat([Buffer.from([0x8a, 0x80 | body.length, 0, 0, 0, 0]), body]));
      }
      done();
    },
  });
  web.emit("connection", stream);
  stream.push(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const ws = await open;
  await turns();
  // The ping is written at once only if the stream is full.
  ws.send(Buffer.alloc(20_000));
  expect(await ws.ping()).toBeTypeOf("number");
});
