import type { OutgoingMessage } from "../connection/sending/outgoing-message.ts";
import { SendResult } from "../connection/sending/send-result.ts";
import { SharedMessage } from "../connection/sending/shared-message.ts";
import { inSendLoop } from "../connection/transport/send-loop.ts";
import { connectionOf } from "./connection-of.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** The connections that get a message: those of `from`, but not those in `except`. */
export interface Receivers {
  /** Those that are meant. */
  readonly from: Iterable<WebSocketConnection>;
  /** Those that do not get it; undefined: none. */
  readonly except: { has(connection: WebSocketConnection): boolean } | undefined;
}

/**
 * Sends a message to many connections. It is encoded, and compressed, once. What the application does because a connection fails
 * meanwhile follows after that: all connections get its messages in the same order.
 *
 * @returns how many have accepted it
 */
export function sendToMany(message: OutgoingMessage, { from, except }: Receivers): number {
  const shared = new SharedMessage(message);
  return inSendLoop(() => {
    let accepted = 0;
    for (const connection of from) {
      if (connection.status !== "Connected" || except?.has(connection) === true) continue;
      if (connectionOf(connection).send(shared) !== SendResult.dropped) accepted++;
    }
    return accepted;
  });
}
