import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import fastify, { type FastifyInstance, type preHandlerAsyncHookHandler as AsyncHook } from "fastify";
import { hawser } from "hawser/fastify";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";

/** Who connects. */
const member = { onMessage: (): void => {} };

/** Fastify without the plugin. Its `onSend` hook takes a while. */
function application(): FastifyInstance {
  const app = fastify();
  app.addHook("onSend", async (_request, _reply, payload) => {
    for (let turns = 0; turns < 10; turns++) await turn();
    return payload;
  });
  onTestFinished(() => app.close());
  return app;
}

async function listen(app: FastifyInstance): Promise<string> {
  await app.listen({ port: 0, host: "127.0.0.1" });
  return `127.0.0.1:${String((app.server.address() as AddressInfo).port)}`;
}

/** What a handshake gets: "open", or the status and the body of a refusal. */
async function handshake(address: string): Promise<string> {
  const socket = new WebSocket(`ws://${address}/live`);
  socket.on("error", () => {}); // the refusal that is read below
  onTestFinished(() => {
    socket.terminate();
  });
  const answered = once(socket, "unexpected-response") as Promise<[unknown, IncomingMessage]>;
  const first = await Promise.race([answered, once(socket, "open").then(() => "open" as const)]);
  if (first === "open") return first;
  const [, response] = first;
  let text = `${String(response.statusCode)} `;
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  return text.trim();
}

async function* failing(): AsyncGenerator<string> {
  yield "denied";
  await turn();
  throw new Error("the body failed");
}

async function* whole(): AsyncGenerator<string> {
  await turn();
  yield "denied";
}

const guards: [string, string, AsyncHook][] = [
  ["cuts the response", "403 Forbidden", async (_request, reply) => void reply.raw.destroy()],
  [
    "cuts the response with an error, and takes the reply",
    "403 Forbidden",
    async (_request, reply) => {
      reply.raw.destroy(new Error("cut"));
      reply.hijack();
    },
  ],
  [
    "sends a body that fails",
    "401 Unauthorized",
    async (_request, reply) => reply.code(401).send(Readable.from(failing())),
  ],
  [
    "sends a body and returns nothing",
    "401 denied",
    async (_request, reply) => void reply.code(401).send(Readable.from(whole())),
  ],
  ["sends a text and returns nothing", "401 denied", async (_request, reply) => void reply.code(401).send("denied")],
  [
    "sends an object and returns nothing",
    '401 {"no":1}',
    async (_request, reply) => void reply.code(401).send({ no: 1 }),
  ],
  [
    "writes to Node's response",
    "401 denied",
    async (_request, reply) => {
      reply.raw.writeHead(401, { "content-type": "text/plain" }).write("denied");
      setImmediate(() => reply.raw.end());
    },
  ],
];

describe("a WebSocket is not opened after a hook that", () => {
  test.each(guards)("%s", async (_what, answer, guard) => {
    const app = application();
    await app.register(hawser);
    const onConnection = vi.fn(() => member);
    app.webSocket("/live", { preHandler: guard }, onConnection);
    expect(await handshake(await listen(app))).toBe(answer);
    expect(onConnection).not.toHaveBeenCalled();
  });

  test.each(guards)("was added before the plugin, and %s", async (_what, answer, guard) => {
    const app = application();
    app.addHook("onRequest", guard as never);
    await app.register(hawser);
    const onConnection = vi.fn(() => member);
    app.webSocket("/live", onConnection);
    expect(await handshake(await listen(app))).toBe(answer);
    expect(onConnection).not.toHaveBeenCalled();
  });

  test.each(guards)("waits for the function, and %s", async (_what, answer, guard) => {
    const app = application();
    await app.register(hawser);
    let late: (() => unknown) | undefined;
    const opened = vi.fn();
    app.webSocket(
      "/live",
      {
        preHandler: async (request, reply) => {
          late = () => guard.call(app, request, reply);
        },
      },
      async () => {
        await late?.();
        return { ...member, onOpen: opened };
      },
    );
    expect(await handshake(await listen(app))).toBe(answer);
    expect(opened).not.toHaveBeenCalled();
  });
});

test("Fastify's log has the error that a hook has cut a handshake with", async () => {
  const lines: string[] = [];
  const app = fastify({ logger: { stream: { write: (line: string) => void lines.push(line) } } });
  onTestFinished(() => app.close());
  await app.register(hawser);
  app.webSocket(
    "/live",
    { preHandler: async (_request, reply) => void reply.raw.destroy(new Error("too many")) },
    () => member,
  );
  expect(await handshake(await listen(app))).toBe("403 Forbidden");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
    expect.objectContaining({
      level: 50,
      msg: "WebSocket handshake cut",
      err: expect.objectContaining({ message: "too many" }) as object,
    }),
  );
});

test("plain requests, other routes and applications inside get what is sent to them", async () => {
  const app = application();
  await app.register(hawser);
  app.webSocket("/live", () => member);
  app.get("/text", async (_request, reply) => reply.code(201).send("text"));
  await app.register(async (inside) => {
    inside.decorateReply("own", "own");
    inside.get("/inside", async (_request, reply) => reply.send({ own: (reply as { own?: string }).own }));
    inside.webSocket("/inside/live", () => member);
  });
  const address = await listen(app);
  const text = await fetch(`http://${address}/text`);
  expect([text.status, await text.text()]).toEqual([201, "text"]);
  expect(await (await fetch(`http://${address}/inside`)).json()).toEqual({ own: "own" });
  expect((await fetch(`http://${address}/live`)).status).toBe(426);
  expect(await handshake(address)).toBe("open");
});
