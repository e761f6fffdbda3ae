import { InvalidArgumentError } from "../errors/errors.ts";
import { WebSocketConnection } from "./websocket-connection.ts";

/** A connection, or several. */
export type ConnectionList = WebSocketConnection | Iterable<WebSocketConnection>;

/**
 * The connections of an option, each once; undefined: the option was not given.
 *
 * @param what the option, for the message of an error
 * @param orFunction whether a function is possible too, for the message of an error
 * @throws {InvalidArgumentError} for another value
 */
export function connectionsOf(
  what: string,
  list: ConnectionList | null | undefined,
  orFunction = false,
): ReadonlySet<WebSocketConnection> | undefined {
  if (list === undefined || list === null) return undefined;
  if (list instanceof WebSocketConnection) return new Set([list]);
  if (typeof list !== "object" || typeof list[Symbol.iterator] !== "function")
    throw new InvalidArgumentError(
      `${what}: expected a connection, or several in a list${orFunction ? ", or a function" : ""}`,
    );
  const connections = new Set(list);
  for (const connection of connections)
    if (!(connection instanceof WebSocketConnection))
      throw new InvalidArgumentError(`${what}: expected connections in the list`);
  return connections;
}
