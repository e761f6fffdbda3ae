import { onTestFinished } from "vitest";
import { type ClientOptions, WebSocket } from "ws";

/** Where a proxy takes connections. */
export interface Entrance {
  readonly port: number;
  readonly isSecure: boolean;
}

/** A page of an origin, or another client, that connects through a proxy. */
export interface Visit {
  /** The `Origin`. Undefined: a client that is no browser. */
  readonly origin: string | undefined;
  readonly path?: string;
  /** More headers. `Host`: what a browser would send if the proxy had another port. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The origin of a page that the proxy serves. */
export function originOf({ port, isSecure }: Entrance): string {
  return `${isSecure ? "https" : "http"}://127.0.0.1:${String(port)}`;
}

/** Connects. Returns the socket, or the status of the refusal. */
export async function visit(
  { port, isSecure }: Entrance,
  { origin, path, headers }: Visit,
): Promise<WebSocket | number> {
  const options: ClientOptions = { rejectUnauthorized: false, headers: { ...headers } };
  if (origin !== undefined) options.origin = origin;
  const socket = new WebSocket(`${isSecure ? "wss" : "ws"}://127.0.0.1:${String(port)}${path ?? "/"}`, options);
  onTestFinished(() => {
    socket.terminate();
  });
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(socket)).once("error", reject);
    socket.once("unexpected-response", (request, response) => {
      resolve(response.statusCode ?? 0);
      request.destroy();
    });
  });
}

/** The status of the answer. */
export async function statusOf(entrance: Entrance, how: Visit): Promise<number> {
  const result = await visit(entrance, how);
  return typeof result === "number" ? result : 101;
}

/** Connects, and rejects when it is refused. */
export async function enter(entrance: Entrance, how: Visit): Promise<WebSocket> {
  const result = await visit(entrance, how);
  if (typeof result === "number") throw new Error(`refused with ${String(result)}`);
  return result;
}
