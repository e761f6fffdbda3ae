import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Hawser from "hawser";
import type { WSMessageEvent, WebSocketConnection, WebSocketServer } from "hawser";
import { announce, routeFromArguments } from "./common.ts";
import type { Route } from "./common.ts";

// A copy of the built package.
const build = process.env["HAWSER_BUILD"] ?? resolve(import.meta.dirname, "../../../dist");
const hawser = (await import(pathToFileURL(resolve(build, "hawser.js")).href)) as typeof Hawser;

const route = routeFromArguments();

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

const handlers: Record<Route, () => Echo | Loop | Broadcast> = {
  "/echo": () => new Echo(),
  "/json": () => new Echo(),
  "/fan": () => new Loop(),
  "/broadcast": () => new Broadcast(),
};

class Server {
  onConnection(): Echo | Loop | Broadcast {
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

new hawser.WebSocketServer(new Server(), {
  port: 0,
  host: "127.0.0.1",
  path: route,
  dataType: route === "/json" ? "object" : "auto",
});
