// vite.ts: Vite as a middleware of your web server. Its HMR and your WebSockets share the server.
import { createServer } from "node:http";
import { createServer as createViteServer } from "vite";
import { WebSocketServer, type WebSocketConnection, type WSMessageEvent } from "hawser";

class Live {
  onMessage(ws: WebSocketConnection<Live>, { data }: WSMessageEvent) {
    ws.wss.broadcast(data);
  }
}

const web = createServer((request, response) => vite.middlewares(request, response));
const wss = new WebSocketServer({ onConnection: () => new Live() }, { server: web, path: "/live" });
const vite = await createViteServer({
  root: process.env["ROOT"] ?? process.cwd(),
  server: { middlewareMode: true, ws: { server: web } },
});
web.listen(Number(process.env["PORT"] ?? 5173));

process.once("SIGTERM", async () => {
  await wss.terminate(5);
  await vite.close();
  web.close();
});
