import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { startServer } from "../support/live-server.ts";
import { handshake, masked, RawClient, SAMPLE_KEY, type RawResponse } from "../support/raw-client.ts";

async function answer(port: number, request = handshake()): Promise<RawResponse> {
  const client = await RawClient.connect(port);
  client.write(request);
  return client.response();
}

// shows 6455-4.2.2-11, 6455-4.2.2-12, 6455-4.2.2-13, 6455-4.2.2-14
test("the RFC's own handshake gets the RFC's own answer", async () => {
  const { port } = await startServer();
  const { statusLine, headers } = await answer(port);
  expect(statusLine).toBe("HTTP/1.1 101 Switching Protocols");
  expect(Object.fromEntries(headers)).toEqual({
    upgrade: ["websocket"],
    connection: ["Upgrade"],
    "sec-websocket-accept": ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
  });
});

// shows 6455-4.2.2-14
test("the accept value is made of the key as it was sent", async () => {
  const { port } = await startServer();
  for (const key of ["AAAAAAAAAAAAAAAAAAAAAA==", "+/+/+/+/+/+/+/+/+/+/+w==", "  AQIDBAUGBwgJCgsMDQ4PEA==  "]) {
    const { headers } = await answer(port, handshake("/", { "Sec-WebSocket-Key": key }));
    const expected = createHash("sha1").update(`${key.trim()}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    expect(headers.get("sec-websocket-accept")).toEqual([expected]);
  }
});

// shows 6455-4.2.2-2
test.each([
  ["https://evil.example"],
  ["null"],
  ["http://127.0.0.1:1"],
  ["http://127.0.0.1.evil.example"],
  ["127.0.0.1"],
])("a client of the origin %s gets 403", async (origin) => {
  const { port, recorders } = await startServer();
  const client = await RawClient.connect(port);
  client.write(handshake("/", { Host: `127.0.0.1:${port}`, Origin: origin }));
  const { status, body } = await client.response();
  expect(status).toBe(403);
  expect(body).toMatch(/^[^\n]*[Oo]rigin[^\n]*\n?$/);
  expect((await client.rest()).length).toBe(0);
  expect(recorders).toEqual([]);
});

// shows 6455-4.2.2-3, 6455-4.2.2-4
test.each([["8"], ["25"], ["255"]])("version %s gets 426 and the version that is understood", async (version) => {
  const { port, recorders } = await startServer();
  const client = await RawClient.connect(port);
  client.write(handshake("/", { "Sec-WebSocket-Version": version }));
  const { status, headers } = await client.response();
  expect(status).toBe(426);
  expect(headers.get("sec-websocket-version")).toEqual(["13"]);
  expect((await client.rest()).length).toBe(0);
  expect(recorders).toEqual([]);
});

// shows 6455-4.2.2-5
test.each([["/other"], ["/chat/"], ["/chatter"], ["/CHAT"], ["/?/chat"]])(
  "the path %s, which is not served, gets 404",
  async (path) => {
    const { port, recorders } = await startServer({}, { path: "/chat" });
    const client = await RawClient.connect(port);
    client.write(handshake(path));
    const { status, body } = await client.response();
    expect(status).toBe(404);
    expect(body).toMatch(/^[^\n]+\n?$/);
    expect((await client.rest()).length).toBe(0);
    expect(recorders).toEqual([]);
  },
);

// shows 6455-4.2.2-6
test("the subprotocol in the answer is the one that was picked from the offer", async () => {
  const { port } = await startServer({
    connection(event) {
      event.protocol = event.protocols[1];
    },
  });
  const { status, headers } = await answer(port, handshake("/", { "Sec-WebSocket-Protocol": "v2.chat, v1.chat" }));
  expect(status).toBe(101);
  expect(headers.get("sec-websocket-protocol")).toEqual(["v1.chat"]);
});

// shows 6455-4.2.2-6, 6455-4.2.2-8
test.each([["v3.chat"], ["V2.chat"], [""]])(
  "a subprotocol that was not offered cannot be picked: '%s'",
  async (pick) => {
    const thrown: unknown[] = [];
    const { port } = await startServer({
      connection(event) {
        try {
          event.protocol = pick;
        } catch (error) {
          thrown.push(error);
        }
      },
    });
    const { status, headers } = await answer(port, handshake("/", { "Sec-WebSocket-Protocol": "v2.chat, v1.chat" }));
    expect(thrown).toEqual([expect.any(RangeError)]);
    expect(status).toBe(101);
    expect(headers.has("sec-websocket-protocol")).toBe(false);
  },
);

// shows 6455-4.2.2-7
test.each([["v2.chat"], [undefined]])(
  "without agreement (offered: %s) there is no subprotocol in the answer",
  async (offer) => {
    const { port } = await startServer();
    const { status, headers } = await answer(port, handshake("/", { "Sec-WebSocket-Protocol": offer }));
    expect(status).toBe(101);
    expect(headers.has("sec-websocket-protocol")).toBe(false);
  },
);

// shows 6455-4.2.2-9
test.each([["permessage-deflate; client_max_window_bits"], ["foo, bar; baz=2"], [undefined]])(
  "no extension is in use, whatever was offered (%s)",
  async (offer) => {
    const { port } = await startServer();
    const { status, headers } = await answer(port, handshake("/", { "Sec-WebSocket-Extensions": offer }));
    expect(status).toBe(101);
    expect(headers.has("sec-websocket-extensions")).toBe(false);
  },
);

// shows 6455-4.2.2-15
test("once the answer is out both ends may send", async () => {
  const { port, recorders } = await startServer({ open: (ws) => void ws.send("from the server") });
  const client = await RawClient.open(port);
  expect((await client.frame())?.payload.toString()).toBe("from the server");
  client.write(masked(0x81, "from the client"), masked(0x88));
  await client.frames();
  client.end();
  await recorders[0]?.over;
  expect(recorders[0]?.messages).toEqual(["from the client"]);
});

// shows 6455-4.2.2-15
test("frames that come in one packet with the handshake are read", async () => {
  const { port, recorders } = await startServer();
  const client = await RawClient.connect(port);
  client.write(handshake("/", { "Sec-WebSocket-Key": SAMPLE_KEY }), masked(0x81, "early"), masked(0x88));
  expect((await client.response()).status).toBe(101);
  await client.frames();
  client.end();
  await recorders[0]?.over;
  expect(recorders[0]?.messages).toEqual(["early"]);
});
