import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { InvalidArgumentError } from "../errors/errors.ts";
import { pathOf } from "../handshake/node-request.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { WebServer } from "./web-server.ts";
import { bytesWritten, hasPendingAnswer, isInUse, listenersOf, onceAnswered, readersOf } from "./claimed-socket.ts";
import type { Undecided } from "./held-sockets.ts";
import {
  areAllOurs,
  asksForWebSocket,
  canPassOn,
  isFirst,
  isPassedOn,
  letOthersPass,
  markOurs,
  passOn,
} from "./other-upgrades.ts";

/** One of the WebSocket servers on a web server. */
export interface Route {
  /** Its path; undefined: every path that no other route has. */
  readonly path: string | undefined;
  /** Milliseconds a handshake may take. */
  readonly handshakeTimeout: number;
  /** An upgrade request for this path has arrived. */
  onUpgrade(message: IncomingMessage, socket: Duplex, head: Bytes): void;
  /** An upgrade request has arrived for a path that no WebSocket server has: it gets 404. */
  onUnknownPath(message: IncomingMessage, socket: Duplex): void;
  /** Another listener may still answer a request. */
  onUndecided(message: IncomingMessage, socket: Duplex, undecided: Undecided): void;
}

const routers = new WeakMap<WebServer, Router>();

/** The listeners of a socket when its upgrade request came, before others were asked. */
interface Before {
  readonly socket: Duplex;
  readonly readers: number;
  readonly listeners: number;
  readonly written: number;
}

/** Listens for upgrade requests on a web server. It selects one of several WebSocket servers by path. */
export class Router {
  readonly #server: WebServer;
  readonly #routes = new Map<string | undefined, Route>();
  /** Whether requests that are not for a WebSocket are the application's. Not on a web server of the library. */
  readonly #hasApplication: boolean;
  /** Of the request that is being emitted; undefined: nobody else listens to requests. */
  #before: Before | undefined;
  #stopPassing: (() => void) | undefined;

  private constructor(server: WebServer, hasApplication: boolean) {
    this.#server = server;
    this.#hasApplication = hasApplication;
    markOurs(this.#onUpgrade);
    markOurs(this.#onFirst);
  }

  /**
   * Adds a route to a web server.
   *
   * @param hasApplication whether it is the user's web server, with an application that answers plain requests
   * @returns a function that removes the route
   * @throws {InvalidArgumentError} when another route of this web server has the path
   */
  static attach(server: WebServer, route: Route, hasApplication = true): () => void {
    let router = routers.get(server);
    if (router === undefined) routers.set(server, (router = new Router(server, hasApplication)));
    return router.#add(route);
  }

  #add(route: Route): () => void {
    if (this.#routes.has(route.path)) {
      throw new InvalidArgumentError(
        `path: another WebSocketServer on this web server has ${route.path === undefined ? "no path either" : `"${route.path}"`}`,
      );
    }
    if (this.#routes.size === 0) this.#listen();
    this.#routes.set(route.path, route);
    return () => {
      // Another route may have the path by now.
      if (this.#routes.get(route.path) !== route) return;
      this.#routes.delete(route.path);
      if (this.#routes.size === 0) this.#unlisten();
    };
  }

  #listen(): void {
    // There are two listeners of ours to `upgrade`. Each binding counts one.
    addToMaxListeners(this.#server, 1);
    this.#server.prependListener?.("upgrade", this.#onFirst);
    this.#server.on("upgrade", this.#onUpgrade);
    if (this.#hasApplication) this.#stopPassing = letOthersPass(this.#server);
  }

  #unlisten(): void {
    this.#server.off("upgrade", this.#onFirst);
    this.#server.off("upgrade", this.#onUpgrade);
    addToMaxListeners(this.#server, -1);
    this.#stopPassing?.();
  }

  /** Called before the listeners of others, so that what they do to the socket can be told from what was there. */
  readonly #onFirst = (_message: IncomingMessage, socket: Duplex): void => {
    this.#before =
      this.#hasOthers() && isFirst(this.#server, this.#onFirst)
        ? { socket, readers: readersOf(socket), listeners: listenersOf(socket), written: bytesWritten(socket) }
        : undefined;
  };

  readonly #onUpgrade = (message: IncomingMessage, socket: Duplex, head: Bytes): void => {
    const before = this.#before?.socket === socket ? this.#before : undefined;
    this.#before = undefined;
    // Another listener, called before this one, has taken the socket.
    if (isPassedOn(message) || isInUse(socket) || this.#isTakenSince(before, socket)) return;
    if (this.#hasApplication && !asksForWebSocket(message) && canPassOn(message, socket)) {
      const pass = (): void => {
        if (!isPassedOn(message)) passOn(message, socket, head);
      };
      if (areAllOurs(this.#server)) pass();
      else this.#waitForOthers(message, socket, before, pass);
      return;
    }
    const path = pathOf(message);
    const route = (path === undefined ? undefined : this.#routes.get(path)) ?? this.#routes.get(undefined);
    if (route !== undefined) {
      // Somebody reads, and has done nothing else: it may be a traffic counter, or an owner that answers later.
      if (before !== undefined && readersOf(socket) > before.readers)
        this.#waitForOthers(message, socket, before, () => {
          route.onUpgrade(message, socket, head);
        });
      else route.onUpgrade(message, socket, head);
      return;
    }
    const last = this.#routeWithLongestTimeout();
    const refuse = (): void => (this.#routeWithLongestTimeout() ?? last)?.onUnknownPath(message, socket);
    if (this.#hasOthers()) this.#waitForOthers(message, socket, before, refuse);
    else refuse();
  };

  /** Whether another listener has written since the request came. Without knowing what was there before, who reads is an owner. */
  #isTakenSince(before: Before | undefined, socket: Duplex): boolean {
    if (before === undefined) return this.#hasOthers() && readersOf(socket) > 0;
    return !hasPendingAnswer(socket) && bytesWritten(socket) !== before.written;
  }

  /** Whether somebody else listens to `upgrade`, perhaps another copy of the library. */
  #hasOthers(): boolean {
    return this.#server.listenerCount("upgrade") > (this.#server.prependListener === undefined ? 1 : 2);
  }

  /** Another `upgrade` listener may still answer the request. If none has answered in time, we do. */
  #waitForOthers(message: IncomingMessage, socket: Duplex, before: Before | undefined, answer: () => void): void {
    // There may be no listener yet, and a client that resets the connection must not end the process.
    socket.on("error", destroyFailed);
    let written: number | undefined;
    const mark = (): void => {
      written = bytesWritten(socket);
    };
    // What Node still writes to earlier requests would be taken for an answer to this one.
    if (!onceAnswered(socket, mark)) mark();
    const leave = (): void => {
      // The error of a destroyed socket may still follow.
      if (!socket.destroyed) socket.off("error", destroyFailed);
    };
    const isTaken = (): boolean =>
      isPassedOn(message) || isInUse(socket) || (written !== undefined && bytesWritten(socket) !== written);
    // Most listeners answer at once, but some of them are called after this one.
    process.nextTick(() => {
      if (isTaken()) {
        leave();
        return;
      }
      // One of them is ours.
      const hasListener = before === undefined || listenersOf(socket) > before.listeners + 1;
      let known = Infinity;
      const isWanted = (): boolean => hasListener || listenersOf(socket) > known;
      const wait = (): boolean => {
        const route = this.#routeWithLongestTimeout();
        if (route !== undefined) route.onUndecided(message, socket, { isTaken, isWanted, answer, leave, passOn: wait });
        else if (this.#server.listenerCount("upgrade") === 0) return false;
        else leave();
        return true;
      };
      if (!wait()) answer();
      known = listenersOf(socket);
    });
  }

  /** The route with the longest handshake timeout. Requests for a path that no WebSocket server has are held by it. */
  #routeWithLongestTimeout(): Route | undefined {
    let found: Route | undefined;
    for (const route of this.#routes.values())
      if (found === undefined || route.handshakeTimeout > found.handshakeTimeout) found = route;
    return found;
  }
}

/** One function for all sockets: a closure would keep what its scope holds, and the socket may be another listener's. */
function destroyFailed(this: Duplex): void {
  this.destroy();
}

/** Node warns above `getMaxListeners()` listeners of an event; 0 turns the warning off. */
export function addToMaxListeners(server: WebServer | undefined, listeners: number): void {
  if (!(server instanceof EventEmitter)) return;
  const most = server.getMaxListeners();
  if (most > 0) server.setMaxListeners(most + listeners);
}
