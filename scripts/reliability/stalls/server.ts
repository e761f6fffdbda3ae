// The server of the stalls, in a process of its own: README's chat, invalid JSON that is kept, compressed messages, and an echo for
// the neighbour.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type * as Hawser from "hawser";
import { answerParent } from "../child.ts";

/** Milliseconds between two looks at the event loop. */
const RESOLUTION = 1;

const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
let messages = 0;
let errors = 0;

/** Declared here, so that a build without compression can be measured too. */
interface CompressionOptions extends Hawser.WebSocketServerOptions {
  readonly compression: true;
}

/** How the server starts. */
interface Start {
  /** The module to load: another build of the library can be compared. */
  readonly build: string;
  /** Whether there is a server that compresses. A build without compression cannot have it. */
  readonly compression: boolean;
}

/** The methods of the process. */
export const server = {
  /**
   * Starts the server.
   *
   * @returns its port
   */
  async start({ build, compression }: Start): Promise<number> {
    const { WebSocketServer } = (await import(build)) as typeof Hawser;
    const web = createServer();
    const chat = new WebSocketServer(
      {
        onConnection: () => ({
          onMessage(_ws, { data }) {
            messages++;
            for (const member of chat.connections) member.send(`message: ${data}`);
          },
        }),
      },
      { server: web, path: "/chat" },
    );
    const noted = {
      onConnection: () => ({
        onMessage() {
          messages++;
        },
      }),
      onError() {
        errors++;
      },
    };
    new WebSocketServer(noted, { server: web, path: "/json", dataType: "object", invalidJson: "ignore" });
    if (compression) {
      const options: CompressionOptions = { server: web, path: "/compressed", dataType: "auto", compression };
      new WebSocketServer(noted, options);
    }
    const echo = {
      onConnection: () => ({
        onMessage: (ws: { send(data: string): unknown }, { data }: { data: string }) => void ws.send(data),
      }),
    };
    new WebSocketServer(echo, { server: web, path: "/echo" });
    await new Promise<void>((listening) => web.listen(0, "127.0.0.1", listening));
    delay.enable();
    return (web.address() as AddressInfo).port;
  },

  /** Forgets the stalls and the counts so far. */
  reset(): void {
    delay.reset();
    messages = errors = 0;
  },

  /** The longest stall of the event loop in milliseconds, and the messages and errors since `reset`. */
  stalls(): { worst: number; messages: number; errors: number } {
    return { worst: delay.max / 1e6 - RESOLUTION, messages, errors };
  },
};

answerParent(server);
