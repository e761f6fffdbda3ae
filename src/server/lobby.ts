import type { Server as HttpServer } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { Tally } from "../connection/counters/limits.ts";

/** A socket with TLS, and where Node keeps the one below it. */
interface Secured extends Duplex {
  readonly _parent?: unknown;
}

/** The limits of a lobby. */
export interface LobbySettings {
  /** How many may be there. */
  readonly maxHandshakes: number;
  /** Counts who was put out. */
  readonly tally: Pick<Tally, "maxHandshakes">;
}

/**
 * Who has connected to a web server of ours and has not asked to be upgraded yet, or has not even ended its TLS handshake.
 * Where there are too many the one who has been there the longest is put out: a handshake takes a moment, so that is one who
 * means to stay (a "slowloris"), and those who come in good faith get in.
 */
export class Lobby {
  readonly #settings: LobbySettings;
  readonly #sockets = new Set<Duplex>();
  /** The one listener for all of them: none has a closure of its own. */
  readonly #onClose: (this: Duplex) => void;

  constructor(settings: LobbySettings) {
    this.#settings = settings;
    const sockets = this.#sockets;
    this.#onClose = function (): void {
      sockets.delete(this);
    };
  }

  /** Watches a web server: over TLS from the TCP connection on, for a client may begin a handshake and not go on with it. */
  watch(server: HttpServer, secure: boolean): void {
    const enter = (socket: Duplex): void => this.enter(socket);
    server.on("connection", enter);
    if (!secure) return;
    server.on("secureConnection", (socket: Secured) => {
      const { _parent: below } = socket;
      if (below instanceof Socket) this.leave(below);
      else if (server.listeners("connection").includes(enter)) {
        // This Node does not tell which one it was: then only those are watched that have come so far.
        server.off("connection", enter);
        this.#sockets.clear();
      }
      this.enter(socket);
    });
  }

  /** Somebody has connected. */
  enter(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("close", this.#onClose);
    if (this.#sockets.size <= this.#settings.maxHandshakes) return;
    const [oldest] = this.#sockets;
    if (oldest === undefined) return;
    this.leave(oldest);
    oldest.destroy();
    this.#settings.tally.maxHandshakes++;
  }

  /** Nobody is waited for any more. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Somebody is upgraded, or answered. */
  leave(socket: Duplex): void {
    if (this.#sockets.delete(socket)) socket.off("close", this.#onClose);
  }
}
