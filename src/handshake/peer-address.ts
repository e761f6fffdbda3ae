import { Socket, isIPv4 } from "node:net";
import { TLSSocket } from "node:tls";

/** A socket, or a stream in its place. Node's own `remoteAddress` asks the handle too. */
export interface Addressed {
  /** The address of the other end. */
  readonly remoteAddress?: string | undefined;
  /** The address of this end. */
  readonly localAddress?: string | undefined;
  /** Whether it was destroyed. */
  readonly destroyed?: boolean;
  /** Node's own object for the connection. */
  readonly _handle?: { getpeername?(into: PeerName): number } | null;
}

interface PeerName {
  address?: string | undefined;
}

/** Node would keep an object of 400 bytes for each socket that is asked for `remoteAddress`. This one serves for all. */
const peerName: PeerName = {};

/** What stands before an IPv4 address if the server listens to both families (RFC 4291 2.5.5.2). */
const MAPPED = "::ffff:";

/** The address of a socket's peer, IPv4 as such; "" when it has none, or has disconnected. */
export function peerAddressOf(socket: Addressed): string {
  const address = (isPlain(socket) ? askHandle(socket) : undefined) ?? socket.remoteAddress ?? "";
  if (!address.startsWith(MAPPED)) return address;
  const mapped = address.slice(MAPPED.length);
  return isIPv4(mapped) ? mapped : address;
}

/** Whether a socket has lost its peer. A Unix socket has no addresses, and other streams need not have any. */
export function hasLostPeer(socket: Addressed): boolean {
  return socket.destroyed === true || (socket.localAddress !== undefined && peerAddressOf(socket) === "");
}

/** Whether nobody has given the socket a `remoteAddress` of its own, as libraries for the PROXY protocol do. */
function isPlain(socket: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(socket);
  return (
    (prototype === Socket.prototype || prototype === TLSSocket.prototype) && !Object.hasOwn(socket, "remoteAddress")
  );
}

/** Undefined when this version of Node has no such handle, or the handle does not answer. */
function askHandle(socket: Addressed): string | undefined {
  const handle = socket._handle;
  if (typeof handle?.getpeername !== "function") return undefined;
  peerName.address = undefined;
  const failed = handle.getpeername(peerName) !== 0;
  return failed || typeof peerName.address !== "string" ? undefined : peerName.address;
}
