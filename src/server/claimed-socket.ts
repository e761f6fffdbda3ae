import type { Duplex } from "node:stream";

import type { Linger } from "../handshake/response.ts";

/** A property of a socket that a WebSocketServer has taken over. */
const claimed = Symbol("hawser claimed");

interface MarkedSocket extends Duplex {
  [claimed]?: true;
}

/** Marks a socket as taken over by a WebSocketServer. The mark stays. */
export function markClaimed(socket: Duplex): void {
  (socket as MarkedSocket)[claimed] = true;
}

/** Whether a WebSocketServer has taken the socket over. */
export function isClaimed(socket: Duplex): boolean {
  return (socket as MarkedSocket)[claimed] === true;
}

/**
 * Whether a WebSocketServer or another listener uses the socket. Node removes its own listeners from a socket before it
 * emits `upgrade`, so a listener that is there now belongs to somebody else.
 */
export function isInUse(socket: Duplex): boolean {
  return (
    isClaimed(socket) ||
    socket.destroyed ||
    socket.writableEnded ||
    socket.listenerCount("data") > 0 ||
    socket.listenerCount("readable") > 0
  );
}

/** Node keeps the answer that a socket waits for in this property. */
interface AnsweringSocket extends Duplex {
  readonly _httpMessage?: { once(event: "close", listener: () => void): unknown } | null;
}

/**
 * Returns true when an earlier request on this socket has no answer yet. The handshake's answer would then be written
 * before that answer, or into it. So the handshake is ignored, and the socket is ended after the earlier answer.
 */
export function endAfterPendingAnswer(socket: Duplex, linger: Linger): boolean {
  const answer = (socket as AnsweringSocket)._httpMessage;
  if (answer === undefined || answer === null) return false;
  // Node no longer listens to the socket, so the client's end is handled here.
  socket.once("end", () => socket.destroy()).resume();
  answer.once("close", () => {
    if (socket.destroyed) return;
    socket.end();
    linger(socket);
  });
  return true;
}
