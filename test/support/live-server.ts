import type { AddressInfo } from "node:net";
import {
  type WSConnectionEvent,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSTerminateEvent,
  type WebSocketConnection,
  WebSocketServer,
  type WebSocketServerOptions,
} from "hawser";
import { onTestFinished } from "vitest";
import { ownPort } from "./transport.ts";

/** One call of a connection's callback: its name and what its event said. */
export type Call = readonly [callback: string, ...details: unknown[]];

/** A connection handler that records its calls. */
export class Recorder {
  readonly calls: Call[] = [];
  /** The event of `onTerminate`. */
  terminated: WSTerminateEvent | undefined;
  /** Settles when the connection is over: `calls` is complete. */
  readonly over: Promise<void>;
  #finish: () => void = () => {};
  readonly #react: Reactions;

  constructor(react: Reactions) {
    this.#react = react;
    this.over = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** The data of all messages; bytes as `Buffer`. */
  get messages(): unknown[] {
    return this.calls.filter(([callback]) => callback === "message").map(([, data]) => data);
  }

  /** The code and the reason of `onTerminate`. */
  get end(): unknown[] | undefined {
    return this.calls.find(([callback]) => callback === "terminate")?.slice(1);
  }

  onOpen(ws: WebSocketConnection<Recorder>): void {
    this.calls.push(["open"]);
    this.#react.open?.(ws);
  }

  onMessage(ws: WebSocketConnection<Recorder>, event: WSMessageEvent<string | Buffer>): unknown {
    const { data } = event;
    this.calls.push(["message", typeof data === "string" ? data : Buffer.from(data)]);
    return this.#react.message?.(ws, data);
  }

  onError(_ws: WebSocketConnection<Recorder>, event: WSErrorEvent): void {
    this.calls.push(["error", event.errors[0].errCode]);
  }

  onTerminate(_ws: WebSocketConnection<Recorder>, event: WSTerminateEvent): void {
    this.calls.push(["terminate", event.code, event.reason]);
    this.terminated = event;
    this.#finish();
  }
}

/** What the server does besides recording calls. */
export interface Reactions {
  connection?(event: WSConnectionEvent): void;
  open?(ws: WebSocketConnection<Recorder>): void;
  message?(ws: WebSocketConnection<Recorder>, data: string | Uint8Array): unknown;
}

/** A running server of one test. */
export interface Live {
  readonly port: number;
  readonly wss: WebSocketServer;
  /** The handlers of all connections, in the order in which they came. */
  readonly recorders: readonly Recorder[];
}

/**
 * Starts a server of the transport of the tests on a free port of 127.0.0.1, with dataType `auto`. It is destroyed at the end of the test.
 *
 * @param react - what it does
 * @param options - for the server
 */
export async function startServer(react: Reactions = {}, options: WebSocketServerOptions = {}): Promise<Live> {
  const recorders: Recorder[] = [];
  const place = "server" in options ? {} : await ownPort();
  const wss = await new Promise<WebSocketServer>((resolve, reject) => {
    const handler = {
      onOpen: resolve,
      onError: (_wss: unknown, event: WSErrorEvent) => reject(new Error(event.errors[0].message)),
      onConnection(_wss: unknown, event: WSConnectionEvent) {
        react.connection?.(event);
        const recorder = new Recorder(react);
        recorders.push(recorder);
        return recorder;
      },
    };
    const server = new WebSocketServer(handler, { ...place, dataType: "auto", ...options });
    onTestFinished(() => server.terminate(0));
  });
  return { port: (wss.address() as AddressInfo).port, wss, recorders };
}
