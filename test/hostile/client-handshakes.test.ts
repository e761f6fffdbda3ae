import { describe, expect, test } from "vitest";
import { RecordedClient, failedDial } from "../support/recorded-client.ts";
import { type ScriptedPeer, acceptOf, answer, scriptServer, unmasked, hasLeft } from "../support/scripted-server.ts";

/** Writes `text` again and again until the client has gone. */
async function writeForEver({ socket }: ScriptedPeer, text: string): Promise<void> {
  while (!socket.destroyed && socket.writable) {
    if (!socket.write(text)) await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

async function closed({ socket }: ScriptedPeer): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
}

describe("a server that does not answer", () => {
  test("is given up after handshakeTimeout", async () => {
    const { url } = await scriptServer(() => undefined);
    const error = await failedDial(url, { handshakeTimeout: 50 });
    expect(error).toMatchObject({ code: "HWS_CONNECT_TIMEOUT" });
  });

  test("or only a byte now and then, is given up after handshakeTimeout in all", async () => {
    const { url } = await scriptServer(async (peer) => {
      const text = answer(await peer.request());
      for (const byte of text) {
        peer.write(byte);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    const error = await failedDial(url, { handshakeTimeout: 100 });
    expect(error).toMatchObject({ code: "HWS_CONNECT_TIMEOUT" });
  });

  test("does not speak TLS at all: handshakeTimeout holds there too", async () => {
    const { port } = await scriptServer(() => undefined);
    const error = await failedDial(`wss://127.0.0.1:${String(port)}`, { handshakeTimeout: 50 });
    expect(error).toMatchObject({ code: "HWS_CONNECT_TIMEOUT" });
  });

  test("but ends or resets the connection: the dial fails at once", async () => {
    const server = await scriptServer([({ socket }) => socket.end(), ({ socket }) => socket.resetAndDestroy()]);
    expect(await failedDial(server.url)).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
    expect(await failedDial(server.url)).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
  });
});

describe("headers without an end", () => {
  test.each([
    ["headers", "HTTP/1.1 101 Switching Protocols\r\n", "X-More: 0123456789\r\n"],
    ["one header", "HTTP/1.1 101 Switching Protocols\r\nX-Long: ", "0123456789"],
    ["one name of a header", "HTTP/1.1 101 Switching Protocols\r\n", "X-Long-"],
    ["a status text", "HTTP/1.1 101 ", "Switching "],
    ["answers 100", "", "HTTP/1.1 100 Continue\r\n\r\n"],
    ["answers 103 with headers", "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"],
  ])("%s: the dial fails at maxHeaderSize", async (_what, start, more) => {
    const { url, sockets } = await scriptServer(async (peer) => {
      await peer.request();
      peer.write(start);
      await writeForEver(peer, more.repeat(50));
    });
    const error = await failedDial(url);
    expect(error).toMatchObject({ code: "HWS_BAD_HANDSHAKE" });
    expect(error.message).toContain("maxHeaderSize");
    expect(sockets).toHaveLength(1);
  });

  test("the answers before count with the last one", async () => {
    const size = (count: number) => (peer: ScriptedPeer) =>
      peer.request().then((request) => {
        const early = "HTTP/1.1 103 Early Hints\r\nLink: 0123456789\r\n\r\n".repeat(count);
        peer.write(early, answer(request, [`X-Long: ${"x".repeat(800)}`]));
      });
    const { url } = await scriptServer([size(1), size(20)]);
    const client = new RecordedClient(url, { maxHeaderSize: 1500 });
    await expect.poll(() => client.calls).toEqual(["open"]);
    expect(await failedDial(url, { maxHeaderSize: 1500 })).toMatchObject({ code: "HWS_BAD_HANDSHAKE" });
  });

  test("maxHeaderSize can be larger", async () => {
    const { url } = await scriptServer((peer) => peer.accept([`X-Long: ${"x".repeat(20_000)}`]));
    const client = new RecordedClient(url, { maxHeaderSize: 32 * 1024 });
    await expect.poll(() => client.calls).toEqual(["open"]);
  });
});

describe("an answer that is not HTTP", () => {
  test.each([
    ["folded lines", (request: string) => answer(request).replace("Connection: Upgrade", "Connection:\r\n Upgrade")],
    ["a space before a colon", (request: string) => answer(request).replace("Upgrade: w", "Upgrade : w")],
    ["NUL in a value", (request: string) => answer(request, ["X: a\0b"])],
    ["a bare line feed", (request: string) => answer(request).replaceAll("\r\n", "\n")],
    ["another protocol", () => "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ["HTTP/2", () => "HTTP/2.0 101 Switching Protocols\r\n\r\n"],
    ["101 alone", () => "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["a frame at once", () => unmasked(0x81, "hello").toString("latin1")],
  ])("%s: HWS_BAD_HANDSHAKE", async (_what, text) => {
    const { url } = await scriptServer(async (peer) => peer.write(text(await peer.request())));
    expect(await failedDial(url)).toMatchObject({ code: "HWS_BAD_HANDSHAKE", status: undefined });
  });
});

describe("an answer 101 that is wrong", () => {
  const first = unmasked(0x81, "too early");

  test.each<[string, (good: string, accept: string) => string]>([
    ["no Upgrade", (good) => good.replace("Upgrade: websocket\r\n", "")],
    ["another Upgrade", (good) => good.replace("Upgrade: websocket", "Upgrade: h2c")],
    ["Upgrade twice", (good) => good.replace("Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: websocket")],
    ["two protocols in Upgrade", (good) => good.replace("Upgrade: websocket", "Upgrade: websocket, h2c")],
    ["no Connection", (good) => good.replace("Connection: Upgrade\r\n", "")],
    ["another Connection", (good) => good.replace("Connection: Upgrade", "Connection: close")],
    ["Connection twice", (good) => good.replace("Connection: U", "Connection: Upgrade\r\nConnection: U")],
    ["no Sec-WebSocket-Accept", (good) => good.replace(/Sec-WebSocket-Accept.*\r\n/, "")],
    ["an empty Sec-WebSocket-Accept", (good, accept) => good.replace(accept, "")],
    ["the Sec-WebSocket-Accept of another key", (good, accept) => good.replace(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")],
    ["Sec-WebSocket-Accept in lower case", (good, accept) => good.replace(accept, accept.toLowerCase())],
    [
      "Sec-WebSocket-Accept twice",
      (good, accept) => good.replace(accept, `${accept}\r\nSec-WebSocket-Accept: ${accept}`),
    ],
    ["HTTP/1.0", (good) => good.replace("HTTP/1.1", "HTTP/1.0")],
    ["a subprotocol", (good) => good.replace("Upgrade: w", "Sec-WebSocket-Protocol: chat\r\nUpgrade: w")],
    ["an empty subprotocol", (good) => good.replace("Upgrade: w", "Sec-WebSocket-Protocol:\r\nUpgrade: w")],
    [
      "an extension",
      (good) => good.replace("Upgrade: w", "Sec-WebSocket-Extensions: permessage-deflate\r\nUpgrade: w"),
    ],
    ["a malformed extension", (good) => good.replace("Upgrade: w", "Sec-WebSocket-Extensions: a;;\r\nUpgrade: w")],
  ])("%s: HWS_BAD_HANDSHAKE, and nothing is delivered", async (_what, spoil) => {
    let request = "";
    const { url } = await scriptServer(async (peer) => {
      request = await peer.request();
      peer.write(spoil(answer(request), acceptOf(request)), first);
    });
    const client = new RecordedClient(url);
    expect(await client.ended).toMatchObject({ code: 1006 });
    expect(client.connectError).toMatchObject({ code: "HWS_BAD_HANDSHAKE", stage: "handshake" });
    expect(client.calls).toEqual(["error", "terminate"]);
  });

  test("a second Sec-WebSocket-Accept after 2,000 other headers is seen", async () => {
    const many = Array.from({ length: 2_100 }, () => "a:");
    const { url } = await scriptServer((peer) => peer.accept([...many, "Sec-WebSocket-Accept: x"]));
    const error = await failedDial(url, { maxHeaderSize: 64 * 1024 });
    expect(error).toMatchObject({ code: "HWS_BAD_HANDSHAKE" });
  });

  test.each([
    ["none of the offered", []],
    ["one that was not offered", ["Sec-WebSocket-Protocol: c"]],
    ["two", ["Sec-WebSocket-Protocol: a, b"]],
    ["two in two lines", ["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"]],
    ["another case", ["Sec-WebSocket-Protocol: A"]],
  ])("a choice of subprotocol: %s", async (_what, lines) => {
    const { url } = await scriptServer((peer) => peer.accept(lines));
    expect(await failedDial(url, { protocols: ["a", "b"] })).toMatchObject({ code: "HWS_BAD_HANDSHAKE" });
  });

  test.each([
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=7",
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=16",
    "permessage-deflate; server_no_context_takeover; client_max_window_bits=7",
    "permessage-deflate; server_no_context_takeover; client_max_window_bits=16",
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=09",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; server_no_context_takeover, permessage-deflate; server_no_context_takeover",
    "permessage-deflate; server_no_context_takeover; unknown",
    "permessage-deflate",
    "x-webkit-deflate-frame",
  ])("an answer about compression: %s", async (extension) => {
    const { url } = await scriptServer((peer) => peer.accept([`Sec-WebSocket-Extensions: ${extension}`]));
    expect(await failedDial(url, { compression: true })).toMatchObject({ code: "HWS_BAD_HANDSHAKE" });
  });
});

describe("a refusal", () => {
  test("without an end: 1 KiB is read, and the connection is cut", async () => {
    const { url, sockets } = await scriptServer(async (peer) => {
      await peer.request();
      peer.write("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n");
      await writeForEver(peer, `1000\r\n${"x".repeat(4096)}\r\n`);
    });
    const error = await failedDial(url);
    expect(error).toMatchObject({ code: "HWS_REFUSED", status: 404, stage: "http", body: "x".repeat(1024) });
    await expect.poll(() => sockets[0]?.destroyed).toBe(true);
  });

  test("whose body never comes: the status is told all the same", async () => {
    const { url, sockets } = await scriptServer(async (peer) => {
      await peer.request();
      peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nabc");
    });
    expect(await failedDial(url)).toMatchObject({ code: "HWS_REFUSED", status: 403, body: "abc" });
    await expect.poll(() => sockets[0]?.readableEnded).toBe(true);
  });

  test.each(["HTTP/1.1 200 OK", "HTTP/1.1 426 Upgrade Required", "HTTP/1.0 400 Bad Request", "HTTP/1.1 600 What"])(
    "%s",
    async (line) => {
      const { url } = await scriptServer(async (peer) => {
        await peer.request();
        peer.write(`${line}\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<h1>`);
      });
      const error = await failedDial(url);
      expect(error).toMatchObject({ code: "HWS_REFUSED", status: Number(line.split(" ")[1]), body: "<h1>" });
      expect(error.headers?.get("content-type")).toBe("text/html");
    },
  );

  test("200 with the headers of an upgrade is a refusal", async () => {
    const { url } = await scriptServer(async (peer) => {
      peer.write(answer(await peer.request()).replace("101 Switching Protocols", "200 OK"), unmasked(0x81, "x"));
      peer.raw.end();
    });
    expect(await failedDial(url)).toMatchObject({ code: "HWS_REFUSED", status: 200 });
  });

  test.each(["self", "file:///etc/passwd", "ws://169.254.169.254/", "http://[::1]:1/", "//other", ""])(
    "a redirect to %j is not followed",
    async (to) => {
      const server = await scriptServer(async (peer) => {
        await peer.request();
        const location = to === "self" ? server.url : to;
        peer.write(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`);
      });
      const error = await failedDial(server.url);
      expect(error).toMatchObject({ code: "HWS_REDIRECT", status: 302 });
      expect(error.message).toContain(to === "self" ? server.url : to);
      expect(server.sockets).toHaveLength(1);
    },
  );

  test("says Retry-After: 10^12 seconds: the client waits 5 minutes and the jitter", async () => {
    const { url } = await scriptServer(async (peer) => {
      await peer.request();
      peer.write("HTTP/1.1 503 Busy\r\nRetry-After: 1000000000000\r\nContent-Length: 0\r\n\r\n");
    });
    const client = new RecordedClient(url, { reconnect: true });
    await expect.poll(() => client.losses.length).toBe(1);
    expect(client.losses[0]?.delay).toBeGreaterThanOrEqual(300_000);
    expect(client.losses[0]?.delay).toBeLessThanOrEqual(375_000);
  });

  test("Set-Cookie is not kept for the next dial", async () => {
    const requests: string[] = [];
    const { url } = await scriptServer(async (peer) => {
      requests.push(await peer.request());
      peer.write("HTTP/1.1 503 Busy\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
    });
    const client = new RecordedClient(url, { reconnect: { retry: () => 0, maxAttempts: 1 } });
    await client.ended;
    expect(requests).toHaveLength(2);
    expect(requests[1]).not.toMatch(/cookie/i);
  });
});

describe("text of a server in an error", () => {
  const escape = "\u001b[2J\u009b1m";

  test("a status text is shown without control characters, and at most 200 of it", async () => {
    const { url } = await scriptServer(async (peer) => {
      await peer.request();
      peer.write(`HTTP/1.1 400 bad\t\u009b1m${"x".repeat(1_000)}\r\nContent-Length: 0\r\n\r\n`);
    });
    const { message } = await failedDial(url);
    expect(message).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
    expect(message).toContain("\\u{9}\\u{9b}1m");
    expect(message.length).toBeLessThan(300);
  });

  test("an extension and a Location are shown in the same way", async () => {
    const { url } = await scriptServer([
      (peer) => peer.accept([`Sec-WebSocket-Extensions: ${"x".repeat(2_000)}`]),
      async (peer) => {
        await peer.request();
        peer.write(
          `HTTP/1.1 301 Moved\r\nLocation: http://a/\u009b1m${"x".repeat(2_000)}\r\nContent-Length: 0\r\n\r\n`,
        );
      },
    ]);
    for (const compression of [true, false]) {
      const { message } = await failedDial(url, { compression });
      expect(message).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
      expect(message.length).toBeLessThan(400);
    }
  });

  test("what Node's parser says of bytes that are not HTTP has no control characters", async () => {
    const { url } = await scriptServer(async (peer) => {
      await peer.request();
      peer.write(`HTTP/1.1 101 ${escape}\r\n\r\n`);
    });
    const { message } = await failedDial(url);
    expect(message).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
  });
});

test("a server that accepts and drops in a loop meets growing delays", async () => {
  const { url } = await scriptServer(async (peer) => {
    await peer.accept();
    peer.socket.resetAndDestroy();
  });
  const client = new RecordedClient(url, { reconnect: { baseDelay: 8, maxDelay: 200 } });
  await expect.poll(() => client.losses.length, { timeout: 20_000 }).toBeGreaterThan(4);
  expect(client.losses.slice(0, 4).map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
});

test("a client that is ended while it dials destroys its socket", async () => {
  const { url, sockets } = await scriptServer((peer) => closed(peer));
  const client = new RecordedClient(url);
  await expect.poll(() => sockets.length).toBe(1);
  client.ws.terminate();
  expect(await client.ended).toMatchObject({ code: 1005 });
  await expect.poll(() => hasLeft(sockets[0])).toBe(true);
  expect(client.calls).toEqual(["terminate"]);
});
