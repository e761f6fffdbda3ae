import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Hawser from "hawser";
import type { WSConnectionEvent, WSMessageEvent, WebSocketConnection, WebSocketServer } from "hawser";
import type * as HawserRedis from "hawser/redis";
import { Redis } from "ioredis";
import { announce } from "./common.ts";

// One of the servers that Redis joins: `node hawser-redis.js /publish`, with the port of Redis in REDIS_PORT. With `/history` the topic
// has a history, and each message its position.
const TOPIC = "all";
// As many as the streams of Socket.IO's adapter keep.
const HISTORY_SIZE = 10_000;

const build = process.env["HAWSER_BUILD"] ?? resolve(import.meta.dirname, "../../../dist");
const load = (file: string): Promise<unknown> => import(pathToFileURL(resolve(build, file)).href);
const hawser = (await load("hawser.js")) as typeof Hawser;
const { redis } = (await load("redis.js")) as typeof HawserRedis;

const route = process.argv[2] === "/history" ? "/history" : "/publish";
const framing = route === "/history" ? "header" : "none";
const client = new Redis(Number(process.env["REDIS_PORT"]), "127.0.0.1", { lazyConnect: true });

class Receiver {
  readonly #since: unknown;
  readonly #isSilent: boolean;

  constructor(since: unknown, isSilent: boolean) {
    this.#since = since;
    this.#isSilent = isSilent;
  }

  onOpen(ws: WebSocketConnection<Receiver>): void {
    if (this.#isSilent || ws.protocol === "hawser.v1") return;
    const since = typeof this.#since === "string" ? this.#since : undefined;
    // The load generator sends only when all are subscribed.
    void ws.subscribe(TOPIC, { since, framing }).then(() => ws.send("ready"));
  }

  /** A client of `hawser.v1` subscribes by itself. */
  onSubscribe(): boolean {
    return true;
  }

  onMessage(ws: WebSocketConnection<Receiver>, { data }: WSMessageEvent): void {
    void ws.wss.publish(TOPIC, data);
  }
}

class Server {
  onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent): Receiver {
    return new Receiver(request.query["since"], request.query["silent"] !== undefined);
  }
  /** The load generator resets connections when it is done. */
  onError(): void {
    return undefined;
  }
}

const wss = new hawser.WebSocketServer(new Server(), {
  port: 0,
  host: "127.0.0.1",
  path: route,
  dataType: "auto",
  backplane: redis(client),
  ...(route === "/history" ? { history: { [TOPIC]: { size: HISTORY_SIZE } } } : {}),
});
await Promise.all([wss.ready, wss.backplane.ready]);
announce((wss.address() as { port: number }).port);
