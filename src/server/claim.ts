import type { Duplex } from "node:stream";

/** Set on a socket that a server of ours has taken over. */
const taken = Symbol("hawser taken");

interface Claimable extends Duplex {
  [taken]?: true;
}

/** Takes a socket over, for good. Returns false when that has been done before. */
export function claim(socket: Duplex): boolean {
  if (isTaken(socket)) return false;
  (socket as Claimable)[taken] = true;
  return true;
}

/** Whether a server of ours has taken the socket over. */
export function isTaken(socket: Duplex): boolean {
  return (socket as Claimable)[taken] === true;
}

/**
 * Whether anybody has taken the socket over: Node takes its own listeners off a socket before `upgrade`, so whoever
 * listens now is somebody.
 */
export function isClaimed(socket: Duplex): boolean {
  return (
    isTaken(socket) ||
    socket.destroyed ||
    socket.writableEnded ||
    socket.listenerCount("data") > 0 ||
    socket.listenerCount("readable") > 0
  );
}
