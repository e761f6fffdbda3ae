import { WebSocketServer, type WebSocketConnection } from "hawser";
import { type TestClient, connect } from "hawser/testing";
import { expect, onTestFinished, test } from "vitest";

async function start(onMessage: (ws: WebSocketConnection, data: string) => void): Promise<TestClient> {
  const wss = new WebSocketServer({
    onConnection: () => ({ onMessage: (ws: WebSocketConnection, { data }: { data: string }) => onMessage(ws, data) }),
  });
  onTestFinished(() => wss.terminate(0));
  return connect(wss);
}

test("next returns messages in order, those that have come before and those that come later", async () => {
  const client = await start((ws, data) => ws.send(data));
  const early = [client.next(), client.next()];
  for (const text of ["a", "b", "c", "d"]) client.send(text);
  expect((await Promise.all(early)).map(({ value }) => value)).toEqual(["a", "b"]);
  expect([(await client.next()).value, (await client.next()).value]).toEqual(["c", "d"]);
});

test("messages that came before the end are returned after it", async () => {
  const client = await start((ws) => {
    ws.send("last");
    ws.close(4000);
  });
  client.send("x");
  expect((await client.closed).code).toBe(4000);
  expect(await client.next()).toEqual({ done: false, value: "last" });
  expect(await client.next()).toEqual({ done: true, value: undefined });
});

test.each([
  [() => [1005], "OutOfRangeError"],
  [() => ["1000"], "InvalidArgumentError"],
  [() => [1000, "x".repeat(124)], "OutOfRangeError"],
])("close checks its arguments: %s", async (args, name) => {
  const client = await start(() => undefined);
  expect(() => {
    client.close(...(args() as [number]));
  }).toThrow(expect.objectContaining({ name }) as Error);
  expect(client.status).toBe("Connected");
  client.close(1000, "bye");
  expect(client.status).toBe("Closing");
  expect((await client.closed).code).toBe(1000);
});
