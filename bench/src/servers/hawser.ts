import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Hawser from "hawser";
import type { WSMessageEvent, WebSocketConnection, WebSocketServer, WebSocketServerOptions } from "hawser";
import { TOPIC_MESSAGE, announce, groupOf, routeFromArguments, topicCommandOf } from "./common.ts";
import type { Route } from "./common.ts";

// A copy of the built package.
const build = process.env["HAWSER_BUILD"] ?? resolve(import.meta.dirname, "../../../dist");
const hawser = (await import(pathToFileURL(resolve(build, "hawser.js")).href)) as typeof Hawser;

const route = routeFromArguments();

// Declared here, so that the benchmark can also measure a build without compression.
interface CompressionOptions extends WebSocketServerOptions {
  compression?: true | { level: number; contextTakeover: { pool: number } };
}

const compressions: Readonly<Record<string, CompressionOptions>> = {
  deflate: { compression: true },
  "deflate-pool": { compression: { level: 1, contextTakeover: { pool: 64 } } },
};

class Echo {
  onMessage(ws: WebSocketConnection<Echo>, event: WSMessageEvent): void {
    ws.send(event.data);
  }
}

class Loop {
  onMessage(ws: WebSocketConnection<Loop>, event: WSMessageEvent): void {
    for (const client of ws.wss.connections) client.send(event.data);
  }
}

class Broadcast {
  onMessage(ws: WebSocketConnection<Broadcast>, event: WSMessageEvent): void {
    ws.wss.broadcast(event.data);
  }
}

let connections = 0;

class Topic {
  readonly #topic: string;
  constructor(topic: string) {
    this.#topic = topic;
  }
  onOpen(ws: WebSocketConnection<Topic>): void {
    void ws.subscribe(this.#topic);
  }
  onMessage(ws: WebSocketConnection<Topic>, event: WSMessageEvent): void {
    void ws.wss.publish(this.#topic, event.data);
  }
}

/** Has as many topics as it asks for. */
class Topics {
  async onMessage(ws: WebSocketConnection<Topics>, { data }: WSMessageEvent): Promise<void> {
    const command = topicCommandOf(data);
    if ("publish" in command) return void ws.wss.publish(command.publish, TOPIC_MESSAGE);
    await Promise.all(command.subscribe.map((topic) => ws.subscribe(topic)));
    ws.send("done");
  }
}

type Handler = Echo | Loop | Broadcast | Topic | Topics;

const handlers: Record<Route, () => Handler> = {
  "/echo": () => new Echo(),
  "/json": () => new Echo(),
  "/fan": () => new Loop(),
  "/broadcast": () => new Broadcast(),
  "/publish": () => new Topic("all"),
  "/history": () => new Topic("history:all"),
  "/groups": () => new Topic(groupOf(connections++)),
  "/topics": () => new Topics(),
};

class Server {
  onConnection(): Handler {
    return handlers[route]();
  }
  onOpen(wss: WebSocketServer): void {
    announce((wss.address() as { port: number }).port);
  }
  /** The load generator resets connections when it is done. */
  onError(): void {
    return undefined;
  }
}

const histories: Partial<Record<string, WebSocketServerOptions["history"]>> = {
  "/history": { "history:*": {} },
  "/topics history": { "topic:*": {} },
};
const history = histories[process.argv.slice(2).join(" ")];

const options: CompressionOptions = {
  ...compressions[process.argv[3] ?? ""],
  port: 0,
  host: "127.0.0.1",
  path: route,
  ...(history === undefined ? {} : { history }),
  dataType: route === "/json" ? "object" : "auto",
};

try {
  new hawser.WebSocketServer(new Server(), options);
} catch (error) {
  // The benchmark prints this line. Without it, only the end of the process would be seen.
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
