import { once } from "node:events";
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
  type RequestListener,
  type RequestOptions,
  request as ask,
} from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import express from "express";
import { type WSRefusedEvent, WebSocketServer, type WebSocketServerOptions } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { Recorder } from "../support/live-server.ts";
import { deferred, portOf, until } from "../support/peer.ts";
import { RawClient, handshake } from "../support/raw-client.ts";

interface Live {
  readonly wss: WebSocketServer;
  readonly port: number;
  readonly refused: WSRefusedEvent[];
}

async function serve(requestListener: RequestListener, options: WebSocketServerOptions<"text"> = {}): Promise<Live> {
  const refused: WSRefusedEvent[] = [];
  const wss = new WebSocketServer(
    {
      onConnection: () => new Recorder({ message: (ws, data) => ws.send(data) }),
      onRefused: (_wss: WebSocketServer, event: WSRefusedEvent) => refused.push(event),
    },
    { port: 0, host: "127.0.0.1", requestListener, ...options },
  ) as unknown as WebSocketServer;
  onTestFinished(() => wss.terminate(0));
  return { wss, port: await portOf(wss), refused };
}

/** Sends a request whose body may follow. */
function send(port: number, options: RequestOptions = {}): ClientRequest {
  return ask({ host: "127.0.0.1", port, ...options });
}

async function answerTo(request: ClientRequest): Promise<{ status: number; body: string; message: IncomingMessage }> {
  const [message] = (await once(request, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of message.setEncoding("utf8")) body += String(chunk);
  return { status: message.statusCode ?? 0, body, message };
}

async function get(port: number, options: RequestOptions = {}): ReturnType<typeof answerTo> {
  return answerTo(send(port, options).end());
}

async function openClient(port: number): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${String(port)}`);
  onTestFinished(() => client.terminate());
  await once(client, "open");
  return client;
}

describe("plain requests on the own web server", () => {
  test("get the application's answer, beside WebSockets on the same port", async () => {
    const { wss, port, refused } = await serve((request, response) => {
      response.writeHead(request.url === "/health" ? 200 : 404).end("ok");
    });
    const client = await openClient(port);
    expect(await get(port, { path: "/health" })).toMatchObject({ status: 200, body: "ok" });
    expect(await get(port, { path: "/other" })).toMatchObject({ status: 404 });
    client.send("hello");
    expect(String(((await once(client, "message")) as [Buffer])[0])).toBe("hello");
    expect(refused).toEqual([]);
    expect(wss.counters.refused).toMatchObject({ version: 0, method: 0 });
  });

  test("an Express app answers them", async () => {
    const app = express();
    app.get("/users/:id", (request, response) => void response.json({ id: request.params.id }));
    const { port } = await serve(app);
    expect(await get(port, { path: "/users/5" })).toMatchObject({ status: 200, body: '{"id":"5"}' });
    expect(await get(port, { path: "/users" })).toMatchObject({ status: 404 });
    await openClient(port);
  });

  test("a request for another protocol than WebSocket goes to the application", async () => {
    const { port } = await serve((_request, response) => response.end("plain"));
    const headers = { connection: "Upgrade", upgrade: "h2c" };
    expect(await get(port, { headers })).toMatchObject({ status: 200, body: "plain" });
  });

  test("an expectation is Node's to answer", async () => {
    const { port } = await serve((request, response) => {
      request.resume().on("end", () => response.end("taken"));
    });
    const upload = send(port, { method: "POST", headers: { expect: "100-continue", "content-length": 3 } });
    upload.flushHeaders();
    await once(upload, "continue");
    upload.end("abc");
    expect(await answerTo(upload)).toMatchObject({ status: 200, body: "taken" });
  });

  test("Node's own check of Host holds for them, and ours for handshakes", async () => {
    const { port } = await serve((_request, response) => response.end("never"));
    for (const text of ["GET / HTTP/1.1\r\n\r\n", handshake("/", { Host: undefined })]) {
      const client = await RawClient.connect(port);
      client.write(text);
      expect((await client.response()).status).toBe(400);
      client.socket.destroy();
    }
  });

  test("CONNECT gets 405, and what is not HTTP gets 400", async () => {
    const { port, refused } = await serve((_request, response) => response.end("never"));
    for (const [text, status] of [
      ["CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", 405],
      ["nonsense\r\n\r\n", 400],
    ] as const) {
      const client = await RawClient.connect(port);
      client.write(text);
      expect((await client.response()).status).toBe(status);
      await client.rest();
    }
    expect(refused.map(({ status }) => status)).toEqual([405, 400]);
  });

  test("a client whose bytes are no HTTP in the middle of an answer gets no second answer", async () => {
    const { port, refused } = await serve((_request, response) => {
      response.writeHead(200, { "Content-Length": 10 });
      response.write("12345");
    });
    const client = await RawClient.connect(port);
    client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    await until(() => client.socket.bytesRead > 0);
    client.write("not a chunk\r\n");
    expect((await client.rest()).toString()).toMatch(/^HTTP\/1\.1 200 [^]*\r\n\r\n12345$/);
    expect(refused).toEqual([]);
  });
});

describe("the limits of plain requests", () => {
  test("an upload of five times handshakeTimeout is not cut by it", async () => {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      let bytes = 0;
      request.on("data", (chunk: Buffer) => (bytes += chunk.length));
      request.on("end", () => response.end(String(bytes)));
    };
    const { wss, port, refused } = await serve(answer, { handshakeTimeout: 300 });
    const upload = send(port, { method: "POST" });
    for (let part = 0; part < 15; part++) {
      upload.write("x".repeat(1000));
      await delay(100);
    }
    upload.end();
    expect(await answerTo(upload)).toMatchObject({ status: 200, body: "15000" });
    expect(wss.counters.limits.handshakeTimeout).toBe(0);
    expect(refused).toEqual([]);
  });

  test("a head that does not come in time still gets 408", async () => {
    const { wss, port } = await serve((_request, response) => response.end(), { handshakeTimeout: 100 });
    const client = await RawClient.connect(port);
    client.write("GET / HTTP/1.1\r\nHost:");
    expect((await client.response()).status).toBe(408);
    await client.rest();
    expect(wss.counters.limits.handshakeTimeout).toBe(1);
  });

  test("clients that keep their connection are no pending sockets: there may be more than maxHandshakes", async () => {
    const { wss, port } = await serve((_request, response) => response.end("ok"), { maxHandshakes: 3 });
    const agents = Array.from({ length: 10 }, () => new Agent({ keepAlive: true }));
    onTestFinished(() => {
      for (const agent of agents) agent.destroy();
    });
    for (const round of ["first", "second"])
      for (const agent of agents) {
        const request = send(port, { agent }).end();
        expect((await answerTo(request)).body).toBe("ok");
        expect(request.reusedSocket).toBe(round === "second");
      }
    await openClient(port);
    expect(wss.counters.limits.maxHandshakes).toBe(0);
  });

  test("a request under way is none either", async () => {
    const { wss, port } = await serve(() => undefined, { maxHandshakes: 2 });
    const requests = Array.from({ length: 6 }, () => send(port).end());
    let begun = 0;
    (wss.httpServer as unknown as NodeJS.EventEmitter).on("request", () => begun++);
    await until(() => begun === 6);
    await openClient(port);
    expect(wss.counters.limits.maxHandshakes).toBe(0);
    for (const request of requests) request.on("error", () => undefined).destroy();
  });

  test("a client that sends nothing still loses its place to others", async () => {
    const { wss, port } = await serve((_request, response) => response.end("ok"), { maxHandshakes: 2 });
    const silent = await Promise.all([1, 2, 3].map(async () => RawClient.connect(port)));
    await silent[0]!.rest();
    expect(wss.counters.limits.maxHandshakes).toBe(1);
    expect((await get(port)).body).toBe("ok");
    for (const client of silent) client.socket.destroy();
  });
});

describe("the sockets of plain requests have limits of their own", () => {
  test("as many from one address as WebSockets", async () => {
    const { wss, port, refused } = await serve(() => undefined, { maxConnectionsPerAddress: 2 });
    const waiting = [send(port).end(), send(port).end()];
    for (const request of waiting) request.on("error", () => undefined);
    let begun = 0;
    (wss.httpServer as unknown as NodeJS.EventEmitter).on("request", () => begun++);
    await until(() => begun === 2);
    const { status, message } = await get(port);
    expect([status, message.headers["retry-after"], message.headers.connection]).toEqual([429, "1", "close"]);
    expect(refused).toMatchObject([{ status: 429, reason: "limit", remoteAddress: "127.0.0.1" }]);
    expect(wss.counters.limits.maxConnectionsPerAddress).toBe(1);
    // Places of WebSockets are not theirs.
    await openClient(port);
    await openClient(port);
    for (const request of waiting) request.destroy();
  });

  test("as many in total as WebSockets, which keep their places", async () => {
    const { wss, port } = await serve((_request, response) => response.end("ok"), {
      maxConnections: 2,
      maxHandshakes: 2,
    });
    const agents = [1, 2].map(() => new Agent({ keepAlive: true }));
    onTestFinished(() => {
      for (const agent of agents) agent.destroy();
    });
    for (const agent of agents) expect((await get(port, { agent })).status).toBe(200);
    expect((await get(port)).status).toBe(503);
    expect(wss.counters.limits.maxConnections).toBe(1);
    await openClient(port);
    await openClient(port);
    // A place is free again when a client leaves.
    agents[0]!.destroy();
    await expect.poll(async () => (await get(port)).status).toBe(200);
  });

  test("a place is given back when the socket becomes a WebSocket", async () => {
    const { port } = await serve((_request, response) => response.end("ok"), { maxConnections: 1 });
    const client = await RawClient.connect(port);
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect((await client.response()).status).toBe(200);
    client.write(handshake());
    expect((await client.response()).status).toBe(101);
    expect((await get(port)).status).toBe(200);
  });
});

describe("requests that are sent before the answers to earlier ones", () => {
  const THREE = ["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join("");

  test("are all answered during terminate, and the last answer closes", async () => {
    const answers: (() => void)[] = [];
    const { wss, port } = await serve((request, response) => void answers.push(() => response.end(request.url)));
    const client = await RawClient.connect(port);
    client.write(THREE);
    await until(() => answers.length === 3);
    const terminated = wss.terminate(60);
    for (const answer of answers.reverse()) answer();
    const responses = [await client.response(), await client.response(), await client.response()];
    expect(responses.map(({ body }) => body)).toEqual(["/1", "/2", "/3"]);
    expect(responses.map(({ headers }) => headers.get("connection")?.[0])).toEqual([
      "keep-alive",
      "keep-alive",
      "close",
    ]);
    await terminated;
  });

  test("during terminate too", async () => {
    const answers: (() => void)[] = [];
    const { wss, port } = await serve((request, response) => void answers.push(() => response.end(request.url)));
    const busy = await RawClient.connect(port);
    busy.write(handshake());
    await busy.response();
    const client = await RawClient.connect(port);
    const terminated = wss.terminate(60);
    client.write(THREE);
    await until(() => answers.length === 3);
    for (const answer of answers) answer();
    for (const path of ["/1", "/2", "/3"]) expect((await client.response()).body).toBe(path);
    busy.socket.destroy();
    await terminated;
  });

  test("are not under way any more when their socket has closed", async () => {
    let begun = 0;
    const { wss, port } = await serve(() => {
      begun++;
    });
    const client = await RawClient.connect(port);
    client.write(THREE);
    await until(() => begun === 3);
    client.socket.resetAndDestroy();
    await wss.terminate(60);
    expect(wss.terminated).toBe(true);
  });

  test("CONNECT is answered after them", async () => {
    let answer: (() => void) | undefined;
    const { port } = await serve((_request, response) => {
      answer = () => response.end("first");
    });
    const client = await RawClient.connect(port);
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\nCONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n");
    await until(() => answer !== undefined);
    // The socket is one of a request by now.
    setImmediate(() => setImmediate(() => answer?.()));
    expect((await client.response()).body).toBe("first");
    expect((await client.response()).status).toBe(405);
  });
});

describe("the end of the server", () => {
  test("a large answer that the application has ended goes on to a slow client during terminate", async () => {
    const BYTES = 20_000_000;
    const { wss, port } = await serve((_request, response) => response.end(Buffer.alloc(BYTES)));
    const download = send(port).end();
    const [message] = (await once(download, "response")) as [IncomingMessage];
    const terminated = wss.terminate(60);
    let received = 0;
    for await (const chunk of message) received += (chunk as Buffer).length;
    expect(received).toBe(BYTES);
    await terminated;
  });

  test("a download goes on during terminate, and ends it", async () => {
    const more = deferred();
    const { wss, port } = await serve((_request, response) => {
      response.write("first,");
      void more.promise.then(() => response.end("last"));
    });
    const client = await openClient(port);
    const download = send(port).end();
    const [message] = (await once(download, "response")) as [IncomingMessage];
    const [first] = (await once(message.setEncoding("utf8"), "data")) as [string];
    expect(first).toBe("first,");

    let over = false;
    const terminated = wss.terminate(60).then(() => (over = true));
    await once(client, "close");
    await until(() => wss.address() === null);
    expect(over).toBe(false);
    more.resolve();
    let rest = "";
    for await (const text of message) rest += String(text);
    expect(rest).toBe("last");
    await terminated;
  });

  test("health checks are answered while connections close, and ask for a new connection", async () => {
    const { wss, port } = await serve((_request, response) => {
      response.writeHead(wss.draining ? 503 : 200).end();
    });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    expect((await get(port, { agent })).message.headers.connection).toBe("keep-alive");
    const busy = await RawClient.connect(port);
    busy.write(handshake());
    await busy.response();
    const terminated = wss.terminate(60);
    const { status, message } = await get(port, { agent });
    expect(status).toBe(503);
    expect(message.headers.connection).toBe("close");
    busy.socket.destroy();
    await terminated;
  });

  test("a connection that is idle does not hold up the end", async () => {
    const { wss, port } = await serve((_request, response) => response.end("ok"));
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    await get(port, { agent });
    await RawClient.connect(port);
    await wss.terminate(60);
    expect(wss.address()).toBeNull();
  });

  test("an answer that does not end is cut when the time is over", async () => {
    const { wss, port } = await serve((_request, response) => void response.write("begun"));
    const download = send(port).end();
    const [message] = (await once(download, "response")) as [IncomingMessage];
    message.resume();
    const cut = once(message, "error");
    await wss.terminate(0.2);
    expect(((await cut) as [NodeJS.ErrnoException])[0].code).toBe("ECONNRESET");
  });

  test("terminate(0) cuts answers at once", async () => {
    const { wss, port } = await serve(() => undefined);
    const request = send(port).end();
    const failed = once(request, "error");
    let begun = false;
    (wss.httpServer as unknown as NodeJS.EventEmitter).on("request", () => (begun = true));
    await until(() => begun);
    await wss.terminate(0);
    expect(((await failed) as [NodeJS.ErrnoException])[0].code).toBe("ECONNRESET");
  });
});
