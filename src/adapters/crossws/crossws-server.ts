import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import type { NodeOptions } from "crossws/adapters/node";

import { warnOfUnheard } from "../../connection/dispatch/unheard-errors.ts";
import { InvalidArgumentError } from "../../errors/errors.ts";
import { PATH_NOT_FOUND } from "../../handshake/refusals.ts";
import type { WSConnectionEvent } from "../../server/connection-event.ts";
import type { ConnectionAnswer, WSHandler } from "../../server/handlers.ts";
import type { WebSocketServerOptions } from "../../server/options.ts";
import { WebSocketServer } from "../../server/websocket-server.ts";
import { Warnings } from "../../util/warnings.ts";
import type { SocketListener } from "../ws-socket-handler.ts";
import { CrosswsHandler } from "./crossws-socket.ts";

/** The options of the server: those of `WebSocketServer`, but what crossws and its web server decide. */
export type CrosswsServerOptions = Omit<
  WebSocketServerOptions<"auto">,
  "dataType" | "host" | "http2" | "listen" | "path" | "port" | "protocols" | "requestListener" | "server" | "tls"
>;

/** What the option `wss` of crossws takes. */
export type CrosswsServer = NonNullable<NodeOptions["wss"]> & {
  /** The server itself, e.g. for `hawser.counters`. */
  readonly hawser: WebSocketServer;
};

const NOT_HERE = ["dataType", "host", "http2", "listen", "path", "port", "protocols"];
const OF_THE_WEB_SERVER = ["requestListener", "server", "tls"];

const COMPRESSION = "expected false, or true with the option compression, which has the settings of all connections";

/** What a hook `upgrade` gives as `perMessageDeflate` where the application has no hooks: crossws passes nothing else of it on. */
export const NO_HOOKS = {};

/** A client that crossws has accepted: the `context` of its handshake. */
class Upgrade {
  readonly request: IncomingMessage;
  readonly onSocket: SocketListener;
  /** What a hook has said about compression. */
  readonly perMessageDeflate: unknown;

  constructor(request: IncomingMessage, onSocket: SocketListener, perMessageDeflate: unknown) {
    this.request = request;
    this.onSocket = onSocket;
    this.perMessageDeflate = perMessageDeflate;
  }
}

/** As much of a server of the package `ws` as crossws uses. */
class Engine extends EventEmitter implements WSHandler<"auto", CrosswsHandler> {
  readonly hawser: WebSocketServer<Engine, "auto">;
  /** crossws sets `perMessageDeflate` while it calls `handleUpgrade`, if a hook has returned it. */
  readonly options: { perMessageDeflate: unknown };
  readonly #compresses: unknown;
  readonly #onFailure: (error: unknown) => void;

  constructor(options: CrosswsServerOptions) {
    super();
    for (const name of [...NOT_HERE, ...OF_THE_WEB_SERVER])
      if ((options as Record<string, unknown>)[name] !== undefined)
        throw new InvalidArgumentError(`${name}: crossws, or its web server, decides it`);
    this.hawser = new WebSocketServer<Engine, "auto">(this, { ...options, dataType: "auto" });
    // An object: crossws takes it as it is for a hook that returns true.
    this.#compresses = (options.compression ?? false) !== false && {};
    this.options = { perMessageDeflate: this.#compresses };
    const warnings = new Warnings();
    this.#onFailure = (error) => {
      warnOfUnheard(warnings, error);
    };
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array, onSocket: SocketListener): void {
    const { perMessageDeflate } = this.options;
    const offer = perMessageDeflate === false ? withoutExtensions(request) : request;
    this.hawser.handleUpgrade(offer, socket, head, new Upgrade(request, onSocket, perMessageDeflate));
  }

  onConnection(_wss: WebSocketServer, event: WSConnectionEvent): ConnectionAnswer<CrosswsHandler> {
    // A target that crossws was not asked about.
    if (event.context === undefined) return PATH_NOT_FOUND;
    const { request, onSocket, perMessageDeflate } = event.context as Upgrade;
    if (perMessageDeflate === NO_HOOKS) return PATH_NOT_FOUND;
    if (perMessageDeflate !== false && perMessageDeflate !== this.#compresses)
      throw new InvalidArgumentError(`perMessageDeflate: ${COMPRESSION}`);
    const lines: string[] = [];
    this.emit("headers", lines, request);
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (name === "sec-websocket-protocol") event.protocol = value;
      else event.responseHeaders.append(name, value);
    }
    return new CrosswsHandler(event, onSocket, this.#onFailure);
  }

  onTerminate(): void {
    this.emit("close");
  }
}

/**
 * Makes what the option `wss` of crossws takes: its peers then run on Hawser. For a plugin of crossws that makes the adapter itself.
 * Elsewhere `crosswsAdapter` does more: it keeps a hook that rejects from ending the process.
 *
 * @throws {InvalidArgumentError} for an option of a wrong type, or one that crossws decides
 * @throws {OutOfRangeError} for a number out of range
 * @example
 * import { plugin } from "crossws/server/node";
 *
 * serve(app, { plugins: [plugin({ resolve, options: { node: { wss: crosswsServer(), idleTimeout: 0 } } })] });
 */
export function crosswsServer(options: CrosswsServerOptions = {}): CrosswsServer {
  return new Engine(options) as unknown as CrosswsServer;
}

/** A request that offers no compression. */
function withoutExtensions(request: IncomingMessage): IncomingMessage {
  const lines = request.rawHeaders;
  const rawHeaders = lines.filter((_, i) => lines[i - (i % 2)]?.toLowerCase() !== "sec-websocket-extensions");
  return Object.create(request, { rawHeaders: { value: rawHeaders } }) as IncomingMessage;
}
