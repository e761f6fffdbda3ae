import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { InvalidArgumentError } from "../errors/errors.ts";
import { pathOf } from "../handshake/node-request.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { WebServer } from "./web-server.ts";
import { bytesWritten, hasPendingAnswer, isInUse } from "./claimed-socket.ts";

/** One of the WebSocket servers on a web server. */
export interface Route {
  /** Its path; undefined: every path that no other route has. */
  readonly path: string | undefined;
  /** Milliseconds a handshake may take. */
  readonly handshakeTimeout: number;
  /** An upgrade request for this path has arrived. */
  onUpgrade(message: IncomingMessage, socket: Duplex, head: Bytes): void;
  /** An upgrade request has arrived for a path of nobody: it gets 404. */
  onUnknownPath(message: IncomingMessage, socket: Duplex): void;
  /** The same, but another listener may still answer the request. `isTaken` tells whether one has. */
  onUndecidedPath(message: IncomingMessage, socket: Duplex, isTaken: () => boolean): void;
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
    else this.#mostPatient()?.onUnknownPath(message, socket);
  };

  /** Another `upgrade` listener may still answer the request. If none has answered by the handshake timeout, it gets 404. */
  #waitForOthers(message: IncomingMessage, socket: Duplex): void {
    // There may be no listener yet, and a client that resets the connection must not end the process.
    socket.on("error", () => socket.destroy());
    // Answers of Node's to earlier requests would be taken for one to this request.
    const written = hasPendingAnswer(socket) ? undefined : bytesWritten(socket);
    const isTaken = (): boolean => isInUse(socket) || (written !== undefined && bytesWritten(socket) !== written);
    const route = this.#mostPatient();
    // Most listeners answer at once, but some of them are called after this one.
    process.nextTick(() => {
      if (!isTaken()) route?.onUndecidedPath(message, socket, isTaken);
    });
  }

  /** The route with the longest handshake timeout. Requests for a path of nobody are held by it. */
  #mostPatient(): Route | undefined {
    let found: Route | undefined;
    for (const route of this.#routes.values())
      if (found === undefined || route.handshakeTimeout > found.handshakeTimeout) found = route;
    return found;
  }
}
