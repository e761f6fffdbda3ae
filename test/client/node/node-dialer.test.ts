import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { NodeDialer } from "../../../src/client/node/node-dialer.ts";
import { readNodeOptions } from "../../../src/client/node/node-options.ts";
import { VERSION } from "../../../src/client/node/version.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import { certificate } from "../../support/certificate.ts";
import { deferred } from "../../support/peer.ts";
import { RawClient } from "../../support/raw-client.ts";
import { answer, headerOf, scriptServer } from "../../support/scripted-server.ts";

const never = new AbortController().signal;

async function dial(url: string, options: ClientOptions = {}, signal = never, protocols: readonly string[] = []) {
  const onStage = (): void => undefined;
  const dialer = new NodeDialer(readNodeOptions(options, {}));
  const about = { attempt: 3, url: "before", status: 401, error: undefined, signal };
  const dialed = await dialer.dial({ url: new URL(url), protocols, dial: about, onStage });
  onTestFinished(() => void dialed.stream.destroy());
  return dialed;
}

/** A server that accepts everything, and the requests that it got. */
async function accepting(lines: readonly string[] = []) {
  const requests: string[] = [];
  const server = await scriptServer(async (peer) => void requests.push(await peer.accept(lines)));
  return { ...server, requests };
}

describe("the request", () => {
  test("is what RFC 6455 4.1 asks for, and nothing more", async () => {
    const { url, port, requests } = await accepting();
    await dial(`${url}/a/b?c=d%20e`);
    const [line, ...headers] = requests[0]?.trimEnd().split("\r\n") ?? [];
    expect(line).toBe("GET /a/b?c=d%20e HTTP/1.1");
    expect(headers).toEqual([
      `Host: 127.0.0.1:${String(port)}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      expect.stringMatching(/^Sec-WebSocket-Key: [A-Za-z0-9+/]{22}==$/),
      `User-Agent: hawser/${VERSION}`,
    ]);
  });

  test("has another key each time", async () => {
    const { url, requests } = await accepting();
    for (let i = 0; i < 20; i++) await dial(url);
    expect(new Set(requests.map((one) => headerOf(one, "Sec-WebSocket-Key"))).size).toBe(20);
  });

  test("has the headers of the application, which may replace Host and User-Agent", async () => {
    const { url, requests } = await accepting();
    await dial(url, { headers: { Host: "other", "User-Agent": "mine", Cookie: ["a=1", "b=2"], X: "\xfc" } });
    const request = requests[0] ?? "";
    expect(request.match(/^Host: .*$/gm)).toEqual(["Host: other"]);
    expect(request.match(/^User-Agent: .*$/gm)).toEqual(["User-Agent: mine"]);
    expect(request.match(/^Cookie: .*$/gm)).toEqual(["Cookie: a=1", "Cookie: b=2"]);
    expect(headerOf(request, "X")).toBe("\xfc");
  });

  test("has the subprotocols, the origin and the offer to compress", async () => {
    const { url, requests } = await accepting(["Sec-WebSocket-Protocol: b"]);
    const { protocol, deflate } = await dial(url, { origin: "https://a", compression: true }, never, ["a", "b"]);
    expect({ protocol, deflate }).toEqual({ protocol: "b", deflate: undefined });
    const request = requests[0] ?? "";
    expect(headerOf(request, "Sec-WebSocket-Protocol")).toBe("a, b");
    expect(headerOf(request, "Origin")).toBe("https://a");
    expect(headerOf(request, "Sec-WebSocket-Extensions")).toMatch(/^permessage-deflate; /);
  });

  test("has user and password of the URL, unless the application gives others", async () => {
    const { url, requests } = await accepting();
    const withUser = url.replace("//", "//us%20er:5%25@");
    await dial(withUser);
    await dial(withUser, { headers: { authorization: "Bearer x" } });
    const [first, second] = requests.map((one) => headerOf(one, "Authorization"));
    expect(Buffer.from(first?.replace("Basic ", "") ?? "", "base64").toString()).toBe("us er:5%");
    expect(second).toBe("Bearer x");
  });
});

describe("headers that are asked for", () => {
  test("are asked for with what is known of the last dial, before the connection is made", async () => {
    const { url, requests, sockets } = await accepting();
    const headers = vi.fn(async () => {
      await Promise.resolve();
      expect(sockets).toHaveLength(0);
      return { A: "1" };
    });
    await dial(url, { headers });
    expect(headers).toHaveBeenCalledWith(expect.objectContaining({ attempt: 3, url: "before", status: 401 }));
    expect(headerOf(requests[0] ?? "", "A")).toBe("1");
  });

  test.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("no token");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no token"))],
    ["gives a bad header", () => ({ "no token": "1" })],
  ])("a function that %s fails the dial, and nothing is sent", async (_what, headers) => {
    const { url, sockets } = await accepting();
    const failed = dial(url, { headers: headers as never });
    await expect(failed).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "provider" });
    await expect(failed).rejects.toThrow("no token");
    expect(sockets).toHaveLength(0);
  });
});

describe("createConnection", () => {
  test("gets the target, and its stream is used", async () => {
    const { port, requests } = await accepting();
    const createConnection = vi.fn(() => connect(port, "127.0.0.1"));
    await dial("ws://example.com:81/x", { createConnection });
    expect(createConnection).toHaveBeenCalledWith({
      host: "example.com",
      port: 81,
      url: new URL("ws://example.com:81/x"),
      signal: never,
    });
    expect(headerOf(requests[0] ?? "", "Host")).toBe("example.com:81");
  });

  test.each<[string, () => unknown, string]>([
    [
      "throws",
      () => {
        throw new Error("no way");
      },
      "no way",
    ],
    ["rejects", () => Promise.reject(new Error("no way")), "no way"],
    ["gives nothing", () => undefined, "expected a stream"],
    ["gives something else", () => "socket", "expected a stream"],
    ["gives something that can only write", () => ({ write: () => true }), "expected a stream"],
    ["gives a stream that is destroyed", () => new PassThrough().destroy(), "destroyed"],
    ["gives a stream that has just failed", () => new PassThrough().destroy(new Error("broken")), "broken"],
  ])("that %s fails the dial", async (_what, createConnection, text) => {
    const failed = dial("ws://example.com", { createConnection: createConnection as never });
    await expect(failed).rejects.toMatchObject({ code: "HWS_CONNECT_FAILED" });
    await expect(failed).rejects.toThrow(text);
  });

  test("that is late, after the dial was given up: its stream is destroyed", async () => {
    for (const scheme of ["ws", "wss"]) {
      const controller = new AbortController();
      const made = deferred<Socket>();
      const { port, requests } = await accepting();
      const failed = dial(`${scheme}://a`, { createConnection: () => made.promise }, controller.signal);
      controller.abort(new Error("given up"));
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      made.resolve(socket);
      await expect(failed).rejects.toThrow("given up");
      expect(socket.destroyed).toBe(true);
      expect(requests).toEqual([]);
    }
  });
});

describe("a Unix socket", () => {
  async function unixServer(name = "s") {
    const folder = mkdtempSync(join(tmpdir(), "hawser dial-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const requests: string[] = [];
    const server = createServer((socket) => {
      const peer = RawClient.over(socket);
      void peer.head().then((request) => {
        requests.push(request);
        peer.write(answer(request));
      });
    }).listen(join(folder, name));
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return { path: join(folder, name), requests };
  }

  test("of socketPath: the URL gives the Host and the target", async () => {
    const { path, requests } = await unixServer();
    await dial("ws://example.com/a?b", { socketPath: path });
    expect(requests[0]).toMatch(/^GET \/a\?b HTTP\/1.1\r\nHost: example.com\r\n/);
  });

  test("of ws+unix: the target follows a colon, and may have colons itself", async () => {
    const { path, requests } = await unixServer("a%b");
    const url = `ws+unix:${encodeURI(path)}`;
    await dial(url);
    await dial(`${url}:/x:y:z?q=1:2`);
    expect(requests.map((one) => one.split("\r\n", 2))).toEqual([
      ["GET / HTTP/1.1", "Host: localhost"],
      ["GET /x:y:z?q=1:2 HTTP/1.1", "Host: localhost"],
    ]);
  });
});

describe("the proxy", () => {
  test("of the option stands above that of the environment; null: none; a function is asked", async () => {
    const { url, requests } = await accepting();
    await dial(url, { proxy: null });
    await dial(url, { proxy: () => undefined });
    const proxy = vi.fn(() => null);
    await dial(url, { proxy });
    expect(proxy).toHaveBeenCalledWith(new URL(url));
    expect(requests).toHaveLength(3);
    await expect(dial(url, { proxy: "http://127.0.0.1:9" })).rejects.toMatchObject({ code: "HWS_PROXY_FAILED" });
  });

  test("a function that throws, or gives what is no proxy, fails the dial", async () => {
    const throws = () => {
      throw new Error("what");
    };
    for (const proxy of [throws, () => "socks5://a", () => "::"])
      await expect(dial("ws://127.0.0.1:9", { proxy })).rejects.toMatchObject({
        code: "HWS_CONNECT_FAILED",
        stage: "provider",
      });
  });

  test("of the environment is used for other hosts than the loopback", async () => {
    const lines: string[] = [];
    const { port } = await scriptServer(async (peer) => {
      lines.push((await peer.request()).split("\r\n")[0] ?? "");
      peer.write("HTTP/1.1 200 OK\r\n\r\n");
      await peer.accept();
    });
    vi.stubEnv("http_proxy", `http://127.0.0.1:${String(port)}`);
    vi.stubEnv("no_proxy", "");
    onTestFinished(() => void vi.unstubAllEnvs());
    await dial("ws://example.com/");
    expect(lines).toEqual(["CONNECT example.com:80 HTTP/1.1"]);
  });
});

test("the session of TLS is kept for the same origin only", async () => {
  const resumed: boolean[] = [];
  const onSocket = async (peer: { socket: Socket; accept: () => Promise<string> }) => {
    resumed.push((peer.socket as Socket & { isSessionReused: () => boolean }).isSessionReused());
    await peer.accept();
  };
  const { port } = await scriptServer(onSocket, certificate);
  const dialer = new NodeDialer(readNodeOptions({ tls: { ca: certificate.cert } }, {}));
  for (const host of ["127.0.0.1", "127.0.0.1", "localhost", "127.0.0.1"]) {
    const about = { attempt: 0, url: undefined, status: undefined, error: undefined, signal: never };
    const { stream } = await dialer.dial({
      url: new URL(`wss://${host}:${String(port)}`),
      protocols: [],
      dial: about,
      onStage: () => undefined,
    });
    stream.destroy();
  }
  // The session of one origin is kept: that of the last connection.
  expect(resumed).toEqual([false, true, false, false]);
});

test("the session of TLS is kept for the same Unix socket and the same host only", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hawser session-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const resumed: boolean[] = [];
  const start = async (name: string): Promise<void> => {
    // Servers with the same keys would take each other's sessions.
    const server = createTlsServer({ ...certificate, ticketKeys: Buffer.alloc(48) }, (socket) => {
      resumed.push(socket.isSessionReused());
      const peer = RawClient.over(socket);
      void peer.head().then((request) => peer.write(answer(request)));
    }).listen(join(folder, name));
    await once(server, "listening");
    onTestFinished(() => void server.close());
  };
  await start("a");
  await start("b");
  const about = { attempt: 0, url: undefined, status: undefined, error: undefined, signal: never };
  const dialAll = async (dialer: NodeDialer, urls: readonly string[]): Promise<boolean[]> => {
    for (const url of urls) {
      const request = { url: new URL(url), protocols: [], dial: about, onStage: () => undefined };
      (await dialer.dial(request)).stream.destroy();
    }
    return resumed.splice(0);
  };
  const tls = { ca: certificate.cert };
  const paths = ["a", "a", "b", "b", "a"].map((name) => `wss+unix:${encodeURI(join(folder, name))}`);
  const ofUrl = new NodeDialer(readNodeOptions({ tls }, {}));
  expect(await dialAll(ofUrl, paths)).toEqual([false, true, false, true, false]);
  const ofOption = new NodeDialer(readNodeOptions({ tls, socketPath: join(folder, "a") }, {}));
  const hosts = ["localhost", "localhost", "127.0.0.1"].map((host) => `wss://${host}`);
  expect(await dialAll(ofOption, hosts)).toEqual([false, true, false]);
});
