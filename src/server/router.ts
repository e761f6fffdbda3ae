import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";

import { InvalidArgumentError } from "../errors/errors.ts";
import type { Http2Request } from "../handshake/http2-request.ts";
import { pathOf } from "../handshake/node-request.ts";
import type { Refusal } from "../handshake/refusal.ts";
import { METHOD_NOT_ALLOWED, PROTOCOL_NOT_SPOKEN } from "../handshake/refusals.ts";
import { type Bytes, EMPTY } from "../protocol/bytes.ts";
import type { RawRequest, RequestDetails } from "../handshake/request.ts";
import type { PathParams } from "./path-pattern.ts";
import { type PathRule, isSamePath, rankOf } from "./path-rule.ts";
import type { WebServer } from "./web-server.ts";
import { type Before, beforeOf, guessBefore, hasNewReaders, isAnsweredSince, noteBefore } from "./before-others.ts";
import { bytesWritten, destroyFailed, isInUse, listenersOf, markOurs, onceAnswered } from "./claimed-socket.ts";
import { type Http2WebServer, isForOthers, speaksHttp2, takeConnects } from "./connect-requests.ts";
import type { Undecided } from "./held-sockets.ts";
import {
  areAllOurs,
  asksForWebSocket,
  canPassOn,
  isBeforeOthers,
  isPassedOn,
  letOthersPass,
  listenersTo,
  passOn,
} from "./other-upgrades.ts";

/** One of the WebSocket servers on a web server. */
export interface Route {
  /** Its path; undefined: every path that no other route takes. */
  readonly path: PathRule | undefined;
  /** Milliseconds a handshake may take. */
  readonly handshakeTimeout: number;
  /** The parameters of a path that is for this route; undefined: it is not. */
  match(path: string | undefined, message: RawRequest): PathParams | undefined;
  /** An upgrade request for this path has arrived. */
  onUpgrade(message: RawRequest, socket: Duplex, head: Bytes, details: RequestDetails): void;
  /** An upgrade request has arrived for a path that no WebSocket server has: it gets 404. */
  onUnknownPath(message: RawRequest, socket: Duplex): void;
  /** A request that is not for a WebSocket, and that nobody else listens to, gets a refusal. */
  refuse(socket: Duplex, refusal: Refusal, message?: RawRequest): void;
  /** Another listener may still answer a request. */
  onUndecided(message: IncomingMessage, socket: Duplex, undecided: Undecided): void;
}

const routers = new WeakMap<WebServer, Router>();

/** How a request is answered if no other listener answers it. */
interface OwnAnswer {
  readonly before: Before | undefined;
  /** A WebSocket server has the request's path. */
  readonly isForUs: boolean;
  answer(): void;
}

/** Listens for upgrade requests on a web server. It selects one of several WebSocket servers by path. */
export class Router {
  readonly #server: WebServer;
  /** In the order in which they are asked. */
  #routes: readonly Route[] = [];
  /** Whether requests that are not for a WebSocket are the application's. Not on a web server of the library. */
  readonly #hasApplication: boolean;
  #stopPassing: (() => void) | undefined;
  #stopConnects: (() => void) | undefined;

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
    if (this.#routes.some(({ path }) => isSamePath(path, route.path))) {
      throw new InvalidArgumentError(
        `path: another WebSocketServer on this web server has ${route.path === undefined ? "no path either" : `"${String(route.path.option)}"`}`,
      );
    }
    if (this.#routes.length === 0) this.#listen();
    this.#routes = [...this.#routes, route].sort((one, other) => rankOf(one.path) - rankOf(other.path));
    return () => {
      if (!this.#routes.includes(route)) return;
      this.#routes = this.#routes.filter((one) => one !== route);
      if (this.#routes.length === 0) this.#unlisten();
    };
  }

  #listen(): void {
    // There are two listeners of ours to `upgrade`. Each binding counts one.
    addToMaxListeners(this.#server, 1);
    this.#server.prependListener?.("upgrade", this.#onFirst);
    this.#server.on("upgrade", this.#onUpgrade);
    if (this.#hasApplication) this.#stopPassing = letOthersPass(this.#server);
    if (speaksHttp2(this.#server)) this.#stopConnects = takeConnects(this.#server, this.#onConnect);
  }

  #unlisten(): void {
    this.#server.off("upgrade", this.#onFirst);
    this.#server.off("upgrade", this.#onUpgrade);
    addToMaxListeners(this.#server, -1);
    this.#stopPassing?.();
    this.#stopConnects?.();
  }

  /** A CONNECT request over HTTP/2 (RFC 8441 4). No other listener gets one for a path of ours. */
  readonly #onConnect = (request: Http2Request, stream: ServerHttp2Stream, announcedBefore: boolean): boolean => {
    const isWebSocket = request.protocol === "websocket";
    const found = isWebSocket ? this.#find(request) : undefined;
    if (found !== undefined) {
      found.route.onUpgrade(request, stream, EMPTY, { params: found.params });
      return true;
    }
    const route = this.#routeWithLongestTimeout();
    const isExtended = request.protocol !== undefined;
    if (route === undefined || isForOthers(this.#server as Http2WebServer, isExtended, announcedBefore)) return false;
    if (isWebSocket) route.onUnknownPath(request, stream);
    else route.refuse(stream, isExtended ? PROTOCOL_NOT_SPOKEN : METHOD_NOT_ALLOWED, request);
    return true;
  };

  /** Called before the listeners of others, so that what they do to the socket can be told from what was there. */
  readonly #onFirst = (message: IncomingMessage, socket: Duplex): void => {
    // Another copy of the library may have noted it.
    if (!this.#hasOthers() || beforeOf(message) !== undefined) return;
    if (isBeforeOthers(this.#server, this.#onFirst)) noteBefore(message, socket);
    else {
      guessBefore(message, socket);
      this.#moveToFront();
    }
  };

  /** Somebody has prepended a listener. From the next request on, ours is called before it again. */
  #moveToFront(): void {
    if (!listenersTo(this.#server).includes(this.#onFirst)) return;
    this.#server.off("upgrade", this.#onFirst);
    this.#server.prependListener?.("upgrade", this.#onFirst);
  }

  readonly #onUpgrade = (message: IncomingMessage, socket: Duplex, head: Bytes): void => {
    const before = this.#hasOthers() ? (beforeOf(message) ?? guessBefore(message, socket)) : undefined;
    // Another listener, called before this one, has taken the socket.
    if (isPassedOn(message) || isInUse(socket) || isAnsweredSince(before, socket)) return;
    if (this.#hasApplication && !asksForWebSocket(message) && canPassOn(message, socket)) {
      const answer = (): void => {
        if (!isPassedOn(message)) passOn(message, socket, head);
      };
      if (areAllOurs(this.#server)) answer();
      else this.#waitForOthers(message, socket, { before, isForUs: false, answer });
      return;
    }
    const found = this.#find(message);
    if (found !== undefined) {
      const { route, params } = found;
      // Who reads, and has done nothing else, may be an owner that answers later. A guess about that has a deadline.
      if (hasNewReaders(before, socket)) {
        const answer = (): void => {
          route.onUpgrade(message, socket, head, { params });
        };
        this.#waitForOthers(message, socket, { before, isForUs: true, answer });
      } else route.onUpgrade(message, socket, head, { params });
      return;
    }
    const last = this.#routeWithLongestTimeout();
    const answer = (): void => (this.#routeWithLongestTimeout() ?? last)?.onUnknownPath(message, socket);
    if (this.#hasOthers()) this.#waitForOthers(message, socket, { before, isForUs: false, answer });
    else answer();
  };

  /** The first route that takes a request, with the parameters of its path. */
  #find(message: RawRequest): { readonly route: Route; readonly params: PathParams } | undefined {
    const path = pathOf(message);
    for (const route of this.#routes) {
      const params = route.match(path, message);
      if (params !== undefined) return { route, params };
    }
    return undefined;
  }

  /** Whether somebody else listens to `upgrade`, perhaps another copy of the library. */
  #hasOthers(): boolean {
    return this.#server.listenerCount("upgrade") > (this.#server.prependListener === undefined ? 1 : 2);
  }

  /** Another `upgrade` listener may still answer the request. If none has answered in time, we do. */
  #waitForOthers(message: IncomingMessage, socket: Duplex, own: OwnAnswer): void {
    const { before, isForUs } = own;
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
    const answer = (): void => {
      // What answers listens itself. On a socket that the application keeps, each of ours would stay.
      leave();
      own.answer();
    };
    const isTaken = (): boolean =>
      isPassedOn(message) || isInUse(socket) || (written !== undefined && bytesWritten(socket) !== written);
    // Most listeners answer at once, but some of them are called after this one.
    process.nextTick(() => {
      if (isTaken()) {
        leave();
        return;
      }
      const hasListener = before === undefined || listenersOf(socket) > before.listeners;
      let known = Infinity;
      const isWanted = (): boolean => hasListener || listenersOf(socket) > known;
      const wait = (): boolean => {
        const route = this.#routeWithLongestTimeout();
        const undecided = { isForUs, isTaken, isWanted, answer, leave, passOn: wait };
        if (route !== undefined) route.onUndecided(message, socket, undecided);
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
    for (const route of this.#routes)
      if (found === undefined || route.handshakeTimeout > found.handshakeTimeout) found = route;
    return found;
  }
}

/** Node warns above `getMaxListeners()` listeners of an event; 0 turns the warning off. */
export function addToMaxListeners(server: WebServer | undefined, listeners: number): void {
  if (!(server instanceof EventEmitter)) return;
  const most = server.getMaxListeners();
  if (most > 0) server.setMaxListeners(most + listeners);
}
