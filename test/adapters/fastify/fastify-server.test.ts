import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import fastify, { type FastifyInstance } from "fastify";
import { type WebSocketConnection, type WSMessageEvent, refuse } from "hawser";
import { hawser } from "hawser/fastify";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { answerTo as answerToHttp2, openSession, requestWebSocket } from "../../support/http2-client.ts";
import { Client, refusal } from "../../guides/client.ts";

class Echo {
  onMessage(ws: WebSocketConnection<Echo>, { data }: WSMessageEvent): void {
    if (data === "boom") throw new Error("boom");
    ws.send(data);
  }
}

interface Served {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly logged: Record<string, unknown>[];
}

/** Fastify with the plugin, and what it logs. */
async function serve(add: (app: FastifyInstance) => void): Promise<Served> {
  const logged: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  const app = fastify({ logger: { level: "info", stream } });
  await app.register(hawser);
  add(app);
  onTestFinished(() => app.close());
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { app, logged, url: `ws://127.0.0.1:${String((app.server.address() as AddressInfo).port)}` };
}

/** The answer to a handshake that opens nothing: its status, its headers, and its body. */
async function answerTo(url: string): Promise<{ status?: number; headers: Record<string, unknown>; body: string }> {
  const socket = new WebSocket(url);
  socket.on("error", () => {}); // the refusal that is read below
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += String(chunk);
  socket.terminate();
  return { status: response.statusCode!, headers: response.headers, body };
}

describe("a route", () => {
  test("gets the event and Fastify's request, with parameters and query", async () => {
    const seen: unknown[] = [];
    const { url } = await serve((app) => {
      app.webSocket("/chats/:id", (event, request) => {
        seen.push(event.request.path, request.params, request.query, request.raw === event.request.raw);
        event.responseHeaders.append("x-own", "yes");
        return new Echo();
      });
    });
    const socket = new WebSocket(`${url}/chats/7?a=1`);
    onTestFinished(() => {
      socket.terminate();
    });
    const [response] = (await once(socket, "upgrade")) as [IncomingMessage];
    expect(response.headers["x-own"]).toBe("yes");
    expect(seen).toEqual(["/chats/7", expect.objectContaining({ id: "7" }), expect.objectContaining({ a: "1" }), true]);
  });

  test.each([
    ["null", (): null => null, 403, /./],
    ["refuse", () => refuse(429, "Later."), 429, /^Later[.]$/m],
    ["a promise of it", () => Promise.resolve(refuse(401, "Sign in.")), 401, /^Sign in[.]$/m],
  ] as const)("that returns %s refuses", async (_what, answer, status, body) => {
    const { url } = await serve((app) => {
      app.webSocket("/live", answer);
    });
    const given = await answerTo(`${url}/live`);
    expect(given.status).toBe(status);
    expect(given.body).toMatch(body);
  });

  test("that throws is answered by the error handler of Fastify", async () => {
    const { url } = await serve((app) => {
      app.setErrorHandler((error, _request, reply) => reply.code(418).send({ told: (error as Error).message }));
      app.webSocket("/live", () => {
        throw new Error("no");
      });
    });
    const { status, headers, body } = await answerTo(`${url}/live`);
    expect([status, headers["content-type"], JSON.parse(body)]).toEqual([
      418,
      "application/json; charset=utf-8",
      { told: "no" },
    ]);
  });

  test("may be answered by a schema, by a hook, and by its own function", async () => {
    const { url } = await serve((app) => {
      const schema = { querystring: { type: "object", required: ["token"] } };
      app.webSocket("/schema", { schema }, () => new Echo());
      app.webSocket(
        "/hook",
        { preHandler: [async (_request, reply) => reply.redirect("/elsewhere")] },
        () => new Echo(),
      );
      app.webSocket("/own", () => refuse(409, "own"));
      app.webSocket("/welcome", { onRequest: async (_request, reply) => reply.send("hello") }, () => new Echo());
    });
    expect((await answerTo(`${url}/schema`)).status).toBe(400);
    expect(await answerTo(`${url}/hook`)).toMatchObject({ status: 302, headers: { location: "/elsewhere" } });
    expect((await answerTo(`${url}/own`)).status).toBe(409);
    // It opens no WebSocket.
    expect(await answerTo(`${url}/welcome`)).toMatchObject({ status: 403, body: "hello\n" });
  });

  test("answers plain requests with 426, or with its own handler", async () => {
    const { url } = await serve((app) => {
      app.webSocket("/live", () => new Echo());
      app.webSocket("/page", { handler: () => "a page" }, () => new Echo());
    });
    const http = url.replace("ws:", "http:");
    const plain = await fetch(`${http}/live`);
    expect([plain.status, plain.headers.get("upgrade")]).toEqual([426, "websocket"]);
    expect(await (await fetch(`${http}/page`)).text()).toBe("a page");
    expect((await fetch(`${http}/live`, { method: "HEAD" })).status).toBe(426);
    await Client.open(`${url}/page`);
  });

  test("that the router does not choose is not found, as the application says it", async () => {
    const { url } = await serve((app) => {
      app.setNotFoundHandler((_request, reply) => reply.code(404).send("not here"));
      app.webSocket("/chats/:id", () => new Echo());
      app.get("/chats/list", () => "a list");
    });
    expect(await answerTo(`${url}/chats/list`)).toMatchObject({ status: 404, body: "not here\n" });
    expect(await refusal(`${url}/nowhere`)).toBe(404);
  });

  test("is not called for a client that has gone while a hook waited", async () => {
    const onConnection = vi.fn(() => new Echo());
    const hook = { entered: (): void => {}, leave: (): void => {} };
    const entered = new Promise<void>((resolve) => (hook.entered = resolve));
    const { app, url } = await serve((one) => {
      const preHandler = async (): Promise<void> => {
        hook.entered();
        await new Promise<void>((resolve) => (hook.leave = resolve));
      };
      one.webSocket("/live", { preHandler }, onConnection);
    });
    const socket = new WebSocket(`${url}/live`);
    socket.on("error", () => {}); // it is cut below
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await entered;
    socket.terminate();
    await closed;
    hook.leave();
    await vi.waitFor(() => {
      expect(app.hawser.counters.connections.leaving).toBe(0);
    });
    expect(app.hawser.connections.length).toBe(0);
  });
});

describe("Fastify's logger", () => {
  test("gets what fails on the server and on connections, and who is refused", async () => {
    const { url, logged } = await serve((app) => {
      app.webSocket("/live", () => new Echo());
    });
    const client = await Client.open(`${url}/live`);
    client.send("boom");
    expect((await client.closed).code).toBe(1011);
    expect(await refusal(`${url}/nowhere`)).toBe(404);
    expect(logged).toContainEqual(
      expect.objectContaining({
        level: 50,
        msg: "boom",
        connection: 1,
        err: expect.objectContaining({ message: "boom" }) as object,
      }),
    );
    expect(logged).toContainEqual(expect.objectContaining({ level: 30, msg: "WebSocket refused", reason: "path" }));
    expect(logged).toContainEqual(expect.objectContaining({ msg: "request completed", res: { statusCode: 101 } }));
  });
});

test("over HTTP/2 a route opens WebSockets, and refuses them", async () => {
  const seen: unknown[] = [];
  const app = fastify({ http2: true });
  await app.register(hawser);
  app.webSocket("/chats/:id", { preHandler: guard }, (_event, request) => {
    seen.push(request.method, request.params, request.headers["x-user"]);
    return new Echo();
  });
  onTestFinished(() => app.close());
  const origin = await app.listen({ port: 0, host: "127.0.0.1" });
  const session = await openSession(origin);
  const refused = requestWebSocket(session, "/chats/7");
  expect((await answerToHttp2(refused))[":status"]).toBe(401);
  expect((await answerToHttp2(requestWebSocket(session, "/nowhere")))[":status"]).toBe(404);
  const stream = requestWebSocket(session, "/chats/7", { "x-user": "ann" });
  expect((await answerToHttp2(stream))[":status"]).toBe(200);
  expect(seen).toEqual(["GET", { id: "7" }, "ann"]);
  session.destroy();
});

async function guard(
  request: { headers: object },
  reply: { code(status: number): { send(body: string): unknown } },
): Promise<unknown> {
  return "x-user" in request.headers ? undefined : reply.code(401).send("Sign in.");
}

test("app.close() closes the connections with 1001 before it resolves", async () => {
  const { app, url } = await serve((one) => {
    one.webSocket("/live", () => new Echo());
  });
  const client = await Client.open(`${url}/live`);
  await app.close();
  expect(app.hawser.terminated).toBe(true);
  expect((await client.closed).code).toBe(1001);
});
