import { WebSocketServer } from "hawser";
import { type Server, type ServerResponse, createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { deferred, portOf, until } from "../support/peer.ts";
import { RawClient, handshake } from "../support/raw-client.ts";

// Found by `npm run fuzz`.

test("a handshake after an unanswered request does not get before or into its response", async () => {
  const asked = deferred<ServerResponse>();
  const web = createServer((_request, response) => {
    asked.resolve(response);
  });
  onTestFinished(() => {
    web.close().closeAllConnections();
  });
  let letIn = 0;
  const wss = new WebSocketServer(
    {
      onConnection: () => {
        letIn++;
        return { onMessage: () => {} };
      },
    },
    { server: web },
  );
  onTestFinished(async () => wss.terminate(0));
  web.listen(0, "127.0.0.1");
  const client = await RawClient.connect(await portOf(web));
  let upgrades = 0;
  web.prependListener("upgrade", () => upgrades++);
  client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${handshake()}`);
  const response = await asked.promise;
  // The response to the first request comes after the second request was read.
  await until(() => upgrades === 1);
  response.end("the page");
  const { status, body } = await client.response();
  expect([status, body]).toEqual([200, "the page"]);
  expect(letIn).toBe(0);
});

const others: Record<string, (web: Server, wss: () => WebSocketServer) => void> = {
  "by the router": () => {},
  "when no other listener takes it": (web) => web.on("upgrade", () => {}),
  "by handleUpgrade": (web, wss) => {
    web.prependListener("upgrade", (message, socket, head) => wss().handleUpgrade(message, socket, head));
  },
};

test.each(Object.entries(others))(
  "an upgrade by HEAD to another path is refused without a body, %s",
  async (_, add) => {
    const web = createServer();
    onTestFinished(() => {
      web.close().closeAllConnections();
    });
    const wss: WebSocketServer = new WebSocketServer(
      { onConnection: () => null },
      { server: web, path: "/chat", handshakeTimeout: 200 },
    );
    onTestFinished(async () => wss.terminate(0));
    add(web, () => wss);
    web.listen(0, "127.0.0.1");
    const client = await RawClient.connect(await portOf(web));
    client.write(handshake("/").replace("GET", "HEAD"));
    const written = (await client.rest()).toString("latin1");
    expect(written).toMatch(/^HTTP\/1\.1 404 /);
    expect(written).toMatch(/\r\n\r\n$/);
  },
);
