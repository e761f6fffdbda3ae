import { EventEmitter } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo, ListenOptions as NodeListenOptions } from "node:net";
import type { Duplex } from "node:stream";

import { InvalidArgumentError } from "../errors/errors.ts";
import type { ListenOptions } from "./listen-options.ts";
import { OwnHttp2 } from "./own-http2.ts";
import type { WebServer } from "./web-server.ts";
import { type OwnServerListener, createOwnServer } from "./own-web-server.ts";
import { type PlainRequestListener, PlainRequests } from "./plain-requests.ts";
import { PendingSockets } from "./pending-sockets.ts";
import { type Route, Router, addToMaxListeners } from "./router.ts";
import type { Settings } from "./settings.ts";

/** Gets the upgrade requests and the events of a web server. */
export interface HttpBindingListener extends Route, OwnServerListener, PlainRequestListener {
  /** Clients can connect now. */
  onListening(): void;
  /** The web server failed, e.g. its port is in use. `isFatal`: no client can ever connect. */
  onWebServerError(error: Error, isFatal: boolean): void;
  /** The web server was closed. */
  onWebServerClosed(): void;
}

/** A socket was destroyed before its request was read. */
const LIMIT_REACHED = { status: undefined, reason: "limit" } as const;

/** Connects a WebSocket server with a web server: the library's own, the user's, or none, with `handleUpgrade` only. */
export class HttpBinding {
  readonly #own: Server | undefined;
  /** The web server; undefined: there is none. */
  readonly server: WebServer | undefined;
  readonly #listener: HttpBindingListener;
  readonly #detach: () => void;
  /** HTTP/2 of the own web server. */
  readonly #http2: OwnHttp2 | undefined;
  readonly #detachHttp2: (() => void) | undefined;
  /** Sockets of the own web server that have not sent a whole request yet. */
  readonly #pendingSockets: PendingSockets | undefined;
  /** The requests that the application answers on the own web server. */
  readonly #plainRequests: PlainRequests | undefined;

  constructor(settings: Settings, listener: HttpBindingListener) {
    this.#listener = listener;
    this.#own = settings.listen === undefined ? undefined : createOwnServer(settings, listener);
    this.server = this.#own ?? settings.server;
    if (this.#own !== undefined && settings.maxHandshakes !== Infinity) {
      this.#pendingSockets = new PendingSockets(settings, (socket) => {
        listener.onRefused(LIMIT_REACHED, undefined, socket);
      });
    }
    if (this.#own !== undefined && settings.http2) {
      this.#http2 = new OwnHttp2(settings, listener, this.#pendingSockets);
      this.#http2.takeFrom(this.#own);
    }
    // After that: who has chosen HTTP/2 has its session by then.
    if (this.#own !== undefined) this.#pendingSockets?.watch(this.#own, settings.tls !== undefined);
    const { requestListener } = settings;
    if (this.#own !== undefined && requestListener !== undefined) {
      this.#plainRequests = new PlainRequests(this.#own, settings, listener, this.#pendingSockets);
      this.#plainRequests.serve(this.#own, requestListener);
      if (this.#http2 !== undefined)
        this.#plainRequests.serve(this.#http2.server as unknown as Server, requestListener);
    }
    const hasApplication = this.#own === undefined || requestListener !== undefined;
    this.#detach = this.server === undefined ? nothing : Router.attach(this.server, listener, hasApplication);
    if (this.#http2 !== undefined) this.#detachHttp2 = Router.attach(this.#http2.server, listener, hasApplication);
    // Several WebSocket servers may share one web server. Node must not take eleven of them for a leak.
    addToMaxListeners(this.server, 1);
    if (this.server?.listening === false) this.server.once("listening", this.#onListening);
    else process.nextTick(this.#onListening);
    // `errorMonitor` observes the user's web server. Its errors stay the user's to handle.
    this.server?.on(this.#own === undefined ? EventEmitter.errorMonitor : "error", this.#onError);
    this.server?.once("close", this.#onClose);
    if (this.#own !== undefined && settings.listen !== undefined) startListening(this.#own, settings.listen);
  }

  /** The address on which the web server listens; null when it does not listen, or there is none. */
  address(): AddressInfo | string | null {
    return this.server?.address() ?? null;
  }

  /** A socket has sent its request or has its answer, so it no longer counts as pending. */
  onRequest(socket: Duplex): void {
    this.#pendingSockets?.remove(socket);
    this.#plainRequests?.release(socket);
  }

  /** Whether the application still answers plain requests on the own web server. */
  get hasAnswersUnderWay(): boolean {
    return this.#plainRequests?.hasAnswersUnderWay === true;
  }

  /** No WebSocket is left. The own web server takes no more plain requests; `onPlainRequestsFinished` follows if some are under way. */
  finishPlainRequests(): void {
    if (this.#plainRequests === undefined) return;
    // Its end is ours.
    this.server?.off("close", this.#onClose);
    this.#plainRequests.finish();
  }

  /** The server goes down: clients of the own web server open no more streams of HTTP/2. */
  drain(): void {
    this.#http2?.drain();
  }

  /** Takes no more requests, and closes the own web server with its sockets. The user's web server keeps running. */
  detach(): void {
    this.#detach();
    this.#detachHttp2?.();
    this.#http2?.close();
    this.server?.off("listening", this.#onListening);
    addToMaxListeners(this.server, -1);
    this.server?.off("close", this.#onClose);
    if (this.#own === undefined) this.server?.off(EventEmitter.errorMonitor, this.#onError);
    this.#own?.close();
    // Sockets after an upgrade stay open, so refused clients may still read their answer.
    this.#own?.closeAllConnections();
    this.#pendingSockets?.close();
  }

  readonly #onListening = (): void => {
    this.#listener.onListening();
  };

  readonly #onError = (error: Error): void => {
    this.#listener.onWebServerError(error, this.#own?.listening === false);
  };

  readonly #onClose = (): void => {
    this.#listener.onWebServerClosed();
  };
}

/** Node checks the values: what it throws names them. */
function startListening(server: Server, listen: ListenOptions): void {
  try {
    server.listen(listen as NodeListenOptions);
  } catch (cause) {
    throw new InvalidArgumentError(`listen: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function nothing(): void {
  // There is no web server to detach from.
}
