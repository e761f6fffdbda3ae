import type { Duplex } from "node:stream";

import { linger } from "../handshake/response.ts";

/** Set on a socket that a server of ours has taken over. */
const taken = Symbol("hawser taken");

interface Claimable extends Duplex {
  [taken]?: true;
}

/** Takes a socket over, for good. Returns false when that has been done before. */
export function markUpgraded(socket: Duplex): boolean {
  if (isUpgraded(socket)) return false;
  (socket as Claimable)[taken] = true;
  return true;
}

/** Whether a server of ours has taken the socket over. */
export function isUpgraded(socket: Duplex): boolean {
  return (socket as Claimable)[taken] === true;
}

/**
 * Whether anybody has taken the socket over: Node takes its own listeners off a socket before `upgrade`, so whoever
 * listens now is somebody.
 */
export function isInUse(socket: Duplex): boolean {
  return (
    isUpgraded(socket) ||
    socket.destroyed ||
    socket.writableEnded ||
    socket.listenerCount("data") > 0 ||
    socket.listenerCount("readable") > 0
  );
}

/** Where Node keeps the answer that a socket is waiting for. */
interface Answering extends Duplex {
  readonly _httpMessage?: { once(event: "close", listener: () => void): unknown } | null;
}

/**
 * Whether a request before this one has still to be answered: then the answer to a handshake would come before it, or in the
 * middle of it. The socket is ended behind that answer; what the handshake asked for is not done.
 */
export function endAfterPendingAnswer(socket: Duplex): boolean {
  const answer = (socket as Answering)._httpMessage;
  if (answer === undefined || answer === null) return false;
  // Node listens to the socket no more: it is we who must see that the client has gone.
  socket.once("end", () => socket.destroy()).resume();
  answer.once("close", () => {
    if (socket.destroyed) return;
    socket.end();
    linger(socket);
  });
  return true;
}
