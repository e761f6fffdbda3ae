import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { Server as NetServer } from "node:net";
import type { Duplex } from "node:stream";

import { NodeRequest } from "../handshake/node-request.ts";
import type { Refusal } from "../handshake/refusal.ts";
import { AddressCounts, type CountedAddress } from "./address-counts.ts";
import { busy, tooManyFromAddress } from "./connection-limiter.ts";
import { type OwnServerListener, answerWith } from "./own-web-server.ts";
import type { PendingSockets } from "./pending-sockets.ts";
import type { Settings } from "./settings.ts";

/** The settings of plain requests. */
export type PlainRequestSettings = Pick<
  Settings,
  "addressRule" | "maxConnections" | "maxConnectionsPerAddress" | "limitCounters"
>;

/** Gets what happens to the plain requests of an own web server. */
export interface PlainRequestListener extends Pick<OwnServerListener, "onRefused"> {
  /** Whether the server goes down: clients are asked to close their connections. */
  readonly isDraining: boolean;
  /** After `finish`, the last request under way has its answer. */
  onPlainRequestsFinished(): void;
}

/** A socket that has sent a plain request, and may send more. */
interface PlainSocket {
  readonly address: CountedAddress;
  /** The answers that are under way, in the order of the requests. */
  readonly responses: Set<ServerResponse>;
  /** The answer that is to be the last one. */
  last: ServerResponse | undefined;
}

/**
 * The plain requests of the own web server: the application answers them. Their sockets have limits of their own, as many as
 * WebSockets have, so that neither can take the places of the other.
 */
export class PlainRequests {
  readonly #server: Server;
  readonly #settings: PlainRequestSettings;
  readonly #listener: PlainRequestListener;
  readonly #pendingSockets: Pick<PendingSockets, "remove"> | undefined;
  readonly #sockets = new Map<Duplex, PlainSocket>();
  readonly #addresses = new AddressCounts();
  /** One listener for all sockets. Node emits no "close" for an answer that waits for another one when its socket closes. */
  readonly #onSocketClose: (this: Duplex) => void;
  /** The number of answers that are under way. */
  #underWay = 0;
  #isFinishing = false;

  /** @param pendingSockets the sockets that have not sent a request yet, if they are limited */
  constructor(
    server: Server,
    settings: PlainRequestSettings,
    listener: PlainRequestListener,
    pendingSockets: Pick<PendingSockets, "remove"> | undefined,
  ) {
    this.#pendingSockets = pendingSockets;
    this.#server = server;
    this.#settings = settings;
    this.#listener = listener;
    const release = this.release.bind(this);
    this.#onSocketClose = function (): void {
      release(this);
    };
  }

  /** Whether an answer is under way. */
  get hasAnswersUnderWay(): boolean {
    return this.#underWay > 0;
  }

  /** Gives the requests of a web server to the application. It may be that of HTTP/2: Node's objects have the same properties. What its listener throws is thrown by the web server's `emit`, as without the library. */
  serve(server: Server, requestListener: RequestListener): void {
    server.on("request", (request, response) => {
      if (this.#admit(request, response)) requestListener.call(server, request, response);
    });
    // As Node does without a listener: 417.
    server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
      if (this.#admit(request, response) && server.listenerCount("checkExpectation") === 1)
        response.writeHead(417).end();
    });
  }

  /** Accepts no more sockets, and closes those that are idle. Requests under way are answered; `onPlainRequestsFinished` follows. */
  finish(): void {
    if (this.#isFinishing) return;
    this.#isFinishing = true;
    // Not the method of `http.Server`: it destroys sockets whose answer was given to Node, but is not sent yet.
    NetServer.prototype.close.call(this.#server);
    for (const [socket, plain] of this.#sockets)
      if (plain.responses.size === 0) endIdle(socket);
      else askToClose(plain);
  }

  /** A socket has closed, or has become a WebSocket. */
  release(socket: Duplex): void {
    const plain = this.#sockets.get(socket);
    if (plain === undefined) return;
    this.#sockets.delete(socket);
    this.#addresses.removePlace(plain.address);
    socket.off("close", this.#onSocketClose);
    for (const response of plain.responses) this.#remove(socket, plain, response);
  }

  /** Counts a request. Returns false when a limit is reached: then it is refused. */
  #admit(request: IncomingMessage, response: ServerResponse): boolean {
    const socket = holderOf(request);
    this.#pendingSockets?.remove(socket);
    const plain = this.#sockets.get(socket) ?? this.#add(request);
    if (!("responses" in plain)) {
      this.#listener.onRefused(plain, request, request.socket);
      answerWith(response, plain);
      return false;
    }
    plain.responses.add(response);
    this.#underWay++;
    response.once("close", () => {
      this.#remove(socket, plain, response);
    });
    if (this.#listener.isDraining) askToClose(plain);
    return true;
  }

  #add(request: IncomingMessage): PlainSocket | Refusal {
    const { addressRule, maxConnections, maxConnectionsPerAddress, limitCounters } = this.#settings;
    if (this.#sockets.size >= maxConnections) {
      limitCounters.maxConnections++;
      return busy();
    }
    const address = this.#addresses.add(new NodeRequest(request, addressRule).remoteAddress);
    if (address.name !== undefined && address.places > maxConnectionsPerAddress) {
      this.#addresses.removePlace(address);
      limitCounters.maxConnectionsPerAddress++;
      return tooManyFromAddress();
    }
    const plain: PlainSocket = { address, responses: new Set(), last: undefined };
    const socket = holderOf(request);
    this.#sockets.set(socket, plain);
    socket.once("close", this.#onSocketClose);
    return plain;
  }

  #remove(socket: Duplex, plain: PlainSocket, response: ServerResponse): void {
    if (!plain.responses.delete(response)) return;
    this.#underWay--;
    if (!this.#isFinishing) return;
    if (plain.responses.size === 0) endIdle(socket);
    if (this.#underWay === 0) this.#listener.onPlainRequestsFinished();
  }
}

/** Who has the place of a request: its socket, or its session of HTTP/2, which may have many requests at a time. */
function holderOf(request: IncomingMessage & { readonly stream?: { readonly session?: object } }): Duplex {
  return (request.stream?.session ?? request.socket) as Duplex;
}

/** Ends a socket after what was written to it, and a session after its requests. */
function endIdle(socket: Duplex & { destroySoon?(): void; close?(): void }): void {
  if (socket.close !== undefined) socket.close();
  else if (socket.destroySoon === undefined) socket.destroy();
  else socket.destroySoon();
}

/** The last answer of a socket says `Connection: close` (RFC 9112 9.6). Node sends none of those after it. */
function askToClose(plain: PlainSocket): void {
  const newest = [...plain.responses].at(-1);
  if (newest === undefined || newest.headersSent) return;
  if (plain.last?.headersSent === false) plain.last.shouldKeepAlive = true;
  // The client itself may have asked for it.
  if (!newest.shouldKeepAlive) return;
  newest.shouldKeepAlive = false;
  plain.last = newest;
}
