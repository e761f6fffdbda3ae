import { WebSocketServer, type WebSocketConnection } from "hawser";
import { WebSocket } from "hawser/client";
import { TopicClient, type TopicSocket } from "hawser/client/topics";
import { expect, onTestFinished, test } from "vitest";
import { portOf, until } from "../../support/peer.ts";

/** A server whose clients may subscribe to everything but "secret". */
async function serve(port = 0): Promise<{ wss: WebSocketServer; url: string }> {
  const handler = {
    onMessage: (ws: WebSocketConnection, { data }: { data: string }) => void ws.wss.publish("chat:1", data),
    onSubscribe: (_ws: WebSocketConnection, { topic }: { topic: string }) => topic !== "secret",
  };
  const wss = new WebSocketServer(
    { onConnection: () => handler },
    { port, host: "127.0.0.1", history: { "chat:*": { size: 1_000 } } },
  );
  onTestFinished(() => wss.terminate(0));
  return { wss, url: `ws://127.0.0.1:${await portOf(wss)}` };
}

test("a client that is cut again and again gets every message once and in order", async () => {
  const { wss, url } = await serve();
  const got: string[] = [];
  const back: boolean[] = [];
  const client = await TopicClient.connect(
    url,
    {
      onTopic: (_ws: TopicSocket, { data }: { data: unknown }) => void got.push(String(data)),
      onReconnected: (_ws: TopicSocket, { recovered }: { recovered: boolean }) => void back.push(recovered),
    },
    { reconnect: { baseDelay: 1, maxDelay: 5 } },
  );
  expect(client).toBeInstanceOf(WebSocket);
  expect(await client.subscribe("chat:1")).toMatchObject({ topic: "chat:1", recovered: undefined });
  let said = 0;
  for (let round = 1; round <= 20; round++) {
    for (let n = 0; n < 10; n++) void wss.publish("chat:1", String(++said));
    // Messages are on their way, or come while it is away.
    for (const ws of wss.connections) ws.destroy();
    for (let n = 0; n < 10; n++) void wss.publish("chat:1", String(++said));
    await until(() => back.length === round);
  }
  await until(() => got.length >= said);
  expect(got).toEqual(Array.from({ length: said }, (_, n) => String(n + 1)));
  expect(back).toEqual(Array.from({ length: 20 }, () => true));
  client.terminate();
  await client.closed;
});

test("a refusal, the own messages of the client, and the end of a subscription", async () => {
  const { url, wss } = await serve();
  const got: unknown[] = [];
  const client = new TopicClient(url, { onTopic: (_ws, { topic, data }) => void got.push([topic, data]) });
  await expect(client.subscribe("secret")).rejects.toMatchObject({ code: "HWS_SUBSCRIBE_REFUSED" });
  await client.subscribe("chat:1");
  client.send("hello");
  await until(() => got.length === 1);
  expect(got).toEqual([["chat:1", "hello"]]);
  expect(client.unsubscribe("chat:1")).toBe(true);
  await until(() => wss.counters.topics === 0);
  expect(wss.counters.topicRequests).toEqual({ granted: 1, refused: 1, failed: 0, delayed: 0 });
  client.terminate();
  await client.closed;
});

test("a later client goes on from the positions of an earlier one; after a restart of the server it is told of a gap", async () => {
  const { wss, url } = await serve();
  const first = new TopicClient(url);
  await first.subscribe("chat:1");
  const positions = JSON.parse(JSON.stringify(first.positions)) as Record<string, string>;
  first.terminate();
  await first.closed;
  await wss.publish("chat:1", "missed");
  const log: unknown[] = [];
  const handler = {
    onTopic: (_ws: TopicSocket, { data }: { data: unknown }) => void log.push(data),
    onGap: (_ws: TopicSocket, { reason }: { reason: string }) => void log.push(reason),
    onReconnected: (_ws: TopicSocket, { recovered }: { recovered: boolean }) => void log.push(recovered),
  };
  const second = new TopicClient(url, handler, { positions, reconnect: { baseDelay: 1, maxDelay: 5 } });
  expect(await second.subscribe("chat:1")).toMatchObject({ recovered: true });
  await until(() => log.length === 1);
  const port = await portOf(wss);
  await wss.terminate(0);
  await serve(port);
  await until(() => log.length === 3);
  expect(log).toEqual(["missed", "unrecovered", false]);
  second.terminate();
  await second.closed;
});
