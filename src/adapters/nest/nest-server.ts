import type { IncomingMessage } from "node:http";

import { warnOfUnheard } from "../../connection/dispatch/unheard-errors.ts";
import { HawserError } from "../../errors/errors.ts";
import type { ErrorCode } from "../../errors/table.ts";
import { Refusal, refuse } from "../../handshake/refusal.ts";
import type { WSConnectionEvent } from "../../server/connection-event.ts";
import type { WSHandler, WSServerErrorEvent } from "../../server/handlers.ts";
import type { WebSocketServer } from "../../server/websocket-server.ts";
import { Warnings } from "../../util/warnings.ts";
import { failedByPeer } from "../failed-by-peer.ts";
import { type ClientOwner, HawserClient } from "./nest-client.ts";
import type { NestLogger } from "./nest-types.ts";

/** What the option `onConnection` returns: `client.data`, a refusal, or null or undefined for HTTP 403. */
export type ClientData = object | Refusal | null | undefined;

/** Says who may connect, before there is a connection. */
export type Admit = (event: WSConnectionEvent) => ClientData | PromiseLike<ClientData>;

/** Why a message is dropped that is no JSON within the limits. */
const DROPPED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "HWS_INVALID_JSON",
  "HWS_JSON_TOO_DEEP",
  "HWS_JSON_TOO_BIG",
]);

/** Gives a new client to a gateway. */
type Connected = (client: HawserClient, request: IncomingMessage) => unknown;

/** The handler of one server: the gateways with one path on one port. */
export class NestServer implements WSHandler<"object", HawserClient>, ClientOwner {
  readonly maxObservables: number;
  readonly #gateways: Connected[] = [];
  readonly #admit: Admit | undefined;
  readonly #logger: NestLogger | undefined;
  readonly #warnings = new Warnings();

  constructor(admit: Admit | undefined, logger: NestLogger | undefined, maxObservables: number) {
    this.maxObservables = maxObservables;
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

  onError(_wss: WebSocketServer, event: WSServerErrorEvent): void {
    const { connection, errors } = event;
    const [{ cause, message }] = errors;
    const client = connection?.handler as unknown as HawserClient | undefined;
    // The message was dropped. `invalidJson: "close"` has closed the connection: then nothing is sent.
    if (cause instanceof HawserError && DROPPED.has(cause.code)) client?.refuseMessage(message);
    // What a peer has caused, `handleDisconnect` is told.
    else if (!failedByPeer(event)) this.onFailure(cause);
  }

  onClient(client: HawserClient, request: IncomingMessage): void {
    for (const connected of this.#gateways) connected(client, request);
  }

  onFailure(error: unknown): void {
    if (this.#logger !== undefined) this.#logger.error(error);
    else warnOfUnheard(this.#warnings, error);
  }
}
