import { once } from "node:events";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { closeWhenSent, isHttp2Stream, isServerStream, resetIfHttp2 } from "../../src/handshake/http2-stream.ts";
import { answerTo, restOf, streamPair } from "../support/http2-client.ts";

test("a stream of HTTP/2 is told from others, and that of a server from that of a client", async () => {
  const { client, server } = await streamPair();
  expect([client, server, new PassThrough()].map((stream) => isHttp2Stream(stream))).toEqual([true, true, false]);
  expect([client, server, new PassThrough()].map((stream) => isServerStream(stream))).toEqual([false, true, false]);
});

// shows 8441-5-6
test("a reset says CANCEL, as RFC 8441 5 wants it for a lost connection", async () => {
  const { client, server } = await streamPair();
  server.respond({ ":status": 200 });
  await answerTo(client);
  resetIfHttp2(server);
  server.destroy();
  await once(client, "close");
  expect(client.rstCode).toBe(8);
});

test("other streams are not reset, nor is a stream that is closed", async () => {
  const { client, server } = await streamPair();
  server.respond({ ":status": 200 }, { endStream: true });
  client.end();
  client.resume();
  await once(server, "close");
  resetIfHttp2(server);
  resetIfHttp2(new PassThrough());
  expect(server.rstCode).toBe(0);
});

// shows 8441-5-5
test("a stream closes without an error when all was sent, though the client does not end its side, and reads late", async () => {
  const { client, server } = await streamPair();
  closeWhenSent(server);
  server.respond({ ":status": 200 });
  // Many times the window: the rest waits for the client.
  server.end(Buffer.alloc(1024 * 1024, "x"));
  await answerTo(client);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(server.closed).toBe(false);
  expect((await restOf(client)).length).toBe(1024 * 1024);
  expect([client.rstCode, server.rstCode]).toEqual([0, 0]);
});
