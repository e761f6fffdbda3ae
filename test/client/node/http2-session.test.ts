import { once } from "node:events";
import {
  type ClientHttp2Session,
  type SecureClientSessionOptions,
  connect,
  createSecureServer,
  createServer,
} from "node:http2";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { PassThrough } from "node:stream";
import { type TLSSocket, connect as connectTls, createServer as createTlsServer } from "node:tls";
import { InvalidArgumentError } from "hawser/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasChosenHttp2, sessionFrom } from "../../../src/client/node/http2-session.ts";
import type { ConnectTarget } from "../../../src/client/options.ts";
import { certificate } from "../../support/certificate.ts";

function targetOf(url: string): ConnectTarget {
  return { host: "unused", port: 1, url: new URL(url), signal: new AbortController().signal };
}

/** A server of Node's on a port of its own. */
async function listen(isSecure: boolean, origins: readonly string[] = []): Promise<number> {
  const server = isSecure ? createSecureServer({ ...certificate, origins: [...origins] }) : createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function open(origin: string, options?: SecureClientSessionOptions): ClientHttp2Session {
  const session = connect(origin, { ca: certificate.cert, ...options });
  session.on("error", () => {}); // its dials fail
  onTestFinished(() => session.destroy());
  return session;
}

/** As over a proxy: its port is not that of the server. */
function connectThrough(port: number): TLSSocket {
  const socket = connectTcp(port, "127.0.0.1");
  return connectTls({ socket, servername: "localhost", ca: certificate.cert, ALPNProtocols: ["h2"] });
}

async function isFor(session: ClientHttp2Session, url: string): Promise<void> {
  expect(await sessionFrom(() => session, targetOf(url))).toBe(session);
}

test("only a TLS socket can have chosen HTTP/2", () => {
  const chosen = (alpnProtocol?: string): boolean =>
    hasChosenHttp2(Object.assign(new PassThrough(), alpnProtocol !== undefined && { alpnProtocol }));
  expect([chosen(), chosen("http/1.1"), chosen("h2")]).toEqual([false, false, true]);
});

test("the application's function is asked with the target, and may be async", async () => {
  const port = await listen(false);
  const session = open(`http://127.0.0.1:${port}`);
  const asked: unknown[] = [];
  const provide = async (of: unknown): Promise<typeof session> => {
    asked.push(of);
    return session;
  };
  const target = targetOf(`ws://127.0.0.1:${port}`);
  expect(await sessionFrom(provide, target)).toBe(session);
  expect(asked).toEqual([target]);
});

test("what it throws, or gives instead of a session, fails the dial and names the option", async () => {
  const target = targetOf("ws://localhost:1");
  const failing = (): never => {
    throw new Error("no session");
  };
  await expect(sessionFrom(failing, target)).rejects.toThrow(/http2.*no session/);
  await expect(sessionFrom((() => ({})) as never, target)).rejects.toThrow("http2: expected a session");
});

test.each([
  ["a server of HTTP/1.1 alone", { ca: certificate.cert }, "the server does not speak HTTP/2; with http2: true"],
  ["a certificate that is not trusted", { ca: [] }, "self-signed certificate"],
])("what fails in the TLS handshake is told as of TLS: %s", async (_what, options, text) => {
  const server = createTlsServer({ ...certificate, ALPNProtocols: [options.ca.length === 0 ? "h2" : "http/1.1"] });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const session = open(`https://127.0.0.1:${port}`, options);
  const dialed = sessionFrom(() => session, targetOf(`wss://127.0.0.1:${port}`));
  await expect(dialed).rejects.toMatchObject({
    code: "HWS_CONNECT_FAILED",
    stage: "tls",
    message: expect.stringContaining(text) as string,
  });
});

// RFC 9113 9.1.1
describe("a session is for the URL", () => {
  test("if it was made for its host and port", async () => {
    const [plain, secure] = [await listen(false), await listen(true)];
    await isFor(open(`http://127.0.0.1:${plain}`), `ws://127.0.0.1:${plain}/chat`);
    await isFor(open(`https://localhost:${secure}`), `wss://LOCALHOST:${secure}`);
  });

  test("if it was made for them over a connection that leads elsewhere first", async () => {
    const port = await listen(true);
    await isFor(open("https://localhost", { createConnection: () => connectThrough(port) }), "wss://localhost");
  });

  test("if the certificate is for its host too, and the port is the same", async () => {
    const port = await listen(true);
    await isFor(open(`https://localhost:${port}`), `wss://127.0.0.1:${port}`);
  });

  test("but not by a certificate that was not verified", async () => {
    const port = await listen(true);
    const session = open(`https://localhost:${port}`, { ca: [], rejectUnauthorized: false });
    await isFor(session, `wss://localhost:${port}`);
    const dialed = sessionFrom(() => session, targetOf(`wss://127.0.0.1:${port}`));
    await expect(dialed).rejects.toThrow(`the session is for localhost:${port}, and the URL for 127.0.0.1:${port}`);
  });

  test("but not since its originSet has it: Node puts the port of a tunnel there", async () => {
    const port = await listen(true, ["https://localhost:9"]);
    const session = open("https://localhost", { createConnection: () => connectThrough(port) });
    await once(session, "origin");
    expect(session.originSet).toEqual(expect.arrayContaining([`https://localhost:${port}`, "https://localhost:9"]));
    for (const wrong of [port, 9])
      await expect(sessionFrom(() => session, targetOf(`wss://localhost:${wrong}`))).rejects.toThrow(
        `the session is for localhost:443, and the URL for localhost:${wrong}`,
      );
  });

  test.each([
    [
      "another host",
      true,
      "wss://example.com:PORT",
      "the session is for localhost:PORT, and the URL for example.com:PORT",
    ],
    ["another port", true, "wss://localhost:9", "the session is for localhost:PORT, and the URL for localhost:9"],
    ["another port", false, "ws://localhost:9", "the session is for localhost:PORT, and the URL for localhost:9"],
    ["wss: on a session without TLS", false, "wss://localhost:PORT", "a session without TLS is not for wss:"],
    ["ws: on a session with TLS", true, "ws://localhost:PORT", "a session with TLS is not for ws:"],
  ])("but not %s: TLS is %s, %s", async (_name, isSecure, url, text) => {
    const port = String(await listen(isSecure));
    const session = open(`${isSecure ? "https" : "http"}://localhost:${port}`);
    const dialed = sessionFrom(() => session, targetOf(url.replace("PORT", port)));
    const error = await dialed.then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({
      code: "HWS_CONNECT_FAILED",
      stage: "provider",
      message: expect.stringContaining(`http2: ${text.replaceAll("PORT", port)}`) as string,
      cause: expect.any(InvalidArgumentError) as InvalidArgumentError,
    });
    expect(session.closed).toBe(false);
  });
});
