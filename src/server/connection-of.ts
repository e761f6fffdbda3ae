import type { Connection } from "../connection/connection.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

let read: (connection: WebSocketConnection) => Connection;

/** The class of the users' objects says how. It is not imported here: an adapter that is given a connection does not need all that can be sent. */
export function readConnectionBy(reader: typeof read): void {
  read = reader;
}

/**
 * The internal connection of a user's object. Only the server and the adapters call it.
 *
 * @throws {TypeError} if it is none
 */
export function connectionOf(connection: WebSocketConnection): Connection {
  return read(connection);
}
