/** JSON in, JSON out: `{ "add": [1, 2, 3] }` gets `{ "sum": 6, "total": 6 }`. */
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { WebSocketServer } from "hawser";
import type { WSMessageEvent, WebSocketConnection } from "hawser";
import { stopWhenTold } from "./stop-when-told.ts";

export class Adder {
  total = 0;

  onMessage(ws: WebSocketConnection<Adder>, event: WSMessageEvent<unknown>) {
    const numbers = numbersIn(event.data);
    if (numbers === undefined) {
      ws.send({ error: 'Expected { "add": [numbers] }.' });
      return;
    }
    const sum = numbers.reduce((one, other) => one + other, 0);
    this.total += sum;
    ws.send({ sum, total: this.total });
  }
}

/** `event.data` is whatever JSON the client sent: it is checked before it is used. */
function numbersIn(data: unknown): number[] | undefined {
  if (typeof data !== "object" || data === null || !("add" in data) || !Array.isArray(data.add)) return undefined;
  return data.add.every((each) => typeof each === "number") ? data.add : undefined;
}

/** Starts the server. Port 0 takes any free port; the promise is rejected when the port is in use. */
export function start(port: number): Promise<{ port: number; stop: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    new WebSocketServer(
      {
        onConnection: () => new Adder(),
        onOpen: (wss) => resolve({ port: (wss.address() as AddressInfo).port, stop: () => wss.terminate(2) }),
        onError: (_wss, { errors: [error] }) => {
          console.error(error.message);
          reject(new Error(error.message, { cause: error.cause })); // heard only while it is starting
        },
      },
      { port, dataType: "object" },
    );
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { port, stop } = await start(Number(process.env["PORT"] ?? 8080));
  stopWhenTold(stop);
  console.log(`Adder: ws://localhost:${port}`);
}
