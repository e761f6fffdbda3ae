import { once } from "node:events";
import { Http2ServerRequest, type ServerHttp2Stream } from "node:http2";
import { expect, test } from "vitest";
import { Http2Request } from "../../src/handshake/http2-request.ts";
import { NodeRequest } from "../../src/handshake/node-request.ts";
import { streamPair } from "../support/http2-client.ts";

async function request(headers = {}, path?: string): Promise<{ request: Http2Request; end: () => Promise<unknown> }> {
  const { client, server, received, raw } = await streamPair(headers, path);
  return {
    request: new Http2Request(server, received, raw),
    end: async () => {
      client.session?.destroy();
      await once(server, "close");
    },
  };
}

test("it has what a request of HTTP/1.1 has", async () => {
  const { request: message } = await request({ cookie: "a=1; b=2", origin: "https://example.com" }, "/chat?name=ann");
  expect(message).toMatchObject({
    httpVersion: "2.0",
    method: "CONNECT",
    url: "/chat?name=ann",
    protocol: "websocket",
  });
  const read = new NodeRequest(message);
  expect(read).toMatchObject({
    httpVersion: "2.0",
    path: "/chat",
    query: { name: "ann" },
    remoteAddress: "127.0.0.1",
    isGone: false,
  });
  expect(read.cookies).toEqual({ a: "1", b: "2" });
  expect(read.headers).toMatchObject({ origin: "https://example.com", "sec-websocket-version": "13" });
});

// shows 8441-4-2
test("the host is what the client asked for, whatever a header says, and no pseudo-header is left", async () => {
  const { request: message } = await request({ ":authority": "example.com", host: "evil.example" });
  const { headers } = new NodeRequest(message);
  expect(headers.host).toBe("example.com");
  expect(message.rawHeaders.filter((name, i) => i % 2 === 0 && name.startsWith(":"))).toEqual([]);
});

test("without :authority the header host counts (RFC 9113 8.3.1)", () => {
  const message = new Http2Request({} as unknown as ServerHttp2Stream, { ":path": "/" }, [
    ":path",
    "/",
    "host",
    "example.com",
  ]);
  expect(new NodeRequest(message).headers.host).toBe("example.com");
});

test("cookies in several fields are one list (RFC 9113 8.2.3)", async () => {
  const { request: message } = await request({ cookie: ["a=1", "b=2"] });
  expect(new NodeRequest(message).cookies).toEqual({ a: "1", b: "2" });
});

test("Node's own object is made once, when it is asked for", async () => {
  const { request: message } = await request();
  expect(new NodeRequest(message).raw).toBeInstanceOf(Http2ServerRequest);
  expect(message.nodeRequest).toBe(message.nodeRequest);
});

test("a client that has gone has no address, and asking for it does not throw", async () => {
  const { request: message, end } = await request();
  const read = new NodeRequest(message);
  await end();
  expect([message.socket.remoteAddress, message.socket.localAddress]).toEqual([undefined, undefined]);
  expect([read.remoteAddress, read.isGone]).toEqual(["", true]);
});
