// fastify.ts
import fastify from "fastify";
import { WebSocketServer, type WebSocketConnection, type WSMessageEvent } from "hawser";

class Live {
  onMessage(ws: WebSocketConnection<Live>, { data }: WSMessageEvent) {
    ws.wss.broadcast(data);
  }
}

const app = fastify();
const wss = new WebSocketServer({ onConnection: () => new Live() }, { server: app.server, path: "/live" });
// Fastify waits for it before it closes the web server.
app.addHook("preClose", () => wss.terminate(5));

app.get("/online", () => wss.connections.length);
await app.listen({ port: Number(process.env["PORT"] ?? 8080) });

process.once("SIGTERM", () => void app.close());
