// runs on: graphql-ws | graphql-ws | `WsServer` for `useServer`
import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { buildSchema } from "graphql";
import { type Client, createClient } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";
import { WsServer, type WsSocket } from "hawser/ws";
import { WebSocket } from "ws";
import { type Running, Client as RawClient, start } from "./support.js";

/** A client of graphql-ws, on the `ws` package, which is disposed of after the test. */
function clientOf(t: TestContext, port: number, closed: (code: number) => void = () => {}): Client {
  const client = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 1000,
    retryWait: () => delay(20),
    shouldRetry: () => true,
    on: { closed: (event) => closed((event as CloseEvent).code) },
  });
  t.after(() => client.dispose());
  return client;
}

async function all(client: Client, query: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { data, errors } of client.iterate({ query })) found.push(errors ?? data);
  return found;
}

async function serve(t: TestContext, env: Record<string, string> = {}): Promise<Running> {
  const program = await start("graphql-ws.js", env);
  t.after(() => program.stop());
  return program;
}

test("a query, a subscription and an error", async (t) => {
  const program = await serve(t);
  const client = clientOf(t, program.port);
  assert.deepEqual(await all(client, "{ hello }"), [{ hello: "Hello!" }]);
  const counts = await all(client, "subscription { count(to: 3) }");
  assert.deepEqual(counts, [{ count: 1 }, { count: 2 }, { count: 3 }]);
  await assert.rejects(all(client, "{ nothing }"), ([error]: Error[]) =>
    /Cannot query field/.test(String(error?.message)),
  );
  assert.equal(program.output(), "");
});

test("a client that does not read holds back its subscription, and gets all of it later", async (t) => {
  const ROWS = 1000;
  const program = await serve(t);
  const other = clientOf(t, program.port);
  const slow = await RawClient.open(t, `ws://127.0.0.1:${program.port}/graphql`, {
    offers: ["graphql-transport-ws"],
    perMessageDeflate: false,
  });
  slow.send({ type: "connection_init" });
  assert.deepEqual(await slow.json(), { type: "connection_ack" });
  slow.send({ id: "1", type: "subscribe", payload: { query: `subscription { rows(number: ${ROWS}) }` } });
  await slow.json();
  slow.socket.pause();
  // Until the server has not made a row during ten questions of another client.
  let before = -1;
  for (let same = 0; same < 10;) {
    const [answer] = (await all(other, "{ produced }")) as [{ produced: number }];
    same = answer.produced === before ? same + 1 : 0;
    before = answer.produced;
  }
  assert.ok(before < ROWS, `${before} rows of ${ROWS} wait for a client that does not read`);
  slow.socket.resume();
  for (let row = 1; row < ROWS; row++) assert.equal(((await slow.json()) as { type: string }).type, "next");
  assert.deepEqual(await slow.json(), { id: "1", type: "complete" });
});

test("a restart closes with 1001, and the client goes on with the new server", async (t) => {
  const program = await serve(t);
  const codes: number[] = [];
  const client = clientOf(t, program.port, (code) => codes.push(code));
  await new Promise<void>((resolve, reject) => {
    client.on("connected", () => resolve());
    client.subscribe({ query: "subscription { rows(number: 1000000) }" }, { next() {}, error: reject, complete() {} });
  });
  // It ends by itself: no timer is left.
  assert.equal(await program.stop(), 0);
  const again = await serve(t, { PORT: String(program.port) });
  await once(againIsUsed(client), "connected");
  assert.equal(codes[0], 1001);
  assert.equal(again.output(), "");
});

/** An emitter of the client's next connection. */
function againIsUsed(client: Client): EventTarget {
  const target = new EventTarget();
  client.on("connected", () => target.dispatchEvent(new Event("connected")));
  return target;
}

test("a client of another subprotocol is told that the server does not speak it", async (t) => {
  const program = await serve(t);
  const opened = RawClient.open(t, `ws://127.0.0.1:${program.port}/graphql`, { offers: ["graphql-ws"] });
  await assert.rejects(opened, /Server sent no subprotocol/);
});

test("pings of graphql-ws are answered, and end with the connection", async (t) => {
  const wss = new WsServer({ port: 0 });
  const { dispose } = useServer({ schema: buildSchema("type Query { hello: String }") }, wss, 1000);
  await once(wss, "listening");
  const opened = once(wss, "connection") as Promise<[WsSocket]>;
  const { port } = wss.address() as { port: number };
  await RawClient.open(t, `ws://127.0.0.1:${port}`, { offers: ["graphql-transport-ws"] });
  const [socket] = await opened;
  for (let pongs = 0; pongs < 2; pongs++) await once(socket, "pong");
  assert.equal(socket.readyState, socket.OPEN);
  await dispose();
  assert.equal(wss.clients.size, 0);
});
