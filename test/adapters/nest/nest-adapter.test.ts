import { once } from "node:events";
import { type Server, createServer } from "node:http";
import { InvalidArgumentError, type WebSocketServer } from "hawser";
import { HawserAdapter, type HawserGatewayOptions } from "hawser/nest";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Client, refusal } from "../../guides/client.ts";
import { freePort } from "../../support/ports.ts";
import { bindGateway } from "./gateway.ts";

function make(adapter: HawserAdapter, port: number, options: HawserGatewayOptions = {}): WebSocketServer {
  const wss = adapter.create(port, options);
  onTestFinished(() => wss.terminate(0));
  return wss;
}

describe("HawserAdapter", () => {
  test.each([
    [{}, "/"],
    [{ path: "chat" }, "/chat"],
    [{ path: "/chat/" }, "/chat"],
    [{ namespace: "/deep" }, "/deep"],
    [{ path: "/chat", namespace: "deep" }, "/chat/deep"],
    [{ path: "/rooms/:id" }, "/rooms/:id"],
  ])("makes of %o the path %s", (options, path) => {
    expect(make(new HawserAdapter(createServer()), 0, options).path).toBe(path);
  });

  test("takes an application, or a web server", async () => {
    const web = createServer();
    expect(make(new HawserAdapter({ getHttpServer: () => web }), 0).httpServer).toBe(web);
    expect(make(new HawserAdapter(web), 0, { path: "/b" }).httpServer).toBe(web);
    expect(() => new HawserAdapter().create(0)).toThrow(InvalidArgumentError);
    const own = make(new HawserAdapter(), await freePort());
    await own.ready;
  });

  test("throws for an option that there is not, and for a path that is no text", () => {
    const adapter = new HawserAdapter(createServer());
    expect(() => adapter.create(0, { cors: true } as HawserGatewayOptions)).toThrow(/cors/);
    expect(() => adapter.create(0, { namespace: /x/ as never })).toThrow(/namespace: expected a text/);
  });

  test("gives each gateway the options of all, and its own before them", async () => {
    const adapter = new HawserAdapter(undefined, { maxMessageSize: 20, onConnection: () => ({ a: 1 }) });
    const port = await freePort();
    const [small, large] = [
      make(adapter, port, { path: "/a" }),
      make(adapter, port, { path: "/b", maxMessageSize: 40 }),
    ];
    for (const wss of [small, large]) {
      adapter.bindClientConnect(wss, (client) => {
        adapter.bindMessageHandlers(client, [], vi.fn());
      });
    }
    await small.ready;
    const [one, two] = [
      await Client.open(`ws://127.0.0.1:${String(port)}/a`),
      await Client.open(`ws://127.0.0.1:${String(port)}/b`),
    ];
    for (const client of [one, two]) client.send({ event: "longer than twenty" });
    expect((await one.closed).code).toBe(1009);
    expect(await two.json()).toMatchObject({ event: "exception" });
    await Promise.all([adapter.close(small), adapter.close(large)]);
    adapter.dispose();
    expect((await two.closed).code).toBe(1001);
    // The port is free again.
    await make(adapter, port).ready;
  });

  test("closes a client that came too early", async () => {
    const { adapter, clients, url } = await bindGateway({});
    const client = await Client.open(url);
    client.send({ event: "x" });
    await client.json();
    adapter.closeClient(clients[0]!);
    expect(await client.closed).toEqual({ code: 1013, reason: "The application is starting." });
  });

  test("leaves the application's web server open", async () => {
    const web: Server = createServer((_request, response) => response.end("page")).listen(0, "127.0.0.1");
    await once(web, "listening");
    onTestFinished(() => void web.close());
    const adapter = new HawserAdapter(web);
    const wss = adapter.create(0);
    await adapter.close(wss);
    expect(web.listening).toBe(true);
    expect(wss.terminated).toBe(true);
    const { port } = web.address() as { port: number };
    const other = make(adapter, 0, { path: "/other" });
    expect(other.terminated).toBe(false);
    expect(await refusal(`ws://127.0.0.1:${String(port)}/gone`)).toBe(404);
  });
});
