import { type Socket, connect as connectSocket, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, type TLSSocket, connect as connectTls } from "node:tls";

import { ConnectError } from "../connect-error.ts";
import type { DialStage } from "../verdict.ts";

/** Milliseconds for one of several addresses before the next is tried as well. Node's own 250 ms are too short for slow routes. */
const NEXT_ADDRESS_AFTER = 1_000;

/** Where a socket connects to: a host and port, or the path of a Unix socket. */
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Connects a TCP or Unix socket. Rejects with a `ConnectError`. */
export function openSocket(address: SocketAddress, signal: AbortSignal): Promise<Socket> {
  const socket = connectSocket({
    ...address,
    noDelay: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER,
  });
  return whenReady(socket, "connect", signal, (cause) => connectError(cause, stageOf(cause)));
}

/** How TLS is set up over a stream. */
export interface TlsTarget {
  /** The host in the URL: it is what the certificate must be for. */
  readonly host: string;
  /** The user's options. */
  readonly options: ConnectionOptions | undefined;
  /** A session of an earlier connection to the same host. */
  readonly session: Buffer | undefined;
}

/** Runs TLS over a stream. Rejects with a `ConnectError`. */
export function openTls(
  stream: Duplex,
  { host, options, session }: TlsTarget,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const socket = connectTls({
    ...(session !== undefined && { session }),
    host,
    servername: isIP(host) === 0 ? host : "",
    ...options,
    // HTTP/2 would need another handshake.
    ALPNProtocols: ["http/1.1"],
    socket: stream,
  });
  return whenReady(socket, "secureConnect", signal, (cause) => connectError(cause, isReset(cause) ? "tcp" : "tls"));
}

/** Settles when a socket emits `event`, or fails. If the dial is given up, the socket is destroyed. */
export function whenReady<S extends Duplex>(
  socket: S,
  event: string,
  signal: AbortSignal,
  toError: (cause: Error) => ConnectError,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.off(event, onReady).off("error", onError).off("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const onReady = (): void => {
      stop();
      resolve(socket);
    };
    const fail = (error: ConnectError): void => {
      stop();
      // It may fail once more.
      socket.on("error", ignore).destroy();
      reject(error);
    };
    const onError = (cause: Error): void => fail(toError(cause));
    const onClose = (): void => fail(toError(new Error("the connection was closed")));
    const onAbort = (): void => fail(connectError(signal.reason as Error, "tcp"));
    if (signal.aborted) return onAbort();
    socket.on(event, onReady).on("error", onError).on("close", onClose);
    signal.addEventListener("abort", onAbort);
  });
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
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}

function stageOf(cause: Error): DialStage {
  const { syscall } = cause as NodeJS.ErrnoException;
  return syscall === "getaddrinfo" ? "dns" : "tcp";
}

const RESETS: readonly unknown[] = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "ECONNABORTED"];

/** Whether the network failed, and not the protocol that runs over it. */
export function isReset(cause: Error): boolean {
  return RESETS.includes((cause as NodeJS.ErrnoException).code);
}

/** For streams that are not used any more. */
export function ignore(): void {
  // Nobody is interested in its error.
}
