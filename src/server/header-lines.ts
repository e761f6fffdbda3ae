import { outgoingMessage } from "../connection/sending/outgoing-message.ts";
import { SendResult } from "../connection/sending/send-result.ts";
import { SharedMessage } from "../connection/sending/shared-message.ts";
import { connectionOf } from "./connection-of.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** Lines that wait, in their order. */
interface WaitingLines {
  readonly lines: string[];
  /** Settles when they were sent. */
  readonly sent: Promise<void>;
}

/** Of the connections that take no more messages now. */
const waiting = new WeakMap<WebSocketConnection, WaitingLines>();

/**
 * Sends a header line that has no message, and on which the client depends: no policy drops it. If the connection takes no more
 * messages now, it is sent later, in its order.
 */
export function sendHeader(ws: WebSocketConnection, header: string): void {
  const before = waiting.get(ws);
  if (before !== undefined) before.lines.push(header);
  else if (!isTaken(ws, header)) {
    const lines = [header];
    waiting.set(ws, { lines, sent: sendLater(ws, lines) });
  }
}

/** Settles when all lines of a connection were sent; undefined: none waits. */
export function linesSent(ws: WebSocketConnection): Promise<void> | undefined {
  return waiting.get(ws)?.sent;
}

/** Whether a line needs no further try. */
function isTaken(ws: WebSocketConnection, header: string): boolean {
  const connection = connectionOf(ws);
  const result = connection.send(new SharedMessage(outgoingMessage(header), true), false);
  // A closing connection drops everything.
  return result !== SendResult.dropped || connection.status !== "Connected";
}

async function sendLater(ws: WebSocketConnection, lines: string[]): Promise<void> {
  while (lines.length > 0 && (await connectionOf(ws).whenDrained())) {
    let first = lines[0];
    while (first !== undefined && isTaken(ws, first)) {
      lines.shift();
      first = lines[0];
    }
  }
  waiting.delete(ws);
}
