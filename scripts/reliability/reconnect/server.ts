import { openSync, writeSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { type WSMessageEvent, type WebSocketConnection, WebSocketServer } from "hawser";
import { answerParent } from "../child.ts";

/** How a server runs. */
export interface ReconnectServerOptions {
  /** 0: a free one. */
  readonly port: number;
  /** Which process it is: its messages have this number. */
  readonly generation: number;
  /** The file to which it writes each message that it gets; undefined: it sends and writes nothing. */
  readonly log: string | undefined;
}

/** Milliseconds between two of its messages. */
const EVERY = 1;

/** When clients came, as `Date.now()`. */
const times: number[] = [];

const methods = {
  /** Starts, and returns the port. */
  listen({ port, generation, log }: ReconnectServerOptions): Promise<number> {
    // What is written to a file stays when the process is killed.
    const file = log === undefined ? undefined : openSync(log, "a");
    return new Promise((resolve, reject) => {
      const handler = {
        onOpen: (wss: WebSocketServer) => resolve((wss.address() as AddressInfo).port),
        onError: (_wss: WebSocketServer, { errors }: { errors: readonly { message: string }[] }) =>
          reject(new Error(errors[0]?.message)),
        onConnection: () => {
          times.push(Date.now());
          return {
            onOpen: (ws: WebSocketConnection) => {
              if (file !== undefined) sendNumbers(ws, generation);
            },
            onMessage: (_ws: WebSocketConnection, { data }: WSMessageEvent<unknown>) => {
              if (file !== undefined) writeSync(file, `${String(data)}\n`);
            },
          };
        },
      };
      new WebSocketServer(handler, { port, host: "127.0.0.1", maxConnections: Infinity });
    });
  },
  /** When clients have come. */
  times: () => times,
};

/** The methods of a server that is killed. */
export type ReconnectServer = typeof methods;

/** Sends `generation:0`, `generation:1`, … until the connection is closed. */
function sendNumbers(ws: WebSocketConnection, generation: number): void {
  let next = 0;
  const timer = setInterval(() => {
    ws.send(`${String(generation)}:${String(next++)}`);
  }, EVERY);
  ws.signal.addEventListener("abort", () => {
    clearInterval(timer);
  });
}

answerParent(methods);
