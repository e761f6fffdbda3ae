import { TOPIC_MESSAGE, announce, groupOf, pathOf, routeFromArguments, topicCommandOf } from "./common.ts";

// Runs under Bun: Bun.serve, whose WebSocket server is the native uWebSockets. The used parts are declared here, because
// Bun's own types would change those of Node for the whole compilation.
interface BunSocket {
  send(message: string | Uint8Array, compress?: boolean): number;
  /** Anything that the server notes about a connection. */
  data: string;
  subscribe(topic: string): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: unknown): boolean;
  publish(topic: string, message: string | Uint8Array, compress?: boolean): number;
}

interface BunRuntime {
  gc(force: boolean): void;
  serve(options: {
    port: number;
    hostname: string;
    fetch(request: { url: string }, server: BunServer): undefined;
    websocket: {
      perMessageDeflate: boolean;
      open(ws: BunSocket): void;
      close(ws: BunSocket): void;
      message(ws: BunSocket, data: string | Uint8Array): void;
    };
  }): BunServer;
}

const bun = (globalThis as unknown as { Bun: BunRuntime }).Bun;
const route = routeFromArguments();
const loop = process.argv[3] === "loop";
// Bun compresses a message only if this is asked for with each.
const deflate = process.argv[3] === "deflate";
const clients = new Set<BunSocket>();
let connections = 0;

const answers: Record<string, (ws: BunSocket, data: string | Uint8Array) => unknown> = {
  "/echo": (ws, data) => ws.send(data, deflate),
  "/json": (ws, data) => ws.send(JSON.stringify(JSON.parse(data as string))),
  // Either a topic, as Bun recommends, or the same loop over all connections as the other servers.
  "/fan": loop
    ? (_ws, data) => clients.forEach((client) => client.send(data))
    : (_ws, data) => server.publish("all", data, deflate),
  "/groups": (ws, data) => server.publish(ws.data, data, deflate),
  "/topics": (ws, data) => {
    const command = topicCommandOf(data as string);
    if ("publish" in command) return void server.publish(command.publish, TOPIC_MESSAGE);
    for (const topic of command.subscribe) ws.subscribe(topic);
    return void ws.send("done");
  },
};

const server = bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, server) {
    if (pathOf(new URL(request.url).pathname) === route) server.upgrade(request);
    return undefined;
  },
  websocket: {
    perMessageDeflate: deflate,
    open(ws) {
      clients.add(ws);
      if (route === "/fan" && !loop) ws.subscribe("all");
      if (route === "/groups") ws.subscribe((ws.data = groupOf(connections++)));
    },
    close: (ws) => clients.delete(ws),
    message: answers[route] ?? ((): void => undefined),
  },
});

announce(server.port, () => bun.gc(true));
