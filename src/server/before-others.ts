import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { bytesWritten, hasNoAnswerYet, hasPendingAnswer, listenersOf, readersOf } from "./claimed-socket.ts";

/** A property of an upgrade request. Its name and its value stay the same: another copy or version of the library reads it too. */
const noted = Symbol.for("hawser.before");

/** What a socket was like when its upgrade request came, before the `upgrade` listeners of others were called. */
export interface Before {
  /** Who listened to what is read. */
  readonly readers: number;
  /** All listeners. */
  readonly listeners: number;
  /** The bytes that had been written. */
  readonly written: number;
}

interface NotedMessage extends IncomingMessage {
  [noted]?: Before;
}

/** What was noted about the socket of a request. */
export function beforeOf(message: IncomingMessage): Before | undefined {
  return (message as NotedMessage)[noted];
}

/** Notes what the socket of a request is like now: no other listener was called. */
export function noteBefore(message: IncomingMessage, socket: Duplex): void {
  (message as NotedMessage)[noted] = {
    readers: readersOf(socket),
    listeners: listenersOf(socket),
    written: bytesWritten(socket),
  };
}

/** Notes what the socket of a request must have been like. Others were called before: who listens now may be an owner. */
export function guessBefore(message: IncomingMessage, socket: Duplex): Before {
  // On a socket without an earlier answer of Node's, only another listener can have written.
  const isNew = socket instanceof Socket && hasNoAnswerYet(socket);
  return ((message as NotedMessage)[noted] = { readers: 0, listeners: 0, written: isNew ? 0 : bytesWritten(socket) });
}

/** Whether another listener has written since the request came. */
export function isAnsweredSince(before: Before | undefined, socket: Duplex): boolean {
  return before !== undefined && !hasPendingAnswer(socket) && bytesWritten(socket) !== before.written;
}

/** Whether somebody listens to what is read who did not before: a traffic counter, or an owner that answers later. */
export function hasNewReaders(before: Before | undefined, socket: Duplex): boolean {
  return before !== undefined && readersOf(socket) > before.readers;
}
