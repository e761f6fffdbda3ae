import type { IncomingMessage } from "node:http";

import type { WSTerminateEvent } from "../../connection/dispatch/events.ts";
import { InvalidArgumentError } from "../../errors/errors.ts";
import type { WebSocketServerOptions } from "../../server/options.ts";
import type { WebServer } from "../../server/web-server.ts";
import { WebSocketServer } from "../../server/websocket-server.ts";
import { amount, readNumber } from "../../util/number-range.ts";
import type { HawserClient } from "./nest-client.ts";
import { type Admit, NestServer } from "./nest-server.ts";
import type { NestHost, NestLogger, NestMessageHandler, ObservableLike } from "./nest-types.ts";

/** Options of a gateway: those of `WebSocketServer`, but what the adapter decides. */
export interface HawserGatewayOptions extends Omit<
  WebSocketServerOptions,
  "server" | "port" | "listen" | "path" | "requestListener" | "dataType"
> {
  /** The path of the gateway, as the option `path` of `WebSocketServer` takes a text. Default `/`. */
  readonly path?: string;
  /** The same as `path`: there is nothing else below a path. With both, one follows the other. */
  readonly namespace?: string;
  /**
   * Says who may connect, before there is a connection: it returns the `data` of the client, null for HTTP 403, or `refuse(status, text)`.
   * Default: everybody may.
   */
  readonly onConnection?: Admit;
  /**
   * How many observables of one client may answer at a time. One more is ended, and its client gets the event `exception`. Default 1,000;
   * Infinity: no limit.
   */
  readonly maxObservablesPerConnection?: number;
}

/** Far more than a page watches. */
const OBSERVABLES = amount(1_000);

/** Options of the adapter: of all gateways. What a gateway says itself counts more. */
export interface HawserAdapterOptions extends Omit<HawserGatewayOptions, "path" | "namespace"> {
  /** Gets the failures that no filter of a gateway gets, such as an error of `onConnection`. Default: warnings of the process. */
  readonly logger?: NestLogger;
}

/**
 * A `WebSocketAdapter` of Nest: gateways run on Hawser. Messages are JSON, `{ "event": ..., "data": ... }`, as with Nest's own `WsAdapter`.
 * `@WebSocketServer()` is a `WebSocketServer`, `@ConnectedSocket()` a `HawserClient`. `app.close()` closes all connections with 1001.
 *
 * @example
 * const app = await NestFactory.create(AppModule);
 * app.useWebSocketAdapter(new HawserAdapter(app, { logger: new Logger("WebSockets") }));
 * await app.listen(3000);
 */
export class HawserAdapter {
  readonly #web: WebServer | undefined;
  readonly #options: HawserAdapterOptions;
  readonly #handlers = new WeakMap<WebSocketServer, NestServer>();
  /** The first server of each port that gateways name. It has the web server. */
  readonly #ports = new Map<number, WebSocketServer>();

  /**
   * @param app the application, or its web server
   * @param options of all gateways
   */
  constructor(app?: NestHost, options: HawserAdapterOptions = {}) {
    this.#web = webServerOf(app);
    this.#options = options;
  }

  /**
   * Makes the server of the gateways with one path on one port. Nest calls it.
   *
   * @param port 0: that of the application
   * @throws {InvalidArgumentError} for an option that Hawser does not have, and without an application for port 0
   * @throws {OutOfRangeError} for a number out of range
   */
  create(port: number, options: HawserGatewayOptions & { readonly server?: unknown } = {}): WebSocketServer {
    const { logger, ...ofAll } = this.#options;
    const {
      path,
      namespace,
      server: _root,
      onConnection,
      maxObservablesPerConnection,
      ...own
    } = { ...ofAll, ...options };
    const limit = readNumber("maxObservablesPerConnection", maxObservablesPerConnection, OBSERVABLES);
    const handler = new NestServer(onConnection, logger, limit);
    const wss = new WebSocketServer<NestServer, "object">(handler, {
      invalidJson: "ignore",
      ...own,
      ...this.#listenOptions(port),
      path: pathOf(path, namespace),
      dataType: "object",
    }) as unknown as WebSocketServer;
    this.#handlers.set(wss, handler);
    if (port !== 0 && !this.#ports.has(port)) this.#ports.set(port, wss);
    return wss;
  }

  /** Calls a gateway for each new client. Nest calls it. */
  bindClientConnect(server: WebSocketServer, callback: (client: HawserClient, request: IncomingMessage) => void): void {
    this.#handlers.get(server)?.addGateway(callback);
  }

  /** Calls a gateway when a client has gone: `handleDisconnect` gets the event of `onTerminate` as its reason. Nest calls it. */
  bindClientDisconnect(client: HawserClient, callback: (event: WSTerminateEvent) => void): void {
    client.bindDisconnect(callback);
  }

  /** Closes a client that came before the application was ready. Nest calls it. */
  closeClient(client: HawserClient): void {
    client.close(1013, "The application is starting.");
  }

  /** Gives the messages of a client to the methods of a gateway. Nest calls it. */
  bindMessageHandlers(
    client: HawserClient,
    handlers: readonly NestMessageHandler[],
    transform: (result: unknown) => unknown,
  ): void {
    client.bind(handlers, transform as (result: unknown) => ObservableLike);
  }

  /** Closes a server: its clients get 1001 within `closeTimeout`. Nest calls it in `app.close()`. */
  close(server: WebSocketServer): Promise<void> {
    return server.terminate();
  }

  /** Nest calls it after all servers are closed. */
  dispose(): void {
    this.#ports.clear();
  }

  #listenOptions(port: number): { readonly port: number } | { readonly server: WebServer } {
    const server = port === 0 ? this.#web : this.#ports.get(port)?.httpServer;
    if (server !== undefined) return { server };
    if (port === 0)
      throw new InvalidArgumentError("HawserAdapter: expected the application, for gateways without a port");
    return { port };
  }
}

function webServerOf(app: NestHost | undefined): WebServer | undefined {
  if (app === undefined) return undefined;
  return (typeof app.getHttpServer === "function" ? app.getHttpServer() : app) as WebServer | undefined;
}

function pathOf(path: unknown, namespace: unknown): string {
  for (const [name, value] of Object.entries({ path, namespace }))
    if (value !== undefined && typeof value !== "string")
      throw new InvalidArgumentError(`${name}: expected a text: a regular expression is not supported here`);
  const parts = [path, namespace].map((part) => (typeof part === "string" ? part.replace(/^\/+|\/+$/g, "") : ""));
  return `/${parts.filter((part) => part !== "").join("/")}`;
}
