import type { ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

import { InvalidArgumentError } from "../../errors/errors.ts";
import { ConnectError, prefixed } from "../connect-error.ts";
import type { ConnectTarget } from "../options.ts";
import type { NodeSettings } from "./node-options.ts";
import { connectError } from "./sockets.ts";

/** Whether the server has chosen HTTP/2 in the TLS handshake. */
export function hasChosenHttp2(stream: Duplex): boolean {
  return (stream as Partial<TLSSocket>).alpnProtocol === "h2";
}

/** The application's session, from its function. Rejects with a `ConnectError`. */
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
  if (isSession(session)) return session;
  throw connectError(
    new InvalidArgumentError("http2: expected a session of http2.connect() as its result"),
    "provider",
  );
}

function isSession(value: unknown): value is ClientHttp2Session {
  const { request, ping } = Object(value) as Partial<ClientHttp2Session>;
  return typeof request === "function" && typeof ping === "function";
}
