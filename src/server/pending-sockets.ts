import type { Server as HttpServer } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { LimitCounters } from "../connection/counters/limit-counters.ts";

/** A socket with TLS, and where Node keeps the one below it. */
interface Secured extends Duplex {
  readonly _parent?: unknown;
}

/** The limits of a lobby. */
export interface PendingSocketLimits {
  /** How many may be there. */
  readonly maxHandshakes: number;
  /** Counts who was put out. */
  readonly limitCounters: Pick<LimitCounters, "maxHandshakes">;
}

/**
 * Who has connected to a web server of ours and has not asked to be upgraded yet, or has not even ended its TLS handshake.
 * Where there are too many the one who has been there the longest is put out: a handshake takes a moment, so that is one who
 * means to stay (a "slowloris"), and those who come in good faith get in.
 */
export class PendingSockets {
  readonly #settings: PendingSocketLimits;
  readonly #sockets = new Set<Duplex>();
  /** The one listener for all of them: none has a closure of its own. */
  readonly #onClose: (this: Duplex) => void;

  constructor(settings: PendingSocketLimits) {
    this.#settings = settings;
    const sockets = this.#sockets;
    this.#onClose = function (): void {
      sockets.delete(this);
    };
  }

  /** Watches a web server: over TLS from the TCP connection on, for a client may begin a handshake and not go on with it. */
  watch(server: HttpServer, secure: boolean): void {
    const enter = (socket: Duplex): void => this.add(socket);
    server.on("connection", enter);
    if (!secure) return;
    server.on("secureConnection", (socket: Secured) => {
      const { _parent: below } = socket;
      if (below instanceof Socket) this.remove(below);
      else if (server.listeners("connection").includes(enter)) {
        // This Node does not tell which one it was: then only those are watched that have come so far.
        server.off("connection", enter);
        this.#sockets.clear();
      }
      this.add(socket);
    });
  }

  /** Somebody has connected. */
  add(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("close", this.#onClose);
    if (this.#sockets.size <= this.#settings.maxHandshakes) return;
    const [oldest] = this.#sockets;
    if (oldest === undefined) return;
    this.remove(oldest);
    oldest.destroy();
    this.#settings.limitCounters.maxHandshakes++;
  }

  /** Nobody is waited for any more. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Somebody is upgraded, or answered. */
  remove(socket: Duplex): void {
    if (this.#sockets.delete(socket)) socket.off("close", this.#onClose);
  }
}
