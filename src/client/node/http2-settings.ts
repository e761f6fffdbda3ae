import type { ClientHttp2Session } from "node:http2";

import { ConnectError } from "../connect-error.ts";
import type { DialStage } from "../verdict.ts";
import { closedError, connectError, isOfNetwork } from "./sockets.ts";

/** The waits for the settings of sessions: all dials on one share it. */
const waits = new WeakMap<ClientHttp2Session, Promise<void>>();

/** Waits until the settings of a session's server are known. Rejects with a `ConnectError`. */
export async function learnSettings(session: ClientHttp2Session, signal: AbortSignal): Promise<void> {
  if (session.closed || session.destroyed) throw connectError(closedError(), "tcp");
  let wait = waits.get(session);
  if (wait === undefined) waits.set(session, (wait = waitForSettings(session)));
  await unlessAborted(wait, signal);
}

/** Waits for the settings of a server: it sends them first (RFC 9113 3.4), so an answer to a ping comes after them. */
function waitForSettings(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      session.off("remoteSettings", onReady).off("error", fail).off("close", onClose).off("connect", ping);
    };
    const onReady = (): void => {
      stop();
      resolve();
    };
    let isConnected = !session.connecting;
    const fail = (cause: unknown): void => {
      stop();
      waits.delete(session);
      reject(isConnected ? connectError(cause, stageOf(cause)) : connectingError(cause));
    };
    const onClose = (): void => fail(closedError());
    session.on("remoteSettings", onReady).on("error", fail).on("close", onClose);
    const ping = (): void => {
      // Node reports a connection of a session that was destroyed meanwhile too.
      if (session.destroyed) return;
      isConnected = true;
      session.ping((error) => {
        if (error === null) onReady();
        else if ((error as NodeJS.ErrnoException).code !== "ERR_HTTP2_PING_CANCEL") fail(error);
        // The session has ended. If it has an error, that follows first.
        else setImmediate(onClose);
      });
    };
    if (session.remoteSettings.enableConnectProtocol === true) onReady();
    else if (session.connecting) session.once("connect", ping);
    else ping();
  });
}

/** Before a session is connected, what is not of the network or of HTTP/2 is of TLS. */
function connectingError(cause: unknown): ConnectError {
  const stage = stageOf(cause);
  const code = String((cause as NodeJS.ErrnoException).code);
  if (stage === "tcp" || code.startsWith("ERR_HTTP2_")) return connectError(cause, stage);
  if (!code.endsWith("_ALERT_NO_APPLICATION_PROTOCOL")) return connectError(cause, "tls");
  const text = "the server does not speak HTTP/2; with http2: true the dial would go on with HTTP/1.1";
  return new ConnectError("HWS_CONNECT_FAILED", text, { stage: "tls", cause });
}

/** Settles as a promise does, or rejects when the dial is given up before. */
function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(connectError(signal.reason, "http"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", onAbort);
    });
  });
}

/** A session that has ended is the network's or the server's, as a TCP connection that is reset; anything else is the protocol's. */
export function stageOf(cause: unknown): DialStage {
  const { code } = cause as NodeJS.ErrnoException;
  const hasEnded = code === undefined || /^ERR_HTTP2_(?:GOAWAY|INVALID)_SESSION$|^ERR_HTTP2_SESSION_ERROR$/.test(code);
  return hasEnded || isOfNetwork(cause as Error) ? "tcp" : "http";
}

/** Whether a value is a session of `http2.connect()`. */
export function isSession(value: unknown): value is ClientHttp2Session {
  const { request, ping } = Object(value) as Partial<ClientHttp2Session>;
  return typeof request === "function" && typeof ping === "function";
}
