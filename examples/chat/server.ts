/** The chat's web server: it hands out the page, and the WebSocket server is attached to it. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { WebSocketServer } from "hawser";
import { stopWhenTold } from "../stop-when-told.ts";
import { Chat } from "./chat.ts";

/** All there is to fetch. A fixed table, so that no path from outside ever reaches the disk. */
const FILES = new Map([
  ["/", file("index.html", "text/html; charset=utf-8")],
  ["/page.css", file("page.css", "text/css; charset=utf-8")],
  ["/page.js", file("page.js", "text/javascript; charset=utf-8")],
  // The client for browsers: `npm run build` makes it.
  ["/client.js", file("../../dist/browser/client.js", "text/javascript; charset=utf-8")],
  ["/icon.svg", file("icon.svg", "image/svg+xml")],
]);

const HEADERS = {
  "Cache-Control": "no-cache",
  "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** The options of the chat, whichever web server it is on. */
export const chatOptions = {
  path: "/chat",
  dataType: "object",
  maxMessageSize: 8 * 1024,
  invalidJson: "ignore",
} as const;

/** Starts the chat. Port 0 takes any free port; the promise is rejected when the port is in use. */
export async function start(port: number): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, resolve);
  });
  const wss = new WebSocketServer(new Chat(), { ...chatOptions, server });
  const stop = async () => {
    await wss.terminate(2);
    await new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    });
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const found = FILES.get(request.url?.split("?", 1)[0] ?? "");
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { ...HEADERS, Allow: "GET, HEAD" }).end();
  } else if (found === undefined) {
    response
      .writeHead(404, { ...HEADERS, "Content-Type": "text/plain; charset=utf-8" })
      .end("There is nothing here.\n");
  } else {
    response.writeHead(200, { ...HEADERS, "Content-Type": found.type, "Content-Length": found.bytes.length });
    response.end(found.bytes);
  }
}

function file(name: string, type: string) {
  return { type, bytes: readFileSync(new URL(name, import.meta.url)) };
}

async function main(): Promise<void> {
  const wanted = process.env["PORT"] ?? "8080";
  try {
    const { port, stop } = await start(Number(wanted));
    console.log(`Chat: http://localhost:${port}/`);
    stopWhenTold(stop);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const hint =
      code === "EADDRINUSE" ? "is in use. Choose another: PORT=8081 npm start" : `cannot be used: ${message}`;
    console.error(`Port ${wanted} ${hint}`);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
