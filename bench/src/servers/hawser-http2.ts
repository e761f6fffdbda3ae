import { createSecureServer } from "node:http2";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Hawser from "hawser";
import type { WSMessageEvent, WebSocketConnection } from "hawser";
import { announce } from "./common.ts";

// Our server on an HTTP/2 server of the application's, whose windows come from the environment.
const build = process.env["HAWSER_BUILD"] ?? resolve(import.meta.dirname, "../../../dist");
const { WebSocketServer } = (await import(pathToFileURL(resolve(build, "hawser.js")).href)) as typeof Hawser;

class Echo {
  onMessage(ws: WebSocketConnection<Echo>, { data }: WSMessageEvent<string | Uint8Array>): void {
    ws.send(data);
  }
}

/** Answers each message with one byte. */
class Sink {
  onMessage(ws: WebSocketConnection<Sink>): void {
    ws.send("k");
  }
}

const server = createSecureServer({
  key: readFileSync(process.env["TLS_KEY"]!),
  cert: readFileSync(process.env["TLS_CERT"]!),
  settings: { initialWindowSize: Number(process.env["STREAM_WINDOW"]) },
});
server.on("session", (session) =>
  session.once("connect", () => session.setLocalWindowSize(Number(process.env["SESSION_WINDOW"]))),
);
new WebSocketServer(
  { onConnection: (_wss, { request }) => (request.path === "/sink" ? new Sink() : new Echo()) },
  { server, dataType: "auto" },
);
await once(server.listen(0, "127.0.0.1"), "listening");
announce((server.address() as AddressInfo).port);
