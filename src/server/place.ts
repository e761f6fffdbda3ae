import { EventEmitter } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import type { WebServer } from "./attachable.ts";
import { Lobby } from "./lobby.ts";
import type { Settings } from "./settings.ts";
import { type Route, Router } from "./router.ts";
import { createOwnServer } from "./web-server.ts";

/** What a place tells the one who is there. */
export interface PlaceListener extends Route {
  /** Clients can come. */
  started(): void;
  /** The web server failed, e.g. its port is in use. `lost`: no client will ever come. */
  placeFailed(error: Error, lost: boolean): void;
  /** The web server was closed. */
  placeClosed(): void;
}

/** Where clients come in: a web server of our own, the user's, or none but `handleUpgrade`. */
export class Place {
  readonly #own: Server | undefined;
  readonly #server: WebServer | undefined;
  readonly #listener: PlaceListener;
  readonly #detach: () => void;
  /** Who has come in by the own web server, and has not asked yet. */
  readonly #lobby: Lobby | undefined;

  constructor(settings: Settings, listener: PlaceListener) {
    this.#listener = listener;
    this.#own = settings.port === undefined ? undefined : createOwnServer(settings);
    this.#server = this.#own ?? settings.server;
    if (this.#own !== undefined && settings.maxHandshakes !== Infinity) {
      this.#lobby = new Lobby(settings);
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
  asked(socket: Duplex): void {
    this.#lobby?.leave(socket);
  }

  /** Takes no more requests, and closes what is left on the own web server. The user's goes on. */
  leave(): void {
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
    this.#listener.started();
  };

  readonly #onError = (error: Error): void => {
    this.#listener.placeFailed(error, this.#own?.listening === false);
  };

  readonly #onClose = (): void => {
    this.#listener.placeClosed();
  };
}

function nothing(): void {
  // There is no web server to detach from.
}
