import { type Socket, connect as connectSocket, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, type TLSSocket, connect as connectTls } from "node:tls";

import { asError } from "../../connection/transport/stream-events.ts";
import { attempt } from "../../util/attempt.ts";
import { ConnectError } from "../connect-error.ts";
import type { DialStage } from "../verdict.ts";
import { destroyOnFailure, discard, ignore } from "./streams.ts";

/** Milliseconds for one of several addresses before the next is tried as well. Node's own 250 ms are too short for slow routes. */
const NEXT_ADDRESS_AFTER = 1_000;

/** Where a socket connects to: a host and port, or the path of a Unix socket. */
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Connects a TCP or Unix socket. `onStage` is called with "dns" and "tcp". Rejects with a `ConnectError`. */
export async function openSocket(
  address: SocketAddress,
  signal: AbortSignal,
  onStage: (stage: DialStage) => void = ignore,
): Promise<Socket> {
  const isAsked = "host" in address && isIP(address.host) === 0;
  onStage(isAsked ? "dns" : "tcp");
  const socket = connectSocket({
    ...address,
    noDelay: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER,
  });
  if (isAsked) socket.once("lookup", () => onStage("tcp"));
  await whenReady(socket, "connect", signal, (cause) => connectError(cause, networkStage(cause)));
  return socket;
}

/** How TLS is set up over a stream. */
export interface TlsTarget {
  /** The host in the URL: it is what the certificate must be for. */
  readonly host: string;
  /** The user's options. */
  readonly options: ConnectionOptions | undefined;
  /** A session of an earlier connection to the same host. */
  readonly session: Buffer | undefined;
  /** Whether the server may choose HTTP/2. */
  readonly http2?: boolean;
}

/** Runs TLS over a stream. Rejects with a `ConnectError`, and the stream is destroyed then. */
export function openTls(stream: Duplex, target: TlsTarget, signal: AbortSignal): Promise<TLSSocket> {
  return destroyOnFailure(stream, async () => {
    const socket = startTls(stream, target);
    await whenReady(socket, "secureConnect", signal, (cause) => tlsError(cause, stream));
    return socket;
  });
}

function startTls(stream: Duplex, { host, options, session, http2 }: TlsTarget): TLSSocket {
  try {
    return connectTls({
      ...(session !== undefined && { session }),
      host,
      servername: isIP(host) === 0 ? host : "",
      ...options,
      ...guardedChecks(options),
      ALPNProtocols: http2 === true ? ["h2", "http/1.1"] : ["http/1.1"],
      socket: stream,
    });
  } catch (cause) {
    // An option that TLS does not take.
    throw connectError(cause, "tls");
  }
}

/** TLS calls the application's functions where nobody catches what they throw: then it is the result of the check. */
function guardedChecks(options: ConnectionOptions | undefined): ConnectionOptions {
  const { checkServerIdentity: check, pskCallback } = options ?? {};
  return {
    ...(check !== undefined && {
      checkServerIdentity: (host, certificate) => {
        try {
          return check(host, certificate);
        } catch (cause) {
          return asError(cause);
        }
      },
    }),
    // null ends the handshake.
    ...(pskCallback !== undefined && { pskCallback: (hint) => attempt(() => pskCallback(hint)) ?? null }),
  };
}

/** What OpenSSL says of plain HTTP, depending on its version, as a code of Node's or within a text. */
const NO_TLS = /wrong[ _]version[ _]number|packet[ _]length[ _]too[ _]long/i;

/** An error while TLS begins: of TLS, or of the stream below. */
function tlsError(cause: Error, below: Duplex): ConnectError {
  if (cause === below.errored || isOfNetwork(cause)) return connectError(cause, networkStage(cause));
  if (!NO_TLS.test(`${String((cause as NodeJS.ErrnoException).code)} ${cause.message}`))
    return connectError(cause, "tls");
  return new ConnectError("HWS_CONNECT_FAILED", "the server may not speak TLS", { stage: "tls", cause });
}

/** Resolves with the arguments of a stream's `event`. If the stream fails or closes before, or the dial is given up, it rejects, and the stream is destroyed. */
export function whenReady<Args extends unknown[]>(
  stream: Duplex,
  event: string,
  signal: AbortSignal,
  toError: (cause: Error) => ConnectError,
): Promise<Args> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      stream.off(event, onReady).off("error", onError).off("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const onReady = (...args: Args): void => {
      stop();
      resolve(args);
    };
    const fail = (error: ConnectError): void => {
      stop();
      discard(stream);
      reject(error);
    };
    const onError = (cause: Error): void => fail(toError(cause));
    const onClose = (): void => fail(toError(closedError()));
    const onAbort = (): void => fail(connectError(signal.reason as Error, "tcp"));
    if (signal.aborted) return onAbort();
    stream.on(event, onReady).on("error", onError).on("close", onClose);
    signal.addEventListener("abort", onAbort);
  });
}

/** The error of a connection that has closed without one. */
export function closedError(): Error {
  return new Error("the connection was closed");
}

/** An error while connecting. */
export function connectError(cause: unknown, stage: DialStage): ConnectError {
  return cause instanceof ConnectError
    ? cause
    : new ConnectError("HWS_CONNECT_FAILED", textOf(cause), { stage, cause });
}

/** Several addresses were tried: then the message of Node's error is empty. */
function textOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(textOf).join(", ");
  // OpenSSL's texts end with a line break.
  return cause instanceof Error ? cause.message.trim() || cause.name : String(cause);
}

/** Where an error of the network belongs. */
export function networkStage(cause: Error): DialStage {
  return (cause as NodeJS.ErrnoException).syscall === "getaddrinfo" ? "dns" : "tcp";
}

const RESETS: readonly unknown[] = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "ECONNABORTED"];

/** Whether the network failed, and not the protocol that runs over it. */
export function isOfNetwork(cause: Error): boolean {
  const { code, syscall } = cause as NodeJS.ErrnoException;
  // OpenSSL's error, told by a write that failed.
  if (code === "EPROTO") return false;
  // A socket of the application may still be connecting: then several addresses may have failed.
  return RESETS.includes(code) || syscall !== undefined || cause instanceof AggregateError;
}
