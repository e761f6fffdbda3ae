import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Hawser from "hawser";
import type { WSMessageEvent, WebSocketConnection } from "hawser";
import { announce } from "./common.ts";

// Our server with TLS: each client chooses HTTP/1.1 or HTTP/2.
const build = process.env["HAWSER_BUILD"] ?? resolve(import.meta.dirname, "../../../dist");
const { WebSocketServer } = (await import(pathToFileURL(resolve(build, "hawser.js")).href)) as typeof Hawser;

class Echo {
  onMessage(ws: WebSocketConnection<Echo>, { data }: WSMessageEvent<string | Uint8Array>): void {
    ws.send(data);
  }
}

class Broadcast {
  onMessage(ws: WebSocketConnection<Broadcast>, { data }: WSMessageEvent<string | Uint8Array>): void {
    ws.wss.broadcast(data);
  }
}

const wss = new WebSocketServer(
  { onConnection: (_wss, { request }) => (request.path === "/broadcast" ? new Broadcast() : new Echo()) },
  {
    port: 0,
    host: "127.0.0.1",
    dataType: "auto",
    maxConnections: 20_000,
    maxConnectionsPerAddress: 20_000,
    tls: {
      key: readFileSync(process.env["TLS_KEY"]!),
      cert: readFileSync(process.env["TLS_CERT"]!),
    },
  },
);
await wss.ready;
announce((wss.address() as { port: number }).port);
