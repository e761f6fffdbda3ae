import { WebSocketServer } from "hawser";
import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
  createServer,
} from "node:http";
import type { Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { READS_BODIES, passOn } from "../../src/server/other-upgrades.ts";
import { portOf, turn, until } from "../support/peer.ts";
import { RawClient } from "../support/raw-client.ts";

const UPGRADE = "Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n";
const H2C = `GET /h2c HTTP/1.1\r\n${UPGRADE}\r\n`;
const POLL = "GET /poll HTTP/1.1\r\nHost: x\r\n\r\n";

/** Who gives a request with another `Upgrade` to the application. */
const ways: Readonly<Record<string, (server: Server) => void>> = {
  "Node, without the library": () => undefined,
  "Node, with a WebSocketServer": (server) => {
    const wss = new WebSocketServer({ onConnection: () => null }, { server, path: "/ours" });
    onTestFinished(() => wss.terminate(0));
  },
  "the library, after others had time": (server) => {
    server.on("upgrade", (message: IncomingMessage, socket: Socket, head: Buffer) => {
      passOn(message, socket, head);
    });
  },
};

async function serve(way: string, answer: RequestListener, options: ServerOptions = {}) {
  const server = createServer(options, answer);
  ways[way]!(server);
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, sockets, port: await portOf(server) };
}

describe.each(Object.keys(ways))("a request that the application gets from %s", (way) => {
  test("comes after one that waits: a client that leaves is seen", async () => {
    let waiting = 0;
    let closed = 0;
    const { sockets, port } = await serve(way, (request, response) => {
      if (request.url !== "/poll") return;
      waiting++;
      response.on("close", () => closed++);
    });
    for (let i = 0; i < 5; i++) {
      const client = await RawClient.connect(port);
      client.write(POLL, H2C);
      await until(() => waiting === i + 1);
      client.end();
    }
    await until(() => closed === 5);
    await until(() => sockets.every((socket) => socket.destroyed));
    expect(sockets.length).toBe(5);
  });

  // Where Node reads the body itself, such a request is never given back later.
  const isNever = READS_BODIES && way === "the library, after others had time";
  test.skipIf(isNever)("has its body, which came while an earlier one waited", async () => {
    const polls: ServerResponse[] = [];
    const { port } = await serve(way, (request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        if (request.url === "/poll") polls.push(response);
        else response.end(String(body.length));
      });
    });
    const client = await RawClient.connect(port);
    client.write(POLL, `POST / HTTP/1.1\r\n${UPGRADE}Content-Length: 200000\r\n\r\n`);
    for (let i = 0; i < 20; i++) {
      client.write("b".repeat(10_000));
      await turn();
    }
    await until(() => polls.length === 1);
    polls[0]!.end("poll");
    expect((await client.response()).body).toBe("poll");
    expect((await client.response()).body).toBe("200000");
  });

  test("is seen with the letters that the client sent", async () => {
    const { port } = await serve(way, ({ rawHeaders, headers }, response) => {
      response.end(JSON.stringify({ rawHeaders, headers }));
    });
    const client = await RawClient.connect(port);
    client.write(
      "GET / HTTP/1.1\r\nhOST: x\r\nCONNECTION: upgrade\r\nuPGRADE: h2c\r\nUpgrad_: a\r\nupgrad_: b\r\n\r\n",
    );
    expect(JSON.parse((await client.response()).body)).toEqual({
      rawHeaders: ["hOST", "x", "CONNECTION", "upgrade", "uPGRADE", "h2c", "Upgrad_", "a", "upgrad_", "b"],
      headers: { host: "x", connection: "upgrade", upgrade: "h2c", upgrad_: "a, b" },
    });
  });

  test("counts for the limit on requests of a socket, however often it comes", async () => {
    const { server, port } = await serve(way, (_request, response) => response.end());
    server.maxRequestsPerSocket = 3;
    const client = await RawClient.connect(port);
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) {
      client.write(H2C);
      const { status, headers } = await client.response();
      statuses.push(status);
      if (headers.get("connection")?.[0] === "close") break;
    }
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(3);
  });

  test("may take longer than keepAliveTimeout, also after one that waited", async () => {
    const polls: ServerResponse[] = [];
    let timeout: number | undefined;
    const { port } = await serve(way, (request, response) => {
      if (request.url === "/poll") polls.push(response);
      else timeout = request.socket.timeout ?? 0;
    });
    const client = await RawClient.connect(port);
    client.write(POLL, H2C);
    await until(() => polls.length === 1);
    polls[0]!.end();
    await until(() => timeout !== undefined);
    expect(timeout).toBe(0);
  });
});

test.each([1100, 1500])(
  "a request with %d headers gets the same answer with and without the library",
  async (count) => {
    const statuses: number[] = [];
    for (const way of Object.keys(ways).slice(0, 2)) {
      const { port } = await serve(way, ({ url }, response) => response.end(url), { maxHeaderSize: 65_536 });
      const client = await RawClient.connect(port);
      const many = Array.from({ length: count }, (_, i) => `a${String(i)}: b\r\n`).join("");
      client.write(`GET / HTTP/1.1\r\n${UPGRADE}${many}\r\n`);
      statuses.push((await client.response()).status);
    }
    // Newer versions of Node refuse this many headers.
    expect([200, 431]).toContain(statuses[0]);
    expect(statuses[1]).toBe(statuses[0]);
  },
);

describe.each(Object.keys(ways).slice(0, 2))("a request that the application gets from %s, again", (way) => {
  test("is read once by who counts what arrives, and is reached by closeAllConnections", async () => {
    let [seen, requests, closed] = [0, 0, 0];
    const { server, port } = await serve(way, (_request, response) => {
      requests++;
      response.on("close", () => closed++);
    });
    server.on("connection", (socket) => socket.on("data", ({ length }) => (seen += length)));
    const client = await RawClient.connect(port);
    client.write(POLL, H2C);
    await until(() => requests === 2);
    expect(seen).toBe(POLL.length + H2C.length);
    server.closeAllConnections();
    await until(() => closed > 0);
  });
});
