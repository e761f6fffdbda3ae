// runs on: NestJS | @nestjs/core, @nestjs/websockets | the adapter `hawser/nest`
import "reflect-metadata";
import assert from "node:assert/strict";

import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import {
  type ArgumentMetadata,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  type PipeTransform,
  Scope,
  UseGuards,
  UsePipes,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from "@nestjs/websockets";
import type { WebSocketServer as Server, WSTerminateEvent } from "hawser";
import { HawserAdapter, type HawserAdapterOptions, type HawserClient } from "hawser/nest";
import { Subject, interval, map, take } from "rxjs";
import { Client, freePort, refusal, start } from "./support.js";

test("the program: HTTP and a gateway on one port, refusals, exceptions, SIGTERM", async (t) => {
  const program = await start("nest.js");
  const ws = `ws://127.0.0.1:${program.port}`;
  const as = (authorization: string): { headers: { authorization: string } } => ({ headers: { authorization } });
  assert.deepEqual((await refusal(`${ws}/chat`)).status, 401);
  assert.equal((await refusal(`${ws}/other`, as("ann"))).status, 404);
  const ann = await Client.open(t, `${ws}/chat`, as("ann"));
  const bob = await Client.open(t, `${ws}/chat`, as("bob"));
  ann.send({ event: "say", data: "hello" });
  assert.deepEqual(await ann.json(), { event: "said", data: "ann: hello" });
  assert.deepEqual(await bob.json(), { event: "said", data: "ann: hello" });
  bob.send({ event: "who" });
  assert.deepEqual(await bob.json(), { event: "online", data: 2 });
  assert.equal(await (await fetch(`http://127.0.0.1:${program.port}/online`)).json(), 2);
  bob.send({ event: "say", data: 7 });
  assert.deepEqual(await bob.json(), {
    event: "exception",
    data: { status: "error", message: "A text, please.", cause: { pattern: "say", data: 7 } },
  });

  const ended = program.stop();
  assert.equal((await ann.closed).code, 1001);
  assert.equal((await bob.closed).code, 1001);
  await ended;
});

/** What the gateways below have seen. */
const seen: unknown[] = [];

@Injectable()
class OnlyAdmins implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToWs().getClient<HawserClient<{ admin?: boolean }>>().data.admin === true;
  }
}

@Injectable()
class ToNumber implements PipeTransform {
  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    if (metadata.type !== "body") return value;
    const number = Number(value);
    if (Number.isNaN(number)) throw new WsException("no number");
    return number;
  }
}

@WebSocketGateway({ path: "/all" })
class All implements OnGatewayInit, OnGatewayConnection, OnGatewayDisconnect {
  @WebSocketServer() server!: Server;
  readonly news = new Subject<number>();

  afterInit(server: Server): void {
    seen.push(["init", server === this.server]);
  }

  handleConnection(client: HawserClient<{ admin?: boolean }>, request: IncomingMessage): void {
    client.data.admin = request.url === "/all?admin";
    seen.push(["connected", request.url]);
  }

  handleDisconnect(_client: HawserClient, event?: unknown): void {
    seen.push(["disconnected", (event as WSTerminateEvent).code]);
  }

  @UseGuards(OnlyAdmins)
  @SubscribeMessage("secret")
  secret(): object {
    return { event: "secret", data: 42 };
  }

  @UsePipes(ToNumber)
  @SubscribeMessage("double")
  double(@MessageBody() value: number): object {
    return { event: "doubled", data: value * 2 };
  }

  @SubscribeMessage("count")
  count(): unknown {
    return interval(1).pipe(
      take(3),
      map((data) => ({ event: "counted", data })),
    );
  }

  @SubscribeMessage("slow")
  async slow(@MessageBody() value: number): Promise<object> {
    await new Promise((resolve) => setTimeout(resolve, 20 - value * 10));
    return { event: "slow", data: value };
  }

  @SubscribeMessage("news")
  watch(): unknown {
    return this.news.pipe(map((data) => ({ event: "news", data })));
  }

  @SubscribeMessage("fails")
  fails(): void {
    throw new Error("a secret of the server");
  }

  @SubscribeMessage("nothing")
  nothing(): void {
    seen.push(["nothing"]);
  }

  @SubscribeMessage("own")
  own(@ConnectedSocket() client: HawserClient): void {
    client.emit("own", { id: client.ws.id });
  }
}

@WebSocketGateway({ path: "/all" })
class Other {
  @SubscribeMessage("other")
  other(): object {
    return { event: "other" };
  }
}

@WebSocketGateway({ namespace: "deep" })
class Deep {
  @SubscribeMessage("where")
  where(): object {
    return { event: "deep" };
  }
}

let instances = 0;

@Injectable({ scope: Scope.REQUEST })
class PerClient {
  readonly number = ++instances;
}

@WebSocketGateway({ path: "/scoped" })
class Scoped {
  constructor(private readonly own: PerClient) {}

  @SubscribeMessage("number")
  which(): object {
    return { event: "number", data: this.own.number };
  }
}

const ownPort = await freePort();

@WebSocketGateway(ownPort, { path: "/one" })
class OwnPortOne {
  @SubscribeMessage("where")
  where(): object {
    return { event: "one" };
  }
}

@WebSocketGateway(ownPort, { path: "/two" })
class OwnPortTwo {
  @SubscribeMessage("where")
  where(): object {
    return { event: "two" };
  }
}

@Controller()
class Page {
  @Get("hello")
  hello(): string {
    return "hello";
  }
}

@Module({
  providers: [All, Other, Deep, PerClient, Scoped, OwnPortOne, OwnPortTwo],
  controllers: [Page],
})
class App {}

async function listen(t: TestContext, options: HawserAdapterOptions = {}) {
  seen.length = 0;
  const failures: unknown[] = [];
  const app = await NestFactory.create(App, { logger: false });
  app.useWebSocketAdapter(new HawserAdapter(app, { logger: { error: (error) => failures.push(error) }, ...options }));
  await app.listen(0, "127.0.0.1");
  t.after(() => app.close());
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, port, failures, ws: `ws://127.0.0.1:${port}` };
}

/** The answer to a message. */
async function ask(client: Client, event: string, data?: unknown): Promise<unknown> {
  client.send({ event, data });
  return client.json();
}

test("guards, pipes and filters of a gateway work as Nest says", async (t) => {
  const { ws } = await listen(t);
  const user = await Client.open(t, `${ws}/all`);
  const admin = await Client.open(t, `${ws}/all?admin`);
  assert.deepEqual(await ask(admin, "secret"), { event: "secret", data: 42 });
  const refused = (await ask(user, "secret")) as { event: string; data: { status: string; message: string } };
  assert.deepEqual([refused.event, refused.data.message], ["exception", "Forbidden resource"]);
  assert.deepEqual(await ask(user, "double", "21"), { event: "doubled", data: 42 });
  const wrong = (await ask(user, "double", "x")) as { event: string; data: { message: string } };
  assert.deepEqual([wrong.event, wrong.data.message], ["exception", "no number"]);
  const failed = (await ask(user, "fails")) as { data: { message: string } };
  assert.equal(failed.data.message, "Internal server error");
});

test("answers: observables, nothing, in the order of the messages", async (t) => {
  const { app, ws } = await listen(t);
  const client = await Client.open(t, `${ws}/all`);
  client.send({ event: "count" });
  for (const data of [0, 1, 2]) assert.deepEqual(await client.json(), { event: "counted", data });
  for (const data of [0, 1, 2]) client.send({ event: "slow", data });
  for (const data of [0, 1, 2]) assert.deepEqual(await client.json(), { event: "slow", data });
  client.send({ event: "nothing" });
  assert.deepEqual(await ask(client, "own"), { event: "own", data: { id: 1 } });

  // An observable that never ends neither holds up other messages nor stays after its client.
  const { news } = app.get(All);
  client.send({ event: "news" });
  assert.deepEqual(await ask(client, "other"), { event: "other" });
  news.next(5);
  assert.deepEqual(await client.json(), { event: "news", data: 5 });
  assert.equal(news.observed, true);
  client.socket.close(1000);
  await client.closed;
  while (news.observed) await new Promise((resolve) => setImmediate(resolve));
});

test("the life of a client, and messages that no gateway takes", async (t) => {
  const { ws, failures } = await listen(t);
  const client = await Client.open(t, `${ws}/all`);
  const unknown = (await ask(client, "unknown", 1)) as { event: string; data: object };
  assert.deepEqual(unknown, {
    event: "exception",
    data: { status: "error", message: "There is no handler for this event.", cause: { pattern: "unknown", data: 1 } },
  });
  client.send("{");
  assert.match(((await client.json()) as { data: { message: string } }).data.message, /^A message is not JSON/);
  assert.deepEqual(failures, []);
  client.send("null");
  assert.equal(((await client.json()) as { event: string }).event, "exception");
  client.socket.close(1000);
  await client.closed;
  while (seen.length < 3) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, [
    ["init", true],
    ["connected", "/all"],
    ["disconnected", 1000],
  ]);
});

test("paths, namespaces and ports: several gateways on one path, a path below, a port of its own", async (t) => {
  const { port, ws } = await listen(t);
  const one = await Client.open(t, `${ws}/all`);
  assert.deepEqual(await ask(one, "other"), { event: "other" });
  assert.deepEqual(await ask(await Client.open(t, `${ws}/deep`), "where"), { event: "deep" });
  const own = `ws://127.0.0.1:${ownPort}`;
  assert.deepEqual(await ask(await Client.open(t, `${own}/one`), "where"), { event: "one" });
  assert.deepEqual(await ask(await Client.open(t, `${own}/two`), "where"), { event: "two" });
  assert.equal((await refusal(`${own}/all`)).status, 404);
  assert.equal((await refusal(`${ws}/one`)).status, 404);
  // The path above the namespace has no gateway.
  assert.equal((await refusal(`${ws}/`)).status, 404);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/hello`)).text(), "hello");
});

test("a gateway with request scope gets an instance for each client", async (t) => {
  const { ws } = await listen(t);
  const one = await Client.open(t, `${ws}/scoped`);
  const other = await Client.open(t, `${ws}/scoped`);
  const [a, b] = [await ask(one, "number"), await ask(other, "number")] as { data: number }[];
  assert.notEqual(a?.data, b?.data);
});

test("app.close() closes the clients of all gateways with 1001 and frees the ports", async (t) => {
  const { app, ws } = await listen(t);
  const clients = [
    await Client.open(t, `${ws}/all`),
    await Client.open(t, `${ws}/deep`),
    await Client.open(t, `ws://127.0.0.1:${ownPort}/one`),
    await Client.open(t, `ws://127.0.0.1:${ownPort}/two`),
  ];
  await app.close();
  for (const { closed } of clients) assert.equal((await closed).code, 1001);
  const { ws: again } = await listen(t);
  await Client.open(t, `${again}/all`);
});
