import type { Server as HttpServer } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { isClaimed, markClaimed } from "./claimed-socket.ts";
import type { LimitCounters } from "./limit-counters.ts";

/** A TLS socket. Node keeps the TCP socket below it in `_parent`. */
interface Secured extends Duplex {
  readonly _parent?: unknown;
}

/** The limits on pending sockets. */
export interface PendingSocketLimits {
  /** The greatest number of pending sockets. */
  readonly maxHandshakes: number;
  /** Counts the sockets that were destroyed. */
  readonly limitCounters: Pick<LimitCounters, "maxHandshakes">;
}

/**
 * The sockets of the own web server that have not sent a whole request yet, or not even finished their TLS handshake. When
 * there are too many, the oldest is destroyed. A normal handshake takes a moment, so the oldest is most likely one that stays
 * on purpose (a "slowloris" attack), and normal clients can still connect.
 */
export class PendingSockets {
  readonly #settings: PendingSocketLimits;
  readonly #onCut: (socket: Duplex) => void;
  readonly #sockets = new Set<Duplex>();
  /** One listener for all sockets, so that none has its own closure. */
  readonly #onClose: (this: Duplex) => void;

  /** @param onCut is called before a socket is destroyed for a new one: it still has an address */
  constructor(settings: PendingSocketLimits, onCut: (socket: Duplex) => void) {
    this.#settings = settings;
    this.#onCut = onCut;
    const sockets = this.#sockets;
    this.#onClose = function (): void {
      sockets.delete(this);
    };
  }

  /** Watches a web server. With TLS it counts from the TCP connection on, because a client may never finish its TLS handshake. */
  watch(server: HttpServer, secure: boolean): void {
    const onConnection = (socket: Duplex): void => this.add(socket);
    server.on("connection", onConnection);
    if (!secure) return;
    server.on("secureConnection", (socket: Secured) => {
      const { _parent: tcpSocket } = socket;
      if (tcpSocket instanceof Socket) this.remove(tcpSocket);
      else if (server.listeners("connection").includes(onConnection)) {
        // This version of Node does not expose the TCP socket. Then only sockets that finished the TLS handshake are counted.
        server.off("connection", onConnection);
        this.#sockets.clear();
      }
      this.add(socket);
    });
  }

  /** Adds a socket that has connected, and destroys the oldest when there are too many. */
  add(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("close", this.#onClose);
    if (this.#sockets.size <= this.#settings.maxHandshakes) return;
    // Another WebSocket server on this web server has the request of these.
    for (const one of this.#sockets) {
      if (!isClaimed(one)) break;
      this.remove(one);
    }
    if (this.#sockets.size <= this.#settings.maxHandshakes) return;
    const [oldest] = this.#sockets;
    if (oldest === undefined) return;
    this.remove(oldest);
    this.#settings.limitCounters.maxHandshakes++;
    this.#onCut(oldest);
    cut(oldest);
  }

  /** Destroys all pending sockets. */
  close(): void {
    for (const socket of this.#sockets) if (!isClaimed(socket)) cut(socket);
  }

  /** Removes a socket that was upgraded or answered. */
  remove(socket: Duplex): void {
    if (this.#sockets.delete(socket)) socket.off("close", this.#onClose);
  }
}

/** Destroys a socket. Its mark tells that it is not the client who has ended a TLS handshake. */
function cut(socket: Duplex): void {
  markClaimed(socket);
  socket.destroy();
}
