import type { ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { type TLSSocket, checkServerIdentity } from "node:tls";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { attempt } from "../../util/attempt.ts";
import { ConnectError, prefixed } from "../connect-error.ts";
import type { ConnectTarget } from "../options.ts";
import { isSession, learnSettings } from "./http2-settings.ts";
import type { NodeSettings } from "./node-options.ts";
import { hostOf, portOf } from "./proxy-environment.ts";
import { connectError } from "./sockets.ts";

/** Whether the server has chosen HTTP/2 in the TLS handshake. */
export function hasChosenHttp2(stream: Duplex): boolean {
  return (stream as Partial<TLSSocket>).alpnProtocol === "h2";
}

/** The application's session, from its function, when its server's settings are known. Rejects with a `ConnectError`. */
export async function sessionFrom(
  provide: Exclude<NodeSettings["http2"], boolean>,
  target: ConnectTarget,
): Promise<ClientHttp2Session> {
  let session: ClientHttp2Session;
  try {
    session = await provide(target);
  } catch (cause) {
    throw cause instanceof ConnectError ? cause : prefixed("http2", connectError(cause, "tcp"));
  }
  if (!isSession(session)) throw unfit("expected a session of http2.connect() as its result");
  await learnSettings(session, target.signal);
  const reason = whyNotFor(session, target.url);
  if (reason === undefined) return session;
  throw unfit(reason);
}

function unfit(reason: string): ConnectError {
  return connectError(new InvalidArgumentError(`http2: ${reason}`), "provider");
}

/** Why a request for `url` must not be sent on a session (RFC 9113 9.1.1); undefined: it may. */
function whyNotFor(session: ClientHttp2Session, url: URL): string | undefined {
  const isSecure = url.protocol === "wss:";
  if ((session.encrypted === true) !== isSecure)
    return `a session ${isSecure ? "without" : "with"} TLS is not for ${url.protocol}`;
  const wanted = `${hostOf(url)}:${portOf(url)}`;
  const authority = authorityOf(session);
  // A runtime that does not tell has no other sign of it without TLS.
  if (authority === wanted || (authority === undefined && !isSecure)) return undefined;
  if (isSecure && attempt(() => isAuthoritative(session, authority, url)) === true) return undefined;
  return `the session is for ${authority ?? "another server"}, and the URL for ${wanted}`;
}

/** What the session was made for, as host and port. Node keeps it under a symbol: with a proxy, the socket's port is another. */
function authorityOf(session: ClientHttp2Session): string | undefined {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === "authority");
  const authority = key === undefined ? undefined : (session as unknown as Record<symbol, unknown>)[key];
  return typeof authority === "string" ? authority : undefined;
}

/**
 * Whether the server's certificate is valid, and for the host too, and the port is the same. Not the session's `originSet`: Node puts the
 * port of the socket in it, which is that of a proxy.
 */
function isAuthoritative(session: ClientHttp2Session, authority: string | undefined, url: URL): boolean {
  const socket = session.socket as TLSSocket;
  // With `rejectUnauthorized: false` anybody may have made the certificate.
  if (!socket.authorized) return false;
  const port = authority?.slice(authority.lastIndexOf(":") + 1) ?? String(socket.remotePort);
  return port === String(portOf(url)) && checkServerIdentity(hostOf(url), socket.getPeerCertificate()) === undefined;
}
