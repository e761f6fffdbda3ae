/** Attached to Express: the routes are Express's, /live is the WebSocket server's, and each sees the other. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import express from "express";
import { WebSocketServer } from "hawser";
import type { WSMessageEvent, WebSocketConnection } from "hawser";
import { stopWhenTold } from "./stop-when-told.ts";

class Live {
  onMessage(ws: WebSocketConnection<Live>, event: WSMessageEvent) {
    ws.wss.broadcast(event.data, { except: ws });
  }
}

/** Starts both on one port. Port 0 takes any free port; the promise is rejected when the port is in use. */
export async function start(port: number): Promise<{ port: number; stop: () => Promise<void> }> {
  const app = express();
  const server = app.listen(port);
  const wss = new WebSocketServer({ onConnection: () => new Live() }, { server, path: "/live" });

  // A route may look into the WebSocket server.
  app.get("/online", (_request, response) => {
    response.json({ online: wss.connections.length });
  });

  await once(server, "listening");
  const stop = async () => {
    await wss.terminate(2);
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { port, stop } = await start(Number(process.env["PORT"] ?? 8080));
  stopWhenTold(stop);
  console.log(`Express: http://localhost:${port}/online and ws://localhost:${port}/live`);
}
