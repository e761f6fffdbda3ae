/** Serves a page that uses the client for browsers without a bundler, and answers it. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { WebSocketServer } from "hawser";
import type { WSMessageEvent, WebSocketConnection } from "hawser";
import { stopWhenTold } from "../stop-when-told.ts";

class Clock {
  onMessage(ws: WebSocketConnection<Clock>, { data }: WSMessageEvent) {
    ws.send(`${data}: ${new Date().toISOString()}`);
  }
}

/** The build for browsers: one file of the package. */
async function clientScript(): Promise<string> {
  return readFile(createRequire(import.meta.url).resolve("hawser/browser/client.js"), "utf8");
}

/** Starts the web server. Port 0 takes any free port. */
export async function start(port: number, client: () => Promise<string> = clientScript) {
  const file = (name: string) => (): Promise<string> => readFile(new URL(name, import.meta.url), "utf8");
  const files = new Map([
    ["/", { type: "text/html", read: file("index.html") }],
    ["/page.js", { type: "text/javascript", read: file("page.js") }],
    ["/client.js", { type: "text/javascript", read: client }],
  ]);
  const web = createServer((request, response) => {
    const found = files.get(request.url ?? "");
    if (found === undefined) return void response.writeHead(404).end();
    response.setHeader("Content-Type", `${found.type}; charset=utf-8`);
    found.read().then(
      (content) => response.end(content),
      (error: unknown) => {
        console.error(error);
        response.writeHead(500).end();
      },
    );
  });
  // What the page's `probe` asks for.
  const autoResponse = { request: "?", response: "!" };
  const wss = new WebSocketServer({ onConnection: () => new Clock() }, { server: web, path: "/clock", autoResponse });
  await new Promise<void>((resolve, reject) => {
    web.once("error", reject).listen(port, resolve);
  });
  const stop = async (): Promise<void> => {
    await wss.terminate(2);
    await new Promise((resolve) => web.close(resolve).closeAllConnections());
  };
  return { wss, port: (web.address() as AddressInfo).port, stop };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { port, stop } = await start(Number(process.env["PORT"] ?? 8080));
  stopWhenTold(stop);
  console.log(`Clock: http://localhost:${String(port)}/`);
}
