/** The smallest server: every text comes back in upper case. */
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { WebSocketServer } from "hawser";
import type { WSMessageEvent, WebSocketConnection } from "hawser";
import { stopWhenTold } from "./stop-when-told.ts";

export class Echo {
  onMessage(ws: WebSocketConnection<Echo>, event: WSMessageEvent) {
    ws.send(event.data.toUpperCase());
  }
}

/** Starts the server. Port 0 takes any free port; the promise is rejected when the port is in use. */
export function start(port: number): Promise<{ port: number; stop: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    new WebSocketServer(
      {
        onConnection: () => new Echo(),
        onOpen: (wss) => resolve({ port: (wss.address() as AddressInfo).port, stop: () => wss.terminate(2) }),
        onError: (_wss, { errors: [error] }) => {
          console.error(error.message);
          reject(new Error(error.message, { cause: error.cause })); // heard only while it is starting
        },
      },
      { port },
    );
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { port, stop } = await start(Number(process.env["PORT"] ?? 8080));
  stopWhenTold(stop);
  console.log(`Echo: ws://localhost:${port}`);
}
