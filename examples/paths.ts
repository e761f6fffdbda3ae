/** Several WebSocket servers on one web server, told apart by path. Any other path gets 404. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { WebSocketServer } from "hawser";
import type { WSMessageEvent, WebSocketConnection } from "hawser";
import { stopWhenTold } from "./stop-when-told.ts";

/** /echo: every text comes back. */
class Echo {
  onMessage(ws: WebSocketConnection<Echo>, event: WSMessageEvent) {
    ws.send(event.data);
  }
}

/** /visitors: everyone hears how many there are, each time that changes. */
class Visitor {
  onOpen(ws: WebSocketConnection<Visitor>) {
    ws.wss.broadcast(`${ws.wss.connections.length} here`);
  }
  onMessage() {}
  onTerminate(ws: WebSocketConnection<Visitor>) {
    ws.wss.broadcast(`${ws.wss.connections.length} here`);
  }
}

/** Starts both on one web server. Port 0 takes any free port; the promise is rejected when the port is in use. */
export async function start(port: number): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer((_request, response) => response.writeHead(404).end());
  const all = [
    new WebSocketServer({ onConnection: () => new Echo() }, { server, path: "/echo" }),
    new WebSocketServer({ onConnection: () => new Visitor() }, { server, path: "/visitors" }),
  ];
  await once(server.listen(port), "listening");
  const stop = async () => {
    await Promise.all(all.map((wss) => wss.terminate(2)));
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { port, stop } = await start(Number(process.env["PORT"] ?? 8080));
  stopWhenTold(stop);
  console.log(`Paths: ws://localhost:${port}/echo and ws://localhost:${port}/visitors`);
}
