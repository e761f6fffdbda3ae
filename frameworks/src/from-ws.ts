// from-ws.ts
import { WsServer as WebSocketServer, WsSocket as WebSocket } from "hawser/ws";

// All that follows was written for ws.
const wss = new WebSocketServer({ port: Number(process.env["PORT"] ?? 8080) });

wss.on("connection", (ws, request) => {
  const name = new URL(request.url ?? "/", "http://localhost").searchParams.get("name") ?? "somebody";
  ws.on("error", console.error);
  ws.on("message", (data, isBinary) => {
    for (const client of wss.clients)
      if (client.readyState === WebSocket.OPEN) client.send(isBinary ? data : `${name}: ${String(data)}`);
  });
});

process.once("SIGTERM", () => wss.close());
