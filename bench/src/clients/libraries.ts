import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Hawser from "hawser/client";
import { WebSocket as WsSocket } from "ws";

/** A message of a run: a text or bytes. */
export type Payload = string | Buffer;

/** What a connection tells. */
export interface ConnectionEvents {
  onOpen(connection: MeasuredConnection): void;
  onMessage(connection: MeasuredConnection, data: unknown): void;
  onFailure(why: string): void;
}

/** One connection of a library that is measured. */
export interface MeasuredConnection {
  send(message: Payload): void;
  /** Closes it in order (1000). */
  close(): void;
}

/** Opens a connection with a library, as its documentation shows it. */
export type Connect = (url: string, events: ConnectionEvents) => void;

/** The libraries whose clients are measured. */
const LIBRARIES: Readonly<Record<string, () => Promise<Connect>>> = { hawser, ws, undici };

/**
 * Loads the library with this name.
 *
 * @throws RangeError - if there is none
 */
export async function connectorOf(name: string): Promise<Connect> {
  const load = LIBRARIES[name];
  if (load === undefined) throw new RangeError(`no client library is called "${name}"`);
  return load();
}

async function hawser(): Promise<Connect> {
  // A copy of the built package.
  const build = process.env["HAWSER_BUILD"] ?? resolve(import.meta.dirname, "../../../dist");
  const { WebSocket } = (await import(pathToFileURL(resolve(build, "client.js")).href)) as typeof Hawser;
  class Handler {
    readonly dataType = "auto" as const;
    readonly #events: ConnectionEvents;
    constructor(events: ConnectionEvents) {
      this.#events = events;
    }
    onOpen(ws: MeasuredConnection): void {
      this.#events.onOpen(ws);
    }
    onMessage(ws: MeasuredConnection, event: { readonly data: unknown }): void {
      this.#events.onMessage(ws, event.data);
    }
    onError(_ws: unknown, event: { readonly errors: readonly { readonly message: string }[] }): void {
      this.#events.onFailure(event.errors[0]?.message ?? "");
    }
  }
  return (url, events) => new WebSocket(url, new Handler(events));
}

async function ws(): Promise<Connect> {
  return (url, events) => {
    const socket = new WsSocket(url);
    const connection: MeasuredConnection = {
      send: (message) => socket.send(message),
      close: () => socket.close(1000),
    };
    socket.on("open", () => events.onOpen(connection));
    socket.on("message", (data, isBinary) => events.onMessage(connection, isBinary ? data : data.toString()));
    socket.on("error", (error) => events.onFailure(error.message));
  };
}

async function undici(): Promise<Connect> {
  const { WebSocket } = await import("undici");
  return (url, events) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const connection: MeasuredConnection = {
      send: (message) => socket.send(message as string),
      close: () => socket.close(1000),
    };
    socket.addEventListener("open", () => events.onOpen(connection));
    socket.addEventListener("message", (event) => events.onMessage(connection, event.data));
    socket.addEventListener("error", (event) => events.onFailure(event.message));
  };
}
