import type { Duplex } from "node:stream";

import type { Refusal } from "../handshake/refusal.ts";
import { PIPELINED } from "../handshake/refusals.ts";
import { type Linger, sendRefusal } from "../handshake/response.ts";

/**
 * A property of a socket that a WebSocketServer has taken over. Its name is documented and stays the same: another copy or
 * version of the library on the same web server looks at it too.
 */
const claimed = Symbol.for("hawser.claimed");

/** A property of our listeners. Its name stays the same: another copy or version of the library looks at it too. */
const ours = Symbol.for("hawser.upgrade");

/** Marks a listener to `upgrade`, or to an event of a socket, as one of the library. */
export function markOurs<F extends object>(listener: F): F {
  (listener as { [ours]?: true })[ours] = true;
  return listener;
}

/** Whether a listener is one of the library, of this copy or of another. */
export function isOurs(listener: object): boolean {
  return (listener as { [ours]?: true })[ours] === true;
}

interface MarkedSocket extends Duplex {
  [claimed]?: true;
}

/** Marks a socket as taken over by a WebSocketServer. The mark stays. */
export function markClaimed(socket: Duplex): void {
  (socket as MarkedSocket)[claimed] = true;
}

/** Whether a WebSocketServer has taken the socket over, of this copy of the library or of another. */
export function isClaimed(socket: Duplex): boolean {
  return (socket as MarkedSocket)[claimed] === true;
}

/**
 * Whether a WebSocketServer or another listener has taken the socket. What was written in this turn belongs to somebody else.
 * A listener to what is read is no proof: it may be a traffic counter.
 */
export function isInUse(socket: Duplex): boolean {
  return (
    isClaimed(socket) ||
    socket.destroyed ||
    socket.writableEnded ||
    (!hasPendingAnswer(socket) && hasPendingWrites(socket))
  );
}

/** The number of listeners to what is read from a socket. Node removes its own before it emits `upgrade`. */
export function readersOf(socket: Duplex): number {
  return socket.listenerCount("data") + socket.listenerCount("readable");
}

/** The number of listeners of a socket that are not of the library. */
export function listenersOf(socket: Duplex): number {
  return socket
    .eventNames()
    .reduce((sum, name) => sum + socket.listeners(name).filter((listener) => !isOurs(listener)).length, 0);
}

/** The bytes that were written to a socket; 0 for a stream that does not count them. */
export function bytesWritten(socket: Duplex): number {
  return (socket as { bytesWritten?: number }).bytesWritten ?? 0;
}

/**
 * Whether another listener has answered on a socket that waited for our answer: it has written, or ended the socket.
 *
 * @param written what `bytesWritten` was when the wait began
 */
export function isAnsweredByOther(socket: Duplex, written: number): boolean {
  return !socket.destroyed && (socket.writableEnded || bytesWritten(socket) !== written);
}

/** Leaves a socket to the listener that has answered. If that has only ended it, nobody else would destroy it. */
export function leaveToOther(socket: Duplex, linger: Linger): void {
  if (!socket.writableEnded || readersOf(socket) > 0) return;
  socket.resume();
  linger(socket);
}

/** Node keeps the answer that a socket waits for in this property, and the number of unfinished writes in the other. */
interface AnsweringSocket extends Duplex {
  readonly _httpMessage?: Answer | null;
  readonly _writableState?: { readonly pendingcb?: number };
}

interface Answer {
  readonly headersSent?: boolean;
  readonly writableNeedDrain?: boolean;
  prependOnceListener(event: "close", listener: () => void): unknown;
  emit(event: "drain"): unknown;
}

/** Whether an earlier request on this socket has no answer yet. */
export function hasPendingAnswer(socket: Duplex): boolean {
  return pendingAnswer(socket) !== undefined;
}

/** Whether a part of the answer to an earlier request has been written. */
export function hasBegunAnswer(socket: Duplex): boolean {
  return pendingAnswer(socket)?.headersSent === true;
}

/** Whether Node has given the socket no answer to write yet. After one, the property is null. */
export function hasNoAnswerYet(socket: Duplex): boolean {
  return (socket as AnsweringSocket)._httpMessage === undefined;
}

function pendingAnswer(socket: Duplex): Answer | undefined {
  return (socket as AnsweringSocket)._httpMessage ?? undefined;
}

/** Whether something that was written waits, or waits for its callback. A write that the system took at once is not seen. An answer of Node's that is finished has no such write left. */
function hasPendingWrites(socket: Duplex): boolean {
  return socket.writableLength > 0 || ((socket as AnsweringSocket)._writableState?.pendingcb ?? 0) > 0;
}

/**
 * Returns true when earlier requests on this socket have no answer yet. The handshake's answer would then be written
 * before their answers, or into one. So the handshake is refused after the last of them (RFC 9112 9.3.2: in order).
 */
export function refuseAfterPendingAnswers(socket: Duplex, method: string | undefined, linger: Linger): boolean {
  return afterPendingAnswers(socket, linger, () => {
    sendRefusal(socket, PIPELINED, method, linger);
  });
}

/** Refuses a request on a socket that nobody uses, after the answers to earlier requests. */
export function refuseInOrder(socket: Duplex, refusal: Refusal, method: string | undefined, linger: Linger): void {
  const refuse = (): void => {
    sendRefusal(socket, refusal, method, linger);
  };
  markClaimed(socket);
  if (!afterPendingAnswers(socket, linger, refuse)) refuse();
}

/** Calls `answered` when Node has answered all requests that the socket waits for. Returns false when there is none. */
export function onceAnswered(socket: Duplex, answered: () => void): boolean {
  const first = pendingAnswer(socket);
  if (first === undefined) return false;
  const wait = (answer: Answer): void => {
    // Called first: another listener may write its answer when the last one of Node's is closed.
    answer.prependOnceListener("close", () => {
      // Node has given the socket to the next answer by now.
      const next = pendingAnswer(socket);
      if (next !== undefined && next !== answer) wait(next);
      else answered();
    });
  };
  wait(first);
  return true;
}

/** Calls `answered` when Node has written all answers that the socket waits for. Returns false when there is none. */
function afterPendingAnswers(socket: Duplex, linger: Linger, answered: () => void): boolean {
  if (!hasPendingAnswer(socket)) return false;
  socket.once("end", () => socket.destroy()).resume();
  return afterAnswers(socket, answered, linger);
}

/**
 * The same, but what the client sends stays unread until then.
 *
 * @param linger gets the socket if the last of these answers has ended it
 */
export function afterAnswers(socket: Duplex, answered: () => void, linger?: Linger): boolean {
  if (!hasPendingAnswer(socket)) return false;
  // Node no longer listens to the socket, so the client's failure, and the answers' "drain", are handled here.
  socket.on("error", destroyFailed);
  const onDrain = (): void => {
    const answer = pendingAnswer(socket);
    if (answer?.writableNeedDrain === true) answer.emit("drain");
  };
  socket.on("drain", onDrain);
  if (!socket.writableNeedDrain) onDrain();
  return onceAnswered(socket, () => {
    socket.off("drain", onDrain);
    if (!socket.writableEnded) {
      // Whoever gets the socket now listens itself. The error of a destroyed socket may still follow.
      if (!socket.destroyed) socket.off("error", destroyFailed);
      answered();
    } else if (linger === undefined) socket.resume();
    else linger(socket);
  });
}

/** One function for all sockets: a closure would keep what its scope holds, and the socket may be another listener's. */
export const destroyFailed = markOurs(function (this: Duplex): void {
  this.destroy();
});
