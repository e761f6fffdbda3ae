import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { InvalidArgumentError } from "../errors/errors.ts";
import { PATH_NOT_FOUND } from "../handshake/refusals.ts";
import { pathOf } from "../handshake/node-request.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { WebServer } from "./web-server.ts";
import { bytesWritten, hasPendingAnswer, isInUse, refuseInOrder } from "./claimed-socket.ts";

/** One of the WebSocket servers on a web server. */
export interface Route {
  /** Its path; undefined: every path that no other route has. */
  readonly path: string | undefined;
  /** Milliseconds a handshake may take. */
  readonly handshakeTimeout: number;
  /** An upgrade request for this path has arrived. */
  onUpgrade(message: IncomingMessage, socket: Duplex, head: Bytes): void;
}

const routers = new WeakMap<WebServer, Router>();

/** The only `upgrade` listener on a web server. It selects one of several WebSocket servers by path. */
export class Router {
  readonly #server: WebServer;
  readonly #routes = new Map<string | undefined, Route>();

  private constructor(server: WebServer) {
    this.#server = server;
  }

  /**
   * Adds a route to a web server.
   *
   * @returns a function that removes the route
   * @throws {InvalidArgumentError} when another route of this web server has the path
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
      // Another route may have the path by now.
      if (this.#routes.get(route.path) !== route) return;
      this.#routes.delete(route.path);
      if (this.#routes.size === 0) this.#server.off("upgrade", this.#onUpgrade);
    };
  }

  readonly #onUpgrade = (message: IncomingMessage, socket: Duplex, head: Bytes): void => {
    // Another listener, called before this one, has taken the socket.
    if (isInUse(socket)) return;
    const path = pathOf(message);
    const route = (path === undefined ? undefined : this.#routes.get(path)) ?? this.#routes.get(undefined);
    if (route !== undefined) route.onUpgrade(message, socket, head);
    else if (this.#server.listenerCount("upgrade") > 1) this.#waitForOthers(message, socket);
    else refuseInOrder(socket, PATH_NOT_FOUND, message.method);
  };

  /** Another `upgrade` listener may still answer the request. If none has answered by the handshake timeout, it gets 404. */
  #waitForOthers({ method }: IncomingMessage, socket: Duplex): void {
    // There may be no listener yet, and a client that resets the connection must not end the process.
    socket.on("error", () => socket.destroy());
    // Answers of Node's to earlier requests would be taken for one to this request.
    const written = hasPendingAnswer(socket) ? undefined : bytesWritten(socket);
    const timeout = Math.max(...[...this.#routes.values()].map((route) => route.handshakeTimeout));
    const deadline = setTimeout(() => {
      if (isInUse(socket) || (written !== undefined && bytesWritten(socket) !== written)) return;
      refuseInOrder(socket, PATH_NOT_FOUND, method);
    }, timeout);
    deadline.unref();
    socket.once("close", () => {
      clearTimeout(deadline);
    });
  }
}
