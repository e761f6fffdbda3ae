import { once } from "node:events";
import { type Socket, connect, createServer } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { type ConnectError, InvalidArgumentError, WebSocket } from "hawser/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { NodeDialer } from "../../../src/client/node/node-dialer.ts";
import { readNodeOptions } from "../../../src/client/node/node-options.ts";
import type { ClientOptions } from "../../../src/client/options.ts";
import type { DialStage } from "../../../src/client/verdict.ts";
import { certificate } from "../../support/certificate.ts";
import { duplexOver } from "../../support/duplex-over.ts";
import { type Script, answer, hasLeft, scriptServer } from "../../support/scripted-server.ts";
import { Wire, turns } from "../../support/wire.ts";

const never = new AbortController().signal;

/** Dials, and returns the stages and the error. */
async function fail(url: string, options: ClientOptions = {}) {
  const dialer = new NodeDialer(readNodeOptions(options, {}));
  const dial = { attempt: 0, url: undefined, status: undefined, error: undefined, signal: never };
  const stages: DialStage[] = [];
  const onStage = (stage: DialStage): void => void stages.push(stage);
  const error = await dialer.dial({ url: new URL(url), protocols: [], dial, onStage }).then(
    ({ stream }) => {
      stream.destroy();
      throw new Error("It was accepted");
    },
    (cause: unknown) => cause as ConnectError,
  );
  return { stages, error };
}

function pushObject(this: Duplex, _chunk: unknown, _encoding: unknown, done: () => void): void {
  this.push({ a: 1 });
  done();
}

/** Notes what would end the process. */
function uncaught(): unknown[] {
  const noted: unknown[] = [];
  const note = (error: unknown): void => void noted.push(error);
  const events = ["uncaughtException", "unhandledRejection"] as const;
  for (const event of events) process.on(event, note);
  onTestFinished(() => {
    for (const event of events) process.off(event, note);
  });
  return noted;
}

function thrower(text: string): () => never {
  return () => {
    throw new Error(text);
  };
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

describe("the message of a dial that failed", () => {
  test("names the URL, without user and password", async () => {
    const port = String(await closedPort());
    const { error } = await fail(`ws://user:secret@127.0.0.1:${port}/a`);
    expect(error.message).toMatch(`The client could not connect: ws://127.0.0.1:${port}/a: connect ECONNREFUSED`);
    expect(error.cause).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("names the URL also if the server refuses, or its answer is invalid", async () => {
    for (const text of ["HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "what\r\n\r\n"]) {
      const { url } = await scriptServer(async (peer) => {
        await peer.request();
        peer.write(text);
      });
      expect((await fail(url)).error.message).toContain(`: ${url}/: `);
    }
  });

  test.each<[string, ClientOptions]>([
    ["headers: no", { headers: thrower("no") }],
    ["proxy: no", { proxy: thrower("no") }],
    ["createConnection: no", { createConnection: thrower("no") }],
  ])("says which function has failed: %s", async (text, options) => {
    const { error } = await fail("ws://a", options);
    expect(error.message).toBe(`The client could not connect: ws://a/: ${text}`);
    expect(error.cause).toMatchObject({ message: "no" });
  });

  test("says that the server may not speak TLS", async () => {
    const { port } = await scriptServer(({ socket }) => {
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    for (const createConnection of [undefined, () => duplexOver(connect(port, "127.0.0.1"))]) {
      const { error } = await fail(`wss://127.0.0.1:${String(port)}`, { createConnection });
      expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tls" });
      expect(error.message).toMatch(/: the server may not speak TLS$/);
      expect((error.cause as Error).message).toContain("SSL");
    }
  });
});

describe("the stages of a dial", () => {
  test("are told in their order", async () => {
    const port = String(await closedPort());
    expect((await fail(`ws://127.0.0.1:${port}`)).stages).toEqual(["provider", "tcp", "tcp"]);
    expect((await fail(`ws://localhost:${port}`)).stages.slice(0, 4)).toEqual(["provider", "tcp", "dns", "tcp"]);
    expect((await fail("ws://a", { proxy: `http://127.0.0.1:${port}` })).stages).toEqual(["provider", "tcp", "proxy"]);
    const tls = await scriptServer(({ socket }) => void socket.destroy(), certificate);
    const { stages } = await fail(tls.url, { tls: { ca: certificate.cert } });
    expect(stages).toEqual(["provider", "tcp", "tcp", "tls", "handshake"]);
  });

  test.each<[DialStage, Script, TlsOptions | undefined]>([
    ["tls", ({ socket }) => void socket.resume(), undefined],
    ["handshake", ({ socket }) => void socket.resume(), certificate],
    ["proxy", ({ socket }) => void socket.resume(), undefined],
  ])("are that of the error of handshakeTimeout: %s", async (stage, script, speaks) => {
    const { port } = await scriptServer(script, speaks);
    const server = `127.0.0.1:${String(port)}`;
    const options = {
      handshakeTimeout: 300,
      tls: { ca: certificate.cert },
      ...(stage === "proxy" && { proxy: `http://${server}` }),
    };
    const error = await WebSocket.connect(`wss://${server}`, {}, options).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "HWS_CONNECT_TIMEOUT", stage });
    expect((error as Error).message).toContain(`wss://${server}/: 300 ms`);
  });
});

describe("a stream of the application", () => {
  test.each<[string, ConnectionOptions | undefined, TlsOptions, DialStage]>([
    ["a certificate of nobody", undefined, {}, "tls"],
    ["a certificate for others", { ca: certificate.cert, servername: "example.com" }, {}, "tls"],
    [
      "an alert before the end of TLS's handshake",
      { ca: certificate.cert, maxVersion: "TLSv1.2" },
      { minVersion: "TLSv1.3" },
      "tls",
    ],
    ["an alert in place of the answer", { ca: certificate.cert }, { requestCert: true }, "tls"],
  ])("TLS over it fails at the stage tls: %s", async (_what, tls, more, stage) => {
    const { port } = await scriptServer(({ socket }) => void socket.resume(), { ...certificate, ...more });
    let made: Duplex | undefined;
    const createConnection = (): Duplex => (made = duplexOver(connect(port, "127.0.0.1")));
    const { error } = await fail("wss://localhost", { createConnection, tls });
    expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage });
    await expect.poll(() => made?.destroyed).toBe(true);
  });

  test.each(["ws", "wss"])("that cannot connect fails at the stage tcp: %s", async (scheme) => {
    const port = await closedPort();
    for (const wrap of [(socket: Socket) => socket, duplexOver]) {
      const { error } = await fail(`${scheme}://a`, { createConnection: () => wrap(connect(port, "127.0.0.1")) });
      expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp", cause: { code: "ECONNREFUSED" } });
    }
  });

  test.each(["ws", "wss"])("that fails by itself fails at the stage tcp: %s", async (scheme) => {
    const noted = uncaught();
    for (const wait of [() => Promise.resolve(), turns]) {
      const wire = new Wire();
      void wait().then(() => wire.destroy(new Error("broken")));
      const { error } = await fail(`${scheme}://a`, { createConnection: () => wire });
      expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp", cause: { message: "broken" } });
    }
    await turns();
    expect(noted).toEqual([]);
  });

  test.each(["ws", "wss"])("that throws when it is written to fails the dial: %s", async (scheme) => {
    const noted = uncaught();
    const stream = new Duplex({ read: () => undefined, write: thrower("cannot write") });
    const { error } = await fail(`${scheme}://a`, { createConnection: () => stream });
    expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp", cause: { message: "cannot write" } });
    await turns();
    expect([stream.destroyed, noted]).toEqual([true, []]);
  });

  test.each<[string, () => Duplex, string]>([
    ["a text", () => new Wire().setEncoding("utf8"), "no bytes: string"],
    ["an object", () => new Duplex({ objectMode: true, read: () => undefined, write: pushObject }), "no bytes: object"],
  ])("that delivers %s in the handshake fails the dial", async (_what, make, text) => {
    const stream = make();
    const dialed = fail("ws://a", { createConnection: () => stream });
    await turns();
    if (stream instanceof Wire) stream.arrive(Buffer.from("HTTP/1.1 403 No\r\n\r\n"));
    const { error } = await dialed;
    expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
    expect(error.message).toContain(text);
    expect(stream.destroyed).toBe(true);
  });

  test("that is a socket with an encoding fails the dial", async () => {
    const { port } = await scriptServer((peer) => peer.accept());
    const { error } = await fail("ws://a", { createConnection: () => connect(port, "127.0.0.1").setEncoding("utf8") });
    expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tcp" });
  });

  test.each(["on", "resume"])("whose %s throws fails the dial: ws and wss", async (name) => {
    const noted = uncaught();
    for (const scheme of ["ws", "wss"]) {
      const wire = new Wire();
      const method = Reflect.get(wire, name) as (...args: unknown[]) => unknown;
      const throws = function (this: unknown, event: unknown, ...more: unknown[]): unknown {
        if (event === "error") return method.call(this, event, ...more);
        throw new Error("no");
      };
      Object.assign(wire, { [name]: throws });
      const { error } = await fail(`${scheme}://a`, { createConnection: () => wire });
      expect(error, scheme).toMatchObject({ code: "HWS_CONNECT_FAILED" });
      await turns();
    }
    expect(noted).toEqual([]);
  });

  test("that lacks methods of a stream fails the dial", async () => {
    const chained = (): unknown => made;
    const made = { on: chained, once: chained, off: chained, write: chained, destroy: chained };
    const { error } = await fail("ws://a", { createConnection: () => made as never });
    expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "provider" });
  });

  test("that throws when it is destroyed fails the dial", async () => {
    const noted = uncaught();
    const stream = new PassThrough();
    stream.destroy = thrower("cannot be destroyed");
    // It answers with the request: that is no answer.
    expect((await fail("ws://a", { createConnection: () => stream })).error).toMatchObject({ stage: "http" });
    await turns();
    expect(noted).toEqual([]);
  });
});

describe("a step that throws after the connection was made destroys it", () => {
  test("options that TLS does not take", async () => {
    const { port, sockets } = await scriptServer(() => undefined);
    const tls = { minVersion: "TLSv9" } as never;
    const { error } = await fail(`wss://127.0.0.1:${String(port)}`, { tls });
    expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tls" });
    await expect.poll(() => hasLeft(sockets[0])).toBe(true);
  });

  test("an answer that is no handshake", async () => {
    const { url, sockets } = await scriptServer(async (peer) => {
      peer.write(answer(await peer.request(), ["Content-Length: 5"]), "hello");
    });
    const { error } = await fail(url);
    expect(error).toMatchObject({ code: "HWS_BAD_HANDSHAKE", stage: "handshake" });
    await expect.poll(() => hasLeft(sockets[0])).toBe(true);
  });
});

describe("what the application throws does not end the process", () => {
  test("checkServerIdentity", async () => {
    const noted = uncaught();
    const { url } = await scriptServer(() => undefined, certificate);
    const { error } = await fail(url, { tls: { ca: certificate.cert, checkServerIdentity: thrower("no name") } });
    expect(error).toMatchObject({ code: "HWS_CONNECT_FAILED", stage: "tls", cause: { message: "no name" } });
    await turns();
    expect(noted).toEqual([]);
  });

  test("a function for the proxy that rejects", async () => {
    const noted = uncaught();
    const { error } = await fail("ws://a", { proxy: (() => Promise.reject(new Error("late"))) as never });
    expect(error).toMatchObject({ stage: "provider", cause: expect.any(InvalidArgumentError) as unknown });
    await turns();
    expect(noted).toEqual([]);
  });
});

test("a URL of ws+unix: without an absolute path, or with another way, is refused at once, or fails the dial", async () => {
  for (const [url, options] of [
    ["ws+unix:run/s", {}],
    ["ws+unix:/run/s", { createConnection: () => new PassThrough() }],
  ] as const) {
    expect(() => new WebSocket(url, {}, options)).toThrow(InvalidArgumentError);
    const error = await WebSocket.connect(() => url, {}, options).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ stage: "provider", cause: expect.any(InvalidArgumentError) as unknown });
  }
});
