import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { RawData, WebSocket } from "ws";
import { announce, pathOf } from "./common.ts";

// ws as its README shows it, with bufferutil installed (ws finds it by itself).
const http = createServer();
const wss = new WebSocketServer({ server: http });

function echo(ws: WebSocket): void {
  ws.on("message", (data: RawData, isBinary: boolean) => ws.send(data, { binary: isBinary }));
}

function json(ws: WebSocket): void {
  ws.on("message", (data: RawData) => ws.send(JSON.stringify(JSON.parse((data as Buffer).toString()))));
}

/** ws has no broadcast of its own: its documentation shows this loop. */
function fan(ws: WebSocket): void {
  ws.on("message", (data: RawData, isBinary: boolean) => {
    for (const client of wss.clients) {
      if (client.readyState === client.OPEN) client.send(data, { binary: isBinary });
    }
  });
}

wss.on("connection", (ws, request) => {
  ws.on("error", () => undefined); // The load generator resets connections when it is done.
  const route = pathOf(request.url);
  if (route === "/echo") echo(ws);
  else if (route === "/json") json(ws);
  else fan(ws);
});

http.listen(0, "127.0.0.1", () => announce((http.address() as AddressInfo).port));
