import type { AddressInfo } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import { type HawserPluginOptions, hawser } from "hawser/fastify";
import { InvalidArgumentError, type WebSocketConnection, type WSMessageEvent } from "hawser";
import { describe, expect, onTestFinished, test } from "vitest";
import { Client, refusal } from "../../guides/client.ts";

class Echo {
  onMessage(ws: WebSocketConnection<Echo>, { data }: WSMessageEvent): void {
    ws.send(data);
  }
}

async function listen(app: FastifyInstance): Promise<string> {
  onTestFinished(() => app.close());
  await app.listen({ port: 0, host: "127.0.0.1" });
  return `ws://127.0.0.1:${String((app.server.address() as AddressInfo).port)}`;
}

describe("the plugin", () => {
  test("adds routes to an instance inside of it, with its prefix and its hooks", async () => {
    const app = fastify();
    await app.register(hawser);
    const hooked: string[] = [];
    await app.register(
      async (child) => {
        child.addHook("onRequest", (request, _reply, done) => {
          hooked.push(request.url);
          done();
        });
        child.webSocket("/live", () => new Echo());
      },
      { prefix: "/v1" },
    );
    app.webSocket("/live", () => new Echo());
    const url = await listen(app);
    const one = await Client.open(`${url}/v1/live`);
    one.send("hello");
    expect(await one.text()).toBe("hello");
    await Client.open(`${url}/live`);
    expect(hooked).toEqual(["/v1/live"]);
    expect(app.hawser.connections.length).toBe(2);
  });

  test("passes its options to the WebSocket server", async () => {
    const app = fastify();
    await app.register(hawser, { maxMessageSize: 10 });
    app.webSocket("/live", () => new Echo());
    const client = await Client.open(`${await listen(app)}/live`);
    client.send("12345678901");
    expect((await client.closed).code).toBe(1009);
  });

  test.each(["port", "path", "server", "listen", "host", "requestListener", "tls"])(
    "rejects the option %s",
    async (name) => {
      const app = fastify();
      onTestFinished(() => app.close());
      const options = { [name]: {} } as HawserPluginOptions;
      await expect(async () => app.register(hawser, options)).rejects.toThrow(InvalidArgumentError);
    },
  );

  test("rejects an option that does not exist, and a route without a function", async () => {
    const app = fastify();
    onTestFinished(() => app.close());
    await expect(async () => app.register(hawser, { maxMesageSize: 1 } as HawserPluginOptions)).rejects.toThrow(
      /maxMessageSize/,
    );
    const other = fastify();
    onTestFinished(() => other.close());
    await other.register(hawser);
    expect(() => other.webSocket("/live", {} as never)).toThrow(/onConnection: expected a function/);
  });

  test("is registered where its prefix is said, which Fastify reads", async () => {
    const app = fastify();
    await app.register(hawser, { prefix: "/ignored", logLevel: "warn" } as HawserPluginOptions);
    app.webSocket("/live", () => new Echo());
    const url = await listen(app);
    await Client.open(`${url}/live`);
    expect(await refusal(`${url}/ignored/live`)).toBe(404);
  });
});
