/** A worker that goes on where it stopped: after a loss it connects again, and asks for what came after its last entry. */
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { WebSocketServer, type WebSocketConnection, type WSConnectionEvent } from "hawser";
import { type ClientOf, WebSocket } from "hawser/client";
import { stopWhenTold } from "./stop-when-told.ts";

/** An entry of the log. Its number is what a worker remembers. */
export interface Entry {
  readonly id: number;
  readonly text: string;
}

/** The server: a log that grows. A real one is in a database. */
export class Log {
  readonly #entries: Entry[] = [];

  onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
    return new Reader(this.#entries, Number(request.query["after"] ?? 0));
  }

  /** Adds an entry, and sends it to all workers. */
  add(wss: WebSocketServer<Log, "object">, text: string): void {
    const entry = { id: this.#entries.length + 1, text };
    this.#entries.push(entry);
    wss.broadcast(entry);
  }
}

/** One worker, seen from the server. */
export class Reader {
  readonly #entries: readonly Entry[];
  readonly #after: number;

  constructor(entries: readonly Entry[], after: number) {
    this.#entries = entries;
    this.#after = after;
  }

  onOpen(ws: WebSocketConnection<Reader, Entry>) {
    // What it has missed. New entries come after these.
    for (const entry of this.#entries.slice(this.#after)) ws.send(entry);
  }

  onMessage(_ws: WebSocketConnection<Reader, Entry>): void {
    // A worker sends nothing.
  }
}

/** The worker. */
export class Worker {
  /** The last entry that was done. A real worker keeps it where the work is. */
  last = 0;
  readonly #work: (entry: Entry) => unknown;

  constructor(work: (entry: Entry) => unknown) {
    this.#work = work;
  }

  /** Connects, and connects again whatever ends the connection, but for `terminate`. */
  start(url: string): ClientOf<Reader> {
    // The URL is asked for before every dial: it has the last entry then.
    return new WebSocket(() => `${url}?after=${String(this.last)}`, this, {
      dataType: "object",
      reconnect: { baseDelay: 500, retry: () => true },
    });
  }

  async onMessage(_ws: unknown, { data }: { readonly data: Entry }): Promise<void> {
    // It was asked for while it was being done.
    if (data.id <= this.last) return;
    // The next entry waits until this one is done.
    await this.#work(data);
    this.last = data.id;
  }
}

/** Starts the server of the log. Port 0 takes any free port. */
export async function startLog(port: number) {
  const log = new Log();
  const wss = new WebSocketServer(log, { port, dataType: "object" });
  await wss.ready;
  const url = `ws://localhost:${String((wss.address() as AddressInfo).port)}`;
  return { wss, url, add: (text: string) => log.add(wss, text), stop: () => wss.terminate(2) };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { url, add, stop } = await startLog(Number(process.env["PORT"] ?? 8080));
  const ws = new Worker(({ id, text }) => console.log(id, text)).start(url);
  const timer = setInterval(() => add(new Date().toISOString()), 1000);
  stopWhenTold(async () => {
    clearInterval(timer);
    ws.terminate();
    await stop();
  });
}
