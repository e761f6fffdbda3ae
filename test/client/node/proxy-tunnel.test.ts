import { InvalidArgumentError } from "hawser/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { openTunnel, readProxy } from "../../../src/client/node/proxy-tunnel.ts";
import { scriptServer, hasLeft } from "../../support/scripted-server.ts";

const never = new AbortController().signal;
const target = { host: "example.com", port: 443 };

test.each(["socks5://a", "socks://a", "ftp://a", "file:///a", "a", "http://"])("no proxy: %s", (url) => {
  expect(() => readProxy(url)).toThrow(InvalidArgumentError);
});

test("an error about a proxy does not show its password", () => {
  expect(() => readProxy("http://user:secret@:::")).toThrow(/^(?!.*secret)/);
  expect(() => readProxy("socks5://user:secret@host")).toThrow(/^(?!.*secret).*createConnection/);
});

test.each([
  ["", { host: "example.com", port: 443 }, "example.com:443", undefined],
  ["u:p@", { host: "::1", port: 80 }, "[::1]:80", "u:p"],
  ["%C3%BC@", { host: "a", port: 1 }, "a:1", "ü:"],
  ["100%25:5%zz@", { host: "a", port: 1 }, "a:1", "100%:5%zz"],
])("the request with %j in the URL", async (user, to, authority, credentials) => {
  let request = "";
  const { port } = await scriptServer(async (peer) => {
    request = await peer.request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  });
  const stream = await openTunnel(new URL(`http://${user}127.0.0.1:${String(port)}`), to, 1024, never);
  onTestFinished(() => void stream.destroy());
  expect(request).toMatch(
    new RegExp(
      `^CONNECT ${authority.replace(/[[\]]/g, "\\$&")} HTTP/1.1\r\nHost: ${authority.replace(/[[\]]/g, "\\$&")}\r\n`,
    ),
  );
  const sent = /^Proxy-Authorization: Basic (.*)\r$/m.exec(request)?.[1];
  expect(sent && Buffer.from(sent, "base64").toString()).toBe(credentials);
});

test("answers 1xx before the final one are skipped", async () => {
  const { port } = await scriptServer(async (peer) => {
    await peer.request();
    peer.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n");
    await new Promise((resolve) => setImmediate(resolve));
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    peer.socket.pipe(peer.socket);
  });
  const stream = await openTunnel(new URL(`http://127.0.0.1:${String(port)}`), target, 1024, never);
  onTestFinished(() => void stream.destroy());
  stream.write("echo");
  const echo = await new Promise((resolve) => stream.once("data", resolve));
  expect(String(echo)).toBe("echo");
});

describe("a proxy that fails: HWS_PROXY_FAILED, and the connection is destroyed", () => {
  test.each<[string, string, object]>([
    ["407", "HTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n", { status: 407 }],
    ["502 with a body without an end", "HTTP/1.1 502 Bad\r\n\r\nx".repeat(1), { status: 502 }],
    ["302", "HTTP/1.1 302 Found\r\nLocation: http://a/\r\nContent-Length: 0\r\n\r\n", { status: 302 }],
    ["101", "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", {}],
    ["bytes with the answer", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101", {}],
    ["102 for ever", "HTTP/1.1 102 Wait\r\n\r\n".repeat(100), {}],
    ["407 after 100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n", { status: 407 }],
    ["no HTTP", "SSH-2.0\r\n\r\n", {}],
    ["an answer without an end", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(1_000)}`, {}],
    ["control characters", "HTTP/1.1 500 \x9b1m\r\nContent-Length: 0\r\n\r\n", { status: 500 }],
  ])("%s", async (_what, bytes, details) => {
    const { port, sockets } = await scriptServer(async (peer) => {
      await peer.request();
      peer.write(bytes);
    });
    const url = new URL(`http://user:secret@127.0.0.1:${String(port)}`);
    const error = await openTunnel(url, target, 1024, never).catch((cause: unknown) => cause as Error);
    expect(error).toMatchObject({ code: "HWS_PROXY_FAILED", stage: "proxy", ...details });
    expect((error as Error).message).not.toMatch(/[\0-\x1f\x7f-\x9f]|secret/);
    await expect.poll(() => hasLeft(sockets[0])).toBe(true);
  });

  test("no proxy there", async () => {
    const error = await openTunnel(new URL("http://127.0.0.1:9"), target, 1024, never).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "HWS_PROXY_FAILED", stage: "proxy", status: undefined });
  });

  test("a dial that is given up tells its own reason", async () => {
    const controller = new AbortController();
    const { port, sockets } = await scriptServer(() => undefined);
    const opening = openTunnel(new URL(`http://127.0.0.1:${String(port)}`), target, 1024, controller.signal);
    await expect.poll(() => sockets.length).toBe(1);
    controller.abort(new Error("given up"));
    await expect(opening).rejects.toThrow("given up");
    await expect.poll(() => hasLeft(sockets[0])).toBe(true);
  });
});
