import { InvalidArgumentError } from "../errors/errors.ts";
import type { ConnectionHandler, ConnectionHandlerType } from "./handlers.ts";
import { WebSocketConnection } from "./websocket-connection.ts";

/** A connection, or several. */
export type ConnectionList = WebSocketConnection | Iterable<WebSocketConnection>;

/** Options of `broadcast`. `H` is the type of the connections' handlers. */
export interface BroadcastOptions<H extends ConnectionHandlerType = ConnectionHandler> {
  /**
   * Who gets the message: a connection, several, or a function that is asked about each. Default: all. One that comes twice gets it
   * once.
   *
   * @example
   * wss.broadcast("hello", { to: (client) => client.handler.team === "red" });
   */
  readonly to?: ConnectionList | ((connection: WebSocketConnection<H>) => boolean) | undefined;
  /** A connection, or several, that do not get the message. */
  readonly except?: ConnectionList | undefined;
  /** With `sendQueuePolicy: "latest"`, a waiting message is replaced by a newer one with the same key. */
  readonly key?: string | undefined;
  /** Whether the message may be compressed. Default true. */
  readonly compress?: boolean | undefined;
}

/** The connections that get a broadcast: those of `from` that are not in `except`. */
export interface Receivers {
  /** Those that are meant. */
  readonly from: Iterable<WebSocketConnection>;
  /** Those that do not get it; undefined: none. */
  readonly except: ReadonlySet<WebSocketConnection> | undefined;
}

/**
 * Finds the connections that get a broadcast.
 *
 * @param wss the server: connections of another one are refused
 * @param all its connections
 * @throws {InvalidArgumentError} for an option of another type, or a connection of another server in `to`
 */
export function receiversOf(
  wss: object,
  all: readonly WebSocketConnection[],
  { to, except }: BroadcastOptions,
): Receivers {
  if (typeof to === "function")
    return { from: all.filter((connection) => to(connection)), except: setOf("except", except) };
  const chosen = setOf("to", to);
  for (const connection of chosen ?? [])
    if ((connection.wss as object) !== wss)
      throw new InvalidArgumentError("broadcast: to: expected connections of this server, got one of another");
  return { from: chosen ?? all, except: setOf("except", except) };
}

/** The connections of an option, each once; undefined: the option was not given. */
function setOf(name: "to" | "except", list: ConnectionList | null | undefined): Set<WebSocketConnection> | undefined {
  if (list === undefined || list === null) return undefined;
  if (list instanceof WebSocketConnection) return new Set([list]);
  if (typeof list !== "object" || typeof list[Symbol.iterator] !== "function")
    throw new InvalidArgumentError(
      `broadcast: ${name}: expected a connection, or several in a list${name === "to" ? ", or a function" : ""}`,
    );
  const connections = new Set(list);
  for (const connection of connections)
    if (!(connection instanceof WebSocketConnection))
      throw new InvalidArgumentError(`broadcast: ${name}: expected connections in the list`);
  return connections;
}
