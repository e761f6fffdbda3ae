// runs on: Fastify, beside @fastify/websocket | fastify, @fastify/websocket | the plugin `hawser/fastify`
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import fastifyWebSocket from "@fastify/websocket";
import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import type { WebSocketConnection, WSMessageEvent } from "hawser";
import { hawser } from "hawser/fastify";
import { Client, refusal } from "./support.js";

class Echo {
  onMessage(ws: WebSocketConnection<Echo>, { data }: WSMessageEvent): void {
    ws.send(`hawser: ${data}`);
  }
}

/** Both plugins, in one order or the other, with a hook that counts. */
async function serve(t: TestContext, plugins: "hawser first" | "hawser last" | "hawser outside") {
  const app = fastify();
  const counted: string[] = [];
  // It takes a while, as a session store does.
  app.addHook("onRequest", async (request) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    counted.push(request.url);
  });
  const others = async (instance: FastifyInstance): Promise<void> => {
    instance.get("/theirs", { websocket: true }, (socket) => {
      socket.on("message", (data: Buffer) => socket.send(`theirs: ${data.toString()}`));
    });
  };
  if (plugins === "hawser first") await app.register(hawser);
  if (plugins === "hawser outside") {
    await app.register(hawser);
    await app.register(async (child) => {
      await child.register(fastifyWebSocket);
      await child.register(others);
    });
  } else {
    await app.register(fastifyWebSocket);
    await app.register(others);
  }
  if (plugins === "hawser last") await app.register(hawser);
  app.webSocket("/ours/:id", { preHandler: async (_request, reply) => void reply.header("x-checked", "yes") }, () => {
    return new Echo();
  });
  app.webSocket("/refused", () => null);
  await app.listen({ port: 0, host: "127.0.0.1" });
  t.after(() => app.close());
  return { app, counted, ws: `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}` };
}

for (const order of ["hawser first", "hawser last", "hawser outside"] as const) {
  test(`each plugin serves its routes, and each hook is called once: ${order}`, async (t) => {
    const { app, counted, ws } = await serve(t, order);
    const ours = await Client.open(t, `${ws}/ours/1`);
    const theirs = await Client.open(t, `${ws}/theirs`);
    assert.equal(await ours.ask("a"), "hawser: a");
    assert.equal(await theirs.ask("b"), "theirs: b");
    assert.deepEqual(counted, ["/ours/1", "/theirs"]);
    assert.equal((await refusal(`${ws}/refused`)).status, 403);
    const evil = { headers: { origin: "https://evil.example" } };
    assert.equal((await refusal(`${ws}/ours/1`, evil)).status, 403);
    // In a context of its own @fastify/websocket leaves the socket of such an answer open, and app.close() waits for it.
    if (order !== "hawser outside") assert.equal((await refusal(`${ws}/other`)).status, 404);
    assert.equal(app.hawser.connections.length, 1);

    await app.close();
    assert.equal((await ours.closed).code, 1001);
    assert.equal((await theirs.closed).code, 1005);
  });
}

test("opens no WebSocket after a hook that has answered, while onSend hooks still run", async (t) => {
  const app = fastify();
  app.addHook("onSend", async (_request, _reply, payload) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return payload;
  });
  await app.register(fastifyWebSocket);
  await app.register(hawser);
  const denied = async (_request: unknown, reply: FastifyReply): Promise<void> => void reply.code(401).send("denied");
  const cut = async (_request: unknown, reply: FastifyReply): Promise<void> => void reply.raw.destroy();
  let asked = 0;
  const onConnection = (): Echo => {
    asked++;
    return new Echo();
  };
  app.webSocket("/denied", { preHandler: denied }, onConnection);
  app.webSocket("/cut", { preHandler: cut }, onConnection);
  await app.listen({ port: 0, host: "127.0.0.1" });
  t.after(() => app.close());
  const ws = `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  assert.equal((await refusal(`${ws}/denied`)).status, 401);
  await assert.rejects(Client.open(t, `${ws}/cut`), /hang up/);
  assert.equal(asked, 0);
});
