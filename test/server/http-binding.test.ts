import {
  type WSErrorEvent,
  type WSMessageEvent,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
} from "hawser";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createSecureServer } from "node:http2";
import { type Server as SecureServer, createServer as createHttpsServer } from "node:https";
import { connect, Server as NetServer } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { certificate, renewedCertificate } from "../support/certificate.ts";
import { Peer, portOf, turn, until } from "../support/peer.ts";
import { RawClient } from "../support/raw-client.ts";

/** A server's handler that records its calls. */
class Log {
  readonly calls: string[] = [];
  readonly errors: WSErrorEvent["errors"][number][] = [];

  onOpen(): void {
    this.calls.push("open");
  }

  onConnection(): { onMessage(): void; onTerminate(): void } {
    this.calls.push("connection");
    return { onMessage: () => {}, onTerminate: () => void this.calls.push("connection's terminate") };
  }

  onTerminate(): void {
    this.calls.push("terminate");
  }

  onError(_wss: unknown, { errors }: WSErrorEvent): void {
    this.calls.push("error");
    this.errors.push(errors[0]);
  }
}

function start(options: WebSocketServerOptions<"text">, log = new Log()): { wss: WebSocketServer; log: Log } {
  const wss = new WebSocketServer(log, options);
  onTestFinished(async () => wss.terminate(0));
  return { wss, log };
}

function ended(server: Server): Server {
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

describe("a web server of the user's", () => {
  // shows 4D-1-attach-http, 4D-1-handler-open-order
  test("attached before it listens: onOpen comes when it listens", async () => {
    const server = ended(createServer());
    const { log } = start({ server });
    await turn();
    expect(log.calls).toEqual([]);
    server.listen(0, "127.0.0.1");
    const port = await portOf(server);
    await turn();
    expect(log.calls).toEqual(["open"]);
    await Peer.open(port);
    expect(log.calls).toEqual(["open", "connection"]);
  });

  // shows 4D-1-attach-http, 4D-1-handler-open-order
  test("attached while it listens: onOpen comes right after the constructor", async () => {
    const server = ended(createServer().listen(0, "127.0.0.1"));
    const port = await portOf(server);
    const { log } = start({ server });
    expect(log.calls).toEqual([]);
    await turn();
    expect(log.calls).toEqual(["open"]);
    await Peer.open(port);
    expect(log.calls).toEqual(["open", "connection"]);
  });

  // shows 4D-1-attach-https
  test("it may be an https.Server", async () => {
    const server = createHttpsServer(certificate).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    const { wss } = start({ server });
    await Peer.openSecure(await portOf(server));
    expect(wss.connections.length).toBe(1);
  });

  // shows 4D-1-attach-http2
  test("it may be an http2 server that also speaks HTTP/1.1", async () => {
    const server = createSecureServer({ ...certificate, allowHTTP1: true }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    const { wss } = start({ server });
    await Peer.openSecure(await portOf(server));
    expect(wss.connections.length).toBe(1);
  });

  test("it goes on when the WebSocket server was terminated", async () => {
    const server = ended(createServer((_request, response) => response.end("mine")).listen(0, "127.0.0.1"));
    const port = await portOf(server);
    const { wss, log } = start({ server });
    const peer = await Peer.open(port);
    await wss.terminate();
    expect(await peer.closed).toEqual([1001, "retry-after=1"]);
    expect(server.listening).toBe(true);
    expect(await (await fetch(`http://127.0.0.1:${String(port)}/`)).text()).toBe("mine");
    expect(log.calls).toEqual(["open", "connection", "connection's terminate", "terminate"]);
  });

  // shows 4D-1-handler-terminate-web, 4D-1-handler-terminate-last
  test("when it is closed the WebSocket server ends too", async () => {
    const server = ended(createServer().listen(0, "127.0.0.1"));
    const port = await portOf(server);
    const { wss, log } = start({ server });
    const peer = await Peer.open(port);
    server.close();
    // A web server is closed when its last connection is closed.
    peer.socket.close();
    await until(() => wss.terminated);
    await until(() => log.calls.length === 4);
    expect(log.calls).toEqual(["open", "connection", "connection's terminate", "terminate"]);
  });

  test("its errors are reported, and its own listeners get them too", async () => {
    const server = ended(createServer());
    const own: Error[] = [];
    server.on("error", (error) => own.push(error));
    const { log, wss } = start({ server });
    const error = Object.assign(new Error("out of files"), { errno: -24, code: "EMFILE" });
    server.emit("error", error);
    expect(own).toEqual([error]);
    expect(log.errors).toEqual([{ errCode: 24, message: "out of files", componentSignature: "syst", cause: error }]);
    expect(wss.terminated).toBe(false);
  });

  test("after the end nothing is reported", async () => {
    const server = ended(createServer().on("error", () => {}));
    const { log, wss } = start({ server });
    await wss.terminate(0);
    server.emit("error", new Error("later"));
    server.listen(0, "127.0.0.1");
    await portOf(server);
    server.close();
    await once(server, "close");
    await turn();
    expect(log.calls).toEqual(["terminate"]);
  });
});

describe("many on one web server of the user's", () => {
  /** The warnings that Node gives from now on. */
  function warnings(): Error[] {
    const given: Error[] = [];
    const note = (warning: Error): void => void given.push(warning);
    process.on("warning", note);
    onTestFinished(() => void process.off("warning", note));
    return given;
  }

  /** Starts this many, each with its own path, and gives Node time to warn. */
  async function startMany(server: Server, count: number): Promise<WebSocketServer[]> {
    const all = Array.from({ length: count }, (_, i) => start({ server, path: `/${i}` }).wss);
    for (let i = 0; i < 3; i++) await turn();
    return all;
  }

  test.each([
    ["listens", true],
    ["does not listen yet", false],
  ])(
    "which %s: twelve cause no warning, and the web server is unchanged when they have ended",
    async (_what, listens) => {
      const given = warnings();
      const server = ended(createServer());
      if (listens) {
        server.listen(0, "127.0.0.1");
        await portOf(server);
      }
      const most = server.getMaxListeners();
      const all = await startMany(server, 12);
      expect(given).toEqual([]);
      // The user's own listeners still count: their limit is the same as without ours.
      expect(server.getMaxListeners()).toBe(most + 13);
      for (const wss of all) await wss.terminate(0);
      expect(server.getMaxListeners()).toBe(most);
      expect(given).toEqual([]);
    },
  );

  test("that allows any number of listeners still does, with them and after them", async () => {
    const server = ended(createServer());
    server.setMaxListeners(0);
    const all = await startMany(server, 3);
    expect(server.getMaxListeners()).toBe(0);
    for (const wss of all) await wss.terminate(0);
    expect(server.getMaxListeners()).toBe(0);
  });

  test("that allows few listeners allows as many of its own as before", async () => {
    const given = warnings();
    const server = ended(createServer());
    server.setMaxListeners(1);
    const [first, ...others] = await startMany(server, 12);
    await first?.terminate(0);
    expect([given, server.getMaxListeners()]).toEqual([[], 13]);
    for (const wss of others) await wss.terminate(0);
    expect(server.getMaxListeners()).toBe(1);
  });
});

describe("a web server of its own", () => {
  // shows 4D-1-own-server
  test("it listens at the given address, and stops when it is terminated", async () => {
    const { wss, log } = start({ port: 0, host: "127.0.0.1" });
    const port = await portOf(wss);
    await Peer.open(port);
    await wss.terminate(0);
    expect(wss.address()).toBeNull();
    const refused = connect(port, "127.0.0.1");
    const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
    expect(log.calls).toEqual(["open", "connection", "connection's terminate", "terminate"]);
  });

  // shows 4D-1-own-tls
  test("with a certificate it uses TLS", async () => {
    const { wss } = start({ port: 0, host: "127.0.0.1", tls: certificate });
    await Peer.openSecure(await portOf(wss));
    expect(wss.connections.length).toBe(1);
  });

  // shows 4D-1-handler-error-port
  test("setSecureContext renews its certificate, and no connection is lost", async () => {
    const wss = new WebSocketServer(
      {
        onConnection: () => ({
          onMessage: (ws: WebSocketConnection, event: WSMessageEvent) => void ws.send(event.data),
        }),
      },
      { port: 0, host: "127.0.0.1", tls: certificate },
    );
    onTestFinished(() => wss.terminate(0));
    const port = await portOf(wss);
    const open = async (ca: string): Promise<Peer> => Peer.openSecure(port, "/", { ca, rejectUnauthorized: true });
    const before = await open(certificate.cert);
    (wss.httpServer as SecureServer).setSecureContext(renewedCertificate);
    const after = await open(renewedCertificate.cert);
    await expect(open(certificate.cert)).rejects.toThrow(/certificate/);
    for (const peer of [before, after]) {
      peer.socket.send("hello");
      expect(await peer.received(1)).toEqual(["hello"]);
    }
    expect(wss.counters.connections).toMatchObject({ opened: 2, closed: 0 });
  });

  test("a port in use reaches onError with the system's code, and the server ends without ever being open", async () => {
    const taken = ended(createServer().listen(0, "127.0.0.1"));
    const port = await portOf(taken);
    const { wss, log } = start({ port, host: "127.0.0.1" });
    expect(log.calls).toEqual([]);
    await until(() => wss.terminated);
    expect(log.calls).toEqual(["error", "terminate"]);
    expect(log.errors[0]).toMatchObject({ componentSignature: "syst", cause: { code: "EADDRINUSE" } });
    expect(log.errors[0]?.errCode).toBe(Math.abs((log.errors[0]?.cause as { errno: number }).errno));
    expect(log.errors[0]?.message).toContain("EADDRINUSE");
    await wss.terminate();
    expect(log.calls).toEqual(["error", "terminate"]);
  });

  test("a host that does not exist reaches onError too", async () => {
    const { wss, log } = start({ port: 0, host: "192.0.2.1" });
    await until(() => wss.terminated);
    expect(log.calls).toEqual(["error", "terminate"]);
    expect(log.errors[0]?.cause).toMatchObject({ code: "EADDRNOTAVAIL" });
  });

  test("terminating leaves no client open, whatever its state", async () => {
    const { wss } = start({ port: 0, host: "127.0.0.1" });
    const port = await portOf(wss);
    const silent = await RawClient.connect(port);
    const halfway = await RawClient.connect(port);
    halfway.write("GET / HTTP/1.1\r\nHost:");
    await turn();
    await wss.terminate(0);
    for (const client of [silent, halfway]) expect((await client.rest()).length).toBe(0);
  });

  test("a client that never begins its TLS handshake does not delay the end", async () => {
    const { wss, log } = start({ port: 0, host: "127.0.0.1", tls: certificate, handshakeTimeout: 2 ** 31 - 1 });
    await RawClient.connect(await portOf(wss));
    await turn();
    await wss.terminate(0);
    expect(wss.address()).toBeNull();
    expect(log.calls).toEqual(["open", "terminate"]);
  });
});

describe("an error of the web server while it listens, without onError,", () => {
  function failing(options: WebSocketServerOptions<"text">): { wss: WebSocketServer; warned: () => unknown[] } {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    onTestFinished(() => {
      warn.mockRestore();
    });
    const wss = new WebSocketServer({ onConnection: () => null }, options);
    onTestFinished(async () => wss.terminate(0));
    return { wss, warned: () => warn.mock.calls.map(([text]) => text) };
  }
  const error = new Error("accept ENFILE");

  test("is a warning if the server is the library's own", async () => {
    const listen = vi.spyOn(NetServer.prototype, "listen");
    onTestFinished(() => {
      listen.mockRestore();
    });
    const { wss, warned } = failing({ port: 0, host: "127.0.0.1" });
    await wss.ready;
    const own = listen.mock.contexts.at(-1) as NetServer;
    own.emit("error", error);
    expect(warned()).toEqual(["An error that no onError handled: accept ENFILE"]);
    await Peer.open(await portOf(wss)).catch(() => undefined);
    expect(wss.terminated).toBe(false);
  });

  test("is no warning if it is the user's, who gets it", async () => {
    const server = ended(createServer().listen(0, "127.0.0.1"));
    const { wss, warned } = failing({ server });
    await wss.ready;
    const errors: unknown[] = [];
    server.on("error", (one) => errors.push(one));
    server.emit("error", error);
    expect([warned(), errors]).toEqual([[], [error]]);
  });
});
