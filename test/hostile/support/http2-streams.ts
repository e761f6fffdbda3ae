import { once } from "node:events";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { requestWebSocket } from "../../support/http2-client.ts";
import { dialHttp2 } from "../../support/http2-tunnel.ts";
import type { PeerOptions } from "./peer.ts";

/** The streams of a session: half of what the server allows. */
const MOST = 50;

/** A stream, and the TCP socket of its session. */
export interface Http2Peer {
  readonly stream: ClientHttp2Stream;
  readonly tcp: Socket;
}

interface Shared {
  readonly tcp: Socket;
  readonly session: Promise<ClientHttp2Session>;
  begun: number;
  open: number;
}

/** The newest session to a port. */
const newest = new Map<number, Shared>();

/** Opens a WebSocket over HTTP/2, with Node's client. Peers share sessions, which end with their last stream. */
export async function openHttp2Stream({ port, path, extensions, protocol }: PeerOptions): Promise<Http2Peer> {
  let shared = newest.get(port);
  if (shared === undefined || shared.begun === MOST) newest.set(port, (shared = begin(port)));
  const used = shared;
  used.begun++;
  used.open++;
  const session = await used.session;
  const stream = requestWebSocket(session, path, {
    "sec-websocket-extensions": extensions,
    "sec-websocket-protocol": protocol,
  });
  stream.once("close", () => {
    if (--used.open > 0) return;
    if (newest.get(port) === used) newest.delete(port);
    session.close();
  });
  return { stream, tcp: used.tcp };
}

function begin(port: number): Shared {
  const { session, tcp } = dialHttp2({ port }, true);
  return { tcp, session: once(session, "remoteSettings").then(() => session), begun: 0, open: 0 };
}
