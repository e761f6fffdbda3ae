import type { IncomingMessage } from "node:http";

import { Refusal, refuse } from "../../handshake/refusal.ts";
import type { WSConnectionEvent } from "../../server/connection-event.ts";
import type { WSHandler, WSServerErrorEvent } from "../../server/handlers.ts";
import type { WebSocketServer } from "../../server/websocket-server.ts";
import { type ClientOwner, HawserClient } from "./nest-client.ts";
import type { NestLogger } from "./nest-types.ts";

/** What the option `onConnection` returns: `client.data`, a refusal, or null or undefined for HTTP 403. */
export type ClientData = object | Refusal | null | undefined;

/** Says who may connect, before there is a connection. */
export type Admit = (event: WSConnectionEvent) => ClientData | PromiseLike<ClientData>;

/** Gives a new client to a gateway. */
type Connected = (client: HawserClient, request: IncomingMessage) => unknown;

/** The handler of one server: the gateways with one path on one port. */
export class NestServer implements WSHandler<"object", HawserClient>, ClientOwner {
  readonly #gateways: Connected[] = [];
  readonly #admit: Admit | undefined;
  readonly #logger: NestLogger | undefined;

  constructor(admit: Admit | undefined, logger: NestLogger | undefined) {
    this.#admit = admit;
    this.#logger = logger;
  }

  /** Adds a gateway. */
  addGateway(connected: Connected): void {
    this.#gateways.push(connected);
  }

  async onConnection(_wss: WebSocketServer, event: WSConnectionEvent): Promise<HawserClient | Refusal | null> {
    // Nest makes a server for the path without a namespace, also if no gateway has that path.
    if (this.#gateways.length === 0) return refuse(404, "There is no gateway at this path.");
    const data = this.#admit === undefined ? {} : await this.#admit(event);
    if (data instanceof Refusal) return data;
    return data === null || data === undefined ? null : new HawserClient(this, event.request.raw, data);
  }

  onError(_wss: WebSocketServer, { errors, connection }: WSServerErrorEvent): void {
    this.onFailure(errors[0].cause);
    // The connection is open: a message was dropped.
    if (connection?.status === "Connected")
      (connection.handler as unknown as HawserClient).refuseMessage("The message is not valid JSON.");
  }

  onClient(client: HawserClient, request: IncomingMessage): void {
    for (const connected of this.#gateways) connected(client, request);
  }

  onFailure(error: unknown): void {
    if (this.#logger !== undefined) this.#logger.error(error);
    else process.emitWarning(error instanceof Error ? error : String(error));
  }
}
