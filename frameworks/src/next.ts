// next.ts: a custom server.
import { createServer } from "node:http";
import nextModule from "next";
import { WebSocketServer, type WebSocketConnection, type WSMessageEvent } from "hawser";

// Next's types are those for CommonJS.
const next = nextModule as unknown as typeof nextModule.default;

class Live {
  onMessage(ws: WebSocketConnection<Live>, { data }: WSMessageEvent) {
    ws.wss.broadcast(data);
  }
}

// Next ends every WebSocket on the path of a page. On this server, which never listens, it gets only what is its own.
const forNext = createServer();
const app = next({
  dev: process.env["NODE_ENV"] !== "production",
  dir: process.env["DIR"] ?? process.cwd(),
  httpServer: forNext,
});
await app.prepare();
const handle = app.getRequestHandler();

const web = createServer((request, response) => void handle(request, response));
const wss = new WebSocketServer({ onConnection: () => new Live() }, { server: web, path: "/live" });
web.on("upgrade", (request, socket, head) => {
  if (request.url?.startsWith("/_next/")) forNext.emit("upgrade", request, socket, head); // the HMR of `dev`
});
web.listen(Number(process.env["PORT"] ?? 3000));

process.once("SIGTERM", async () => {
  await wss.terminate(5);
  web.close();
  await app.close();
  process.exit();
});
