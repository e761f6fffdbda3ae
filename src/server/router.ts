import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { InvalidArgumentError } from "../errors/errors.ts";
import { PATH_NOT_FOUND } from "../handshake/refusals.ts";
import { pathOf } from "../handshake/node-request.ts";
import { sendRefusal } from "../handshake/response.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { WebServer } from "./attachable-server.ts";
import { isInUse } from "./upgraded-socket.ts";

/** One WebSocket server among those on a web server. */
export interface Route {
  /** The path that reaches it; undefined: every path that no other has. */
  readonly path: string | undefined;
  /** Milliseconds a handshake may take. */
  readonly handshakeTimeout: number;
  /** Takes a request over. */
  onUpgrade(message: IncomingMessage, socket: Duplex, head: Bytes): void;
}

const routers = new WeakMap<WebServer, Router>();

/** The one `upgrade` listener on a web server that several WebSocket servers share, told apart by path. */
export class Router {
  readonly #server: WebServer;
  readonly #routes = new Map<string | undefined, Route>();

  private constructor(server: WebServer) {
    this.#server = server;
  }

  /**
   * Adds a route to a web server. Returns what removes it again.
   *
   * @throws {InvalidArgumentError} when the path is taken on this web server
   */
  static attach(server: WebServer, route: Route): () => void {
    let router = routers.get(server);
    if (router === undefined) routers.set(server, (router = new Router(server)));
    return router.#add(route);
  }

  #add(route: Route): () => void {
    if (this.#routes.has(route.path)) {
      throw new InvalidArgumentError(
        `path: another WebSocketServer on this web server has ${route.path === undefined ? "no path either" : `"${route.path}"`}`,
      );
    }
    if (this.#routes.size === 0) this.#server.on("upgrade", this.#onUpgrade);
    this.#routes.set(route.path, route);
    return () => {
      // The path may have a new owner.
      if (this.#routes.get(route.path) !== route) return;
      this.#routes.delete(route.path);
      if (this.#routes.size === 0) this.#server.off("upgrade", this.#onUpgrade);
    };
  }

  readonly #onUpgrade = (message: IncomingMessage, socket: Duplex, head: Bytes): void => {
    // Another listener, called before this one, has taken it.
    if (isInUse(socket)) return;
    const path = pathOf(message);
    const route = (path === undefined ? undefined : this.#routes.get(path)) ?? this.#routes.get(undefined);
    if (route !== undefined) route.onUpgrade(message, socket, head);
    else if (this.#server.listenerCount("upgrade") > 1) this.#waitForOthers(message, socket);
    else sendRefusal(socket, PATH_NOT_FOUND, message.method);
  };

  /** The user's own listener may want it, even after a while; if nobody has answered by then, we do. */
  #waitForOthers({ method }: IncomingMessage, socket: Duplex): void {
    // Nobody may be listening yet, and a client that resets the connection must not end the process.
    socket.on("error", () => socket.destroy());
    const written = bytesWritten(socket);
    const patience = Math.max(...[...this.#routes.values()].map((route) => route.handshakeTimeout));
    const deadline = setTimeout(() => {
      if (!isInUse(socket) && bytesWritten(socket) === written) sendRefusal(socket, PATH_NOT_FOUND, method);
    }, patience);
    deadline.unref();
    socket.once("close", () => {
      clearTimeout(deadline);
    });
  }
}

function bytesWritten(socket: Duplex): number {
  return (socket as { bytesWritten?: number }).bytesWritten ?? 0;
}
