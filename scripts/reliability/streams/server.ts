// The server of the streams, in a process of its own: its memory is measured.

import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type WSMessageEvent, type WSMessageStartEvent, type WebSocketConnection, WebSocketServer } from "hawser";
import { answerParent } from "../child.ts";
import { measureProcessMemory } from "../memory.ts";
import { Digest, chunkOf } from "./load.ts";

/** Milliseconds between two looks at the memory. */
const LOOK_MS = 20;

/** Milliseconds for which the slow handler does nothing after each chunk. */
const SLOW_MS = 3;

let [before, most] = [0, 0];

/** Reads each binary message as a stream, and answers with its digest. A text asks for a stream of as many chunks as it says. */
class Streamer {
  readonly #isSlow: boolean;

  constructor(isSlow: boolean) {
    this.#isSlow = isSlow;
  }

  async onMessageStart(ws: WebSocketConnection, event: WSMessageStartEvent): Promise<void> {
    if (event.isText) return;
    const digest = new Digest();
    for await (const bytes of event.stream) {
      digest.add(bytes);
      if (this.#isSlow) await sleep(SLOW_MS);
    }
    ws.send(digest.end());
  }

  onMessage(ws: WebSocketConnection, event: WSMessageEvent): void {
    const digest = new Digest();
    ws.send(Readable.from(chunks(Number(event.data), digest)));
    ws.send(Readable.from(late(() => digest.end())));
  }
}

function* chunks(count: number, digest: Digest): Generator<Buffer> {
  for (let i = 0; i < count; i++) {
    const chunk = chunkOf(i);
    digest.add(chunk);
    yield chunk;
  }
}

/** A text that is asked for when its turn comes. */
function* late(text: () => string): Generator<string> {
  yield text();
}

/** The methods of the process. */
export const server = {
  /** Starts the server, and returns its port. The path `/slow` has a slow handler. */
  async start(compression: boolean): Promise<number> {
    const wss = new WebSocketServer(
      { onConnection: (_wss, { request }) => new Streamer(request.path === "/slow") },
      { port: 0, host: "127.0.0.1", compression, pingInterval: 1000, pingTimeout: 10_000 },
    );
    while (wss.address() === null) await sleep(1);
    return (wss.address() as AddressInfo).port;
  },

  /** From now on the memory is looked at. */
  async watch(): Promise<void> {
    before = most = (await measureProcessMemory()).rss;
    setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), LOOK_MS).unref();
  },

  /** The most bytes by which the resident memory was larger than at `watch`. */
  growth(): number {
    return most - before;
  },
};

answerParent(server);
