import type { Connection } from "../connection/connection.ts";
import type { SendResult } from "../connection/sending/send-result.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

let read: (connection: WebSocketConnection) => Connection;
let send: (connection: WebSocketConnection, message: unknown) => SendResult;

/** The class of the users' objects says how. It is not imported here: an adapter that is given a connection does not need all that can be sent. */
export function readConnectionBy(reader: typeof read, sender: typeof send): void {
  read = reader;
  send = sender;
}

/**
 * The internal connection of a user's object. Only the server and the adapters call it.
 *
 * @throws {TypeError} if it is none
 */
export function connectionOf(connection: WebSocketConnection): Connection {
  return read(connection);
}

/**
 * Sends a message as `ws.send` does, whose `false` does not tell a message that was dropped from one that waits.
 *
 * @throws what `ws.send` throws
 */
export function sendWithResult(connection: WebSocketConnection, message: unknown): SendResult {
  return send(connection, message);
}
