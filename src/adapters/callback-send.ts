import type { Connection } from "../connection/connection.ts";
import type { OutgoingMessage } from "../connection/sending/outgoing-message.ts";
import { SendResult } from "../connection/sending/send-result.ts";
import { HawserError } from "../errors/errors.ts";

/** Called when the peer is ready for more, or with the error because of which the message may not have arrived. */
export type WsSendCallback = (error?: Error) => void;

/** The callback of a `send` that gives none. */
export function ignore(): void {
  // Nobody waits.
}

/**
 * Sends a message, and calls back later, never within the call: at once if the peer is quick, when no more than `highWaterMark` bytes wait
 * if it is slow, and with an error if the message was dropped.
 */
export function sendThen(connection: Connection, message: OutgoingMessage, callback: WsSendCallback): void {
  const wasOpen = connection.status === "Connected";
  const result = connection.send(message, false);
  if (result === SendResult.accepted) process.nextTick(callback);
  else if (result === SendResult.dropped)
    process.nextTick(callback, wasOpen ? new HawserError("HWS_SEND_QUEUE_FULL") : notConnected());
  else
    void connection.whenDrained().then((hasDrained) => {
      // What the callback throws must not become a rejection of ours.
      process.nextTick(callback, hasDrained ? undefined : notConnected());
    });
}

/** The error for what is sent when the connection is closing or closed. */
export function notConnected(): HawserError {
  return new HawserError("HWS_NOT_CONNECTED");
}
