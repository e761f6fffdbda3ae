import { expect, test } from "vitest";
import { startServer } from "../support/live-server.ts";
import { handshake, RawClient, SAMPLE_KEY, type RawResponse } from "../support/raw-client.ts";

/** What a new server answers to `request`, once it has closed the connection. */
async function refusal(request: string): Promise<RawResponse> {
  const { port, recorders } = await startServer();
  const client = await RawClient.connect(port);
  client.write(request);
  const response = await client.response();
  expect(response.status).not.toBe(101);
  // Nothing after the body, and the server hangs up: the handshake is over.
  expect(await client.rest()).toEqual(Buffer.alloc(0));
  expect(recorders).toEqual([]);
  return response;
}

/** Every refusal says in one line of plain text why. */
function expectReason(response: RawResponse, status: number, reason: RegExp): void {
  expect(response.statusLine).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z][A-Za-z ]+$`));
  expect(response.headers.get("connection")?.join()).toMatch(/(^|, )close$/);
  expect(response.headers.get("content-type")).toEqual(["text/plain; charset=utf-8"]);
  expect(response.body).toMatch(/^[^\n]+\n?$/);
  expect(response.body).toMatch(reason);
}

async function expectAccepted(request: string): Promise<void> {
  const { port } = await startServer();
  const client = await RawClient.connect(port);
  client.write(request);
  expect((await client.response()).statusLine).toBe("HTTP/1.1 101 Switching Protocols");
}

// shows 6455-4.2.1-1, 6455-7.2-3
test("a handshake that breaks a rule gets one HTTP error, no WebSocket, and a closed connection", async () => {
  const { port, recorders } = await startServer();
  const client = await RawClient.connect(port);
  // A frame right after the bad handshake must not be read as one.
  client.write(handshake("/", { "Sec-WebSocket-Key": "short" }), [0x81, 0x80, 0, 0, 0, 0]);
  expect((await client.response()).status).toBe(400);
  expect((await client.rest()).length).toBe(0);
  expect(recorders).toEqual([]);
});

// shows 6455-4.2.1-2
test.each(["POST", "PUT", "DELETE", "OPTIONS"])("an upgrade by %s is refused", async (method) => {
  const response = await refusal(handshake().replace("GET", method));
  expectReason(response, 405, /GET/);
  expect(response.headers.get("allow")).toEqual(["GET"]);
});

// shows 6455-4.2.1-3
test("an upgrade by HTTP/1.0 is refused", async () => {
  expectReason(await refusal(handshake().replace("HTTP/1.1", "HTTP/1.0")), 400, /HTTP\/1\.1/);
});

// shows 6455-4.2.1-4
test("the request target may be an absolute URI: its path and query count", async () => {
  const urls: string[] = [];
  const { port } = await startServer(
    { connection: ({ request }) => void urls.push(request.query["name"] as string) },
    { path: "/status" },
  );
  await RawClient.open(port, "http://127.0.0.1/status?name=ryan");
  expect(urls).toEqual(["ryan"]);
});

// shows 6455-4.2.1-5
test("a handshake without Host is refused", async () => {
  expectReason(await refusal(handshake("/", { Host: undefined })), 400, /Host/);
});

// shows 6455-4.2.1-5
test("a handshake with two Hosts is refused", async () => {
  expectReason(await refusal(handshake("/", { host: "evil.example" })), 400, /Host/);
});

// shows 6455-4.2.1-6
test.each([["websocket"], ["WebSocket"], ["WEBSOCKET"]])("Upgrade: %s is accepted", async (value) => {
  await expectAccepted(handshake("/", { Upgrade: value }));
});

// shows 6455-4.2.1-6
test.each([["h2c"], ["websockets"], ["websocket/13"]])("Upgrade: %s is refused", async (value) => {
  const response = await refusal(handshake("/", { Upgrade: value }));
  expectReason(response, 426, /WebSocket/);
  expect(response.headers.get("upgrade")).toEqual(["websocket"]);
  // RFC 9110 7.8: who sends Upgrade lists it in Connection.
  expect(response.headers.get("connection")).toEqual(["Upgrade, close"]);
});

// shows 6455-4.2.1-6
test("a request without Upgrade is told to upgrade", async () => {
  const response = await refusal(handshake("/", { Upgrade: undefined, Connection: "close" }));
  expectReason(response, 426, /WebSocket/);
  expect(response.headers.get("upgrade")).toEqual(["websocket"]);
  // RFC 9110 7.8: who sends Upgrade lists it in Connection.
  expect(response.headers.get("connection")).toEqual(["Upgrade, close"]);
});

// shows 6455-4.2.1-7
test.each([["upgrade"], ["UPGRADE"], ["keep-alive, Upgrade"], ["Upgrade,keep-alive"], ["keep-alive\t,\tupgrade"]])(
  "Connection: %s is accepted",
  async (value) => {
    await expectAccepted(handshake("/", { Connection: value }));
  },
);

// shows 6455-4.2.1-7
test.each([["close"], ["keep-alive, upgraded"], [undefined]])("Connection: %s is refused", async (value) => {
  const response = await refusal(handshake("/", { Connection: value }));
  // Without the token Node takes it for a plain request.
  expectReason(response, 426, /WebSocket/);
});

// shows 6455-4.2.1-8
test.each([
  ["missing", undefined],
  ["empty", ""],
  ["of 15 bytes", "AAAAAAAAAAAAAAAAAAAA"],
  ["of 17 bytes", "AAAAAAAAAAAAAAAAAAAAAAA="],
  ["without padding", "dGhlIHNhbXBsZSBub25jZQ"],
  ["of another alphabet", "dGhlIHNhbXBsZSBub25jZ-=="],
  ["with a blank inside", "dGhlIHNhbXBs ZSBub25jZQ=="],
  ["with something after the padding", `${SAMPLE_KEY}x`],
  ["that came twice", `${SAMPLE_KEY}\r\nSec-WebSocket-Key: ${SAMPLE_KEY}`],
])("a key %s is refused", async (_how, key) => {
  expectReason(await refusal(handshake("/", { "Sec-WebSocket-Key": key })), 400, /Sec-WebSocket-Key/);
});

// shows 6455-4.2.1-8
test.each([["AAAAAAAAAAAAAAAAAAAAAA=="], ["/////////////////////w=="], ["+/+/+/+/+/+/+/+/+/+/+w=="]])(
  "the key %s is accepted",
  async (key) => {
    await expectAccepted(handshake("/", { "Sec-WebSocket-Key": key }));
  },
);

// shows 6455-4.2.1-9, 6455-4.3-2
test.each([["8"], ["12"], ["14"], ["013"], ["13.0"], ["+13"], ["0x0d"], ["256"], ["13, 8"], [""], [undefined]])(
  "Sec-WebSocket-Version: %s is refused",
  async (version) => {
    const response = await refusal(handshake("/", { "Sec-WebSocket-Version": version }));
    expectReason(response, 426, /version 13/);
    expect(response.headers.get("sec-websocket-version")).toEqual(["13"]);
  },
);

// shows 6455-4.2.1-10
test.each([["a b"], ["chat;v=1"], ['"chat"'], ["chat, chat"], ["caf\xe9"], ["{chat}"]])(
  "Sec-WebSocket-Protocol: %s is refused",
  async (value) => {
    expectReason(await refusal(handshake("/", { "Sec-WebSocket-Protocol": value })), 400, /Sec-WebSocket-Protocol/);
  },
);

// shows 6455-4.2.1-10
test("subprotocols are delivered in the client's order, from one field or several", async () => {
  const offers: (readonly string[])[] = [];
  const { port } = await startServer({ connection: ({ protocols }) => void offers.push(protocols) });
  await RawClient.open(port, "/", { "Sec-WebSocket-Protocol": "v2.chat, v1.chat\t,  plain" });
  await RawClient.open(port, "/", { "Sec-WebSocket-Protocol": "b", "sec-websocket-protocol": "a, c" });
  await RawClient.open(port);
  expect(offers).toEqual([["v2.chat", "v1.chat", "plain"], ["b", "a", "c"], []]);
});

// shows 6455-4.2.1-11, 6455-4.3-1
test.each([[""], ["foo;"], ["foo; =1"], ["foo; a="], ['foo; a="b'], ['foo; a="b c"'], ['foo; a=""'], ["foo bar"]])(
  "Sec-WebSocket-Extensions: %s counts as absent",
  async (value) => {
    await expectAccepted(handshake("/", { "Sec-WebSocket-Extensions": value }));
  },
);

// shows 6455-4.2.1-10
test.each([[""], [" "], [", ,"]])("Sec-WebSocket-Protocol: %j is empty and counts as absent", async (value) => {
  await expectAccepted(handshake("/", { "Sec-WebSocket-Protocol": value }));
});

// RFC 2616 2.1: null elements of a list are allowed, and do not count.
// shows 6455-4.2.1-10, 6455-4.2.1-11
test("empty elements of a list are ignored", async () => {
  const offers: (readonly string[])[] = [];
  const { port } = await startServer({ connection: ({ protocols }) => void offers.push(protocols) });
  await RawClient.open(port, "/", { "Sec-WebSocket-Protocol": "a,,b, ,", "Sec-WebSocket-Extensions": ",foo,,bar" });
  expect(offers).toEqual([["a", "b"]]);
});

// shows 6455-4.2.1-11, 6455-4.3-1
test.each([
  ["permessage-deflate; client_max_window_bits"],
  ["foo, bar; baz=2"],
  ["foo, foo;a;a"],
  ['mux; max-channels="4"; flow-control, deflate-stream'],
  ["constructor"],
  ["__proto__; toString"],
])("Sec-WebSocket-Extensions: %s is accepted", async (value) => {
  await expectAccepted(handshake("/", { "Sec-WebSocket-Extensions": value }));
});

// shows 6455-4.2.1-12
test("the order and the case of field names do not matter", async () => {
  const lines = handshake().trimEnd().split("\r\n");
  const [request = "", ...fields] = lines;
  const turned = fields.reverse().map((line) => line.replace(/^[^:]+/, (name) => name.toUpperCase()));
  await expectAccepted([request, ...turned, "", ""].join("\r\n"));
});

// shows 6455-4.2.1-13
test("unknown fields are ignored", async () => {
  await expectAccepted(handshake("/", { "X-Unknown": "yes", "Sec-WebSocket-Unknown": "1", Cookie: "a=b" }));
});

// shows 6455-4.2.1-14
test("a client without Origin is accepted", async () => {
  await expectAccepted(handshake("/", { Origin: undefined }));
});

// shows 6455-4.2.1-1
test("a handshake with a body is refused", async () => {
  expectReason(await refusal(`${handshake("/", { "Content-Length": "5" })}Hello`), 400, /body/i);
});

// shows 6455-4.2.1-1
test("bytes that are no HTTP are refused", async () => {
  const { port, recorders } = await startServer();
  const client = await RawClient.connect(port);
  client.write("HELLO\r\n\r\n");
  expect((await client.response()).status).toBe(400);
  expect((await client.rest()).length).toBe(0);
  expect(recorders).toEqual([]);
});

// shows 6455-4.2.1-1
test("a head that is too large gets 431", async () => {
  const response = await refusal(handshake("/", { Cookie: "a".repeat(17 * 1024) }));
  expectReason(response, 431, /too large/);
});
