import { EventEmitter } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import type { WebServer } from "./attachable-server.ts";
import { PendingSockets } from "./pending-sockets.ts";
import type { Settings } from "./settings.ts";
import { type Route, Router } from "./router.ts";
import { createOwnServer } from "./own-web-server.ts";

/** What a place tells the one who is there. */
export interface HttpBindingListener extends Route {
  /** Clients can come. */
  onListening(): void;
  /** The web server failed, e.g. its port is in use. `lost`: no client will ever come. */
  onWebServerError(error: Error, lost: boolean): void;
  /** The web server was closed. */
  onWebServerClosed(): void;
}

/** Where clients come in: a web server of our own, the user's, or none but `handleUpgrade`. */
export class HttpBinding {
  readonly #own: Server | undefined;
  readonly #server: WebServer | undefined;
  readonly #listener: HttpBindingListener;
  readonly #detach: () => void;
  /** Who has come in by the own web server, and has not asked yet. */
  readonly #lobby: PendingSockets | undefined;

  constructor(settings: Settings, listener: HttpBindingListener) {
    this.#listener = listener;
    this.#own = settings.port === undefined ? undefined : createOwnServer(settings);
    this.#server = this.#own ?? settings.server;
    if (this.#own !== undefined && settings.maxHandshakes !== Infinity) {
      this.#lobby = new PendingSockets(settings);
      this.#lobby.watch(this.#own, settings.tls !== undefined);
    }
    this.#detach = this.#server === undefined ? nothing : Router.attach(this.#server, listener);
    // Several servers may share one of the user's: eleven of them are no leak.
    this.#makeRoom(1);
    if (this.#server?.listening === false) this.#server.once("listening", this.#onListening);
    else process.nextTick(this.#onListening);
    // The user's web server keeps its own way of failing: we only look on.
    this.#server?.on(this.#own === undefined ? EventEmitter.errorMonitor : "error", this.#onError);
    this.#server?.once("close", this.#onClose);
    this.#own?.listen(settings.port, settings.host);
  }

  /** Where the web server listens; null when it does not, or there is none. */
  address(): AddressInfo | string | null {
    return this.#server?.address() ?? null;
  }

  /** Somebody has asked: what becomes of him is not the place's any more. */
  onRequest(socket: Duplex): void {
    this.#lobby?.remove(socket);
  }

  /** Takes no more requests, and closes what is left on the own web server. The user's goes on. */
  detach(): void {
    this.#detach();
    this.#server?.off("listening", this.#onListening);
    this.#makeRoom(-1);
    this.#server?.off("close", this.#onClose);
    if (this.#own === undefined) this.#server?.off(EventEmitter.errorMonitor, this.#onError);
    this.#own?.close();
    // Those that were refused may still read why.
    this.#own?.closeAllConnections();
    this.#lobby?.close();
  }

  /** Node warns of an eleventh listener; 0: it does not. */
  #makeRoom(listeners: number): void {
    const server = this.#server;
    if (!(server instanceof EventEmitter)) return;
    const most = server.getMaxListeners();
    if (most > 0) server.setMaxListeners(most + listeners);
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

function nothing(): void {
  // There is no web server to detach from.
}
