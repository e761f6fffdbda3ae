import http, { type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { mayBeCut } from "../handshake/http1.ts";
import { hasToken } from "../handshake/rules/tokens.ts";
import { afterAnswers, isOurs } from "./claimed-socket.ts";
import { readEarly } from "./early-bytes.ts";
import { type AskedServer, decideUpgrades } from "./upgrade-decision.ts";
import type { WebServer } from "./web-server.ts";

/** A property of a request that was given back to the application. */
const passed = Symbol.for("hawser.passed");

/** Replaces the name `Upgrade` for Node. It is as long, so that no limit counts other bytes. */
const HIDDEN = "Upgrad_";

/** What a web server of Node has, and a framework's type need not have. */
interface NodeServer extends WebServer, Pick<AskedServer, "shouldUpgradeCallback"> {
  readonly maxRequestsPerSocket?: number | null;
  readonly httpAllowHalfOpen?: boolean;
  listeners?(event: string): object[];
}

/** What Node keeps in a socket that a web server reads. */
interface ServedSocket extends Duplex {
  readonly server?: NodeServer;
  readonly parser?: { onIncoming?: (message: IncomingMessage, keepAlive: boolean) => unknown } | null;
  setTimeout?(milliseconds: number): unknown;
}

/** Node's own listener of a new connection: it reads requests from it. */
const { _connectionListener: serve } = http as { _connectionListener?: (this: unknown, socket: Duplex) => void };

/**
 * Whether Node reads the body of a request with `Upgrade` itself, so that the request cannot be given back later. Then the
 * application gets a request with a body at once, and the `upgrade` listeners of others do not.
 */
export const READS_BODIES = Number.parseInt(process.versions.node, 10) >= 25;

/** The `upgrade` listeners of a web server, in the order of their calls; none if it does not tell. */
export function listenersTo(server: WebServer): readonly object[] {
  return (server as NodeServer).listeners?.("upgrade") ?? [];
}

/** Whether every `upgrade` listener of a web server is one of the library, of this copy or of another. */
export function areAllOurs(server: WebServer): boolean {
  return (server as NodeServer).listeners?.("upgrade").every(isOurs) ?? false;
}

/** Whether a listener of `upgrade` is called before all that are not of the library. */
export function isBeforeOthers(server: WebServer, listener: object): boolean {
  const listeners = listenersTo(server);
  const at = listeners.indexOf(listener);
  return at >= 0 && listeners.slice(0, at).every(isOurs);
}

/** Whether a request asks for a WebSocket. It may name other protocols too. */
export function asksForWebSocket(message: IncomingMessage): boolean {
  const { rawHeaders } = message;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (isUpgrade(rawHeaders[i]) && hasToken(rawHeaders[i + 1], "websocket")) return true;
  return false;
}

function isUpgrade(name: string | undefined): boolean {
  return name?.length === HIDDEN.length && name.toLowerCase() === "upgrade";
}

/**
 * Lets Node treat a request for another protocol as if nobody listened to `upgrade`: the application gets it, and may ignore
 * the header (RFC 9110 7.8). Where somebody else listens to `upgrade`, `passOn` does it after they had time to answer.
 *
 * @returns a function that ends this
 */
export function letOthersPass(server: NodeServer): () => void {
  return decideUpgrades(
    server,
    (message) =>
      !asksForWebSocket(message) &&
      showsUpgrade(message) &&
      hasApplication(server) &&
      (areAllOurs(server) || (READS_BODIES && hasBody(message))),
  );
}

function hasBody({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.some((name, i) => i % 2 === 0 && /^(?:transfer-encoding|content-length)$/i.test(name));
}

/** Whether the header is among those that Node has kept. What it left out may ask for a WebSocket. */
function showsUpgrade({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.some((name, i) => i % 2 === 0 && isUpgrade(name));
}

function hasApplication(server: WebServer): boolean {
  return server.listenerCount("request") > 0;
}

/** Whether a request was given back to the application. */
export function isPassedOn(message: IncomingMessage): boolean {
  return (message as { [passed]?: true })[passed] === true;
}

/** Whether a request can be given to the application: it has one, and all of the request is known. */
export function canPassOn(message: IncomingMessage, socket: ServedSocket): boolean {
  return (
    serve !== undefined &&
    socket.server !== undefined &&
    hasApplication(socket.server) &&
    !socket.readableEnded &&
    !mayBeCut(message)
  );
}

/** Gives a request for another protocol to the application, after the answers to earlier requests on its socket. */
export function passOn(message: IncomingMessage, socket: ServedSocket, head: Uint8Array): void {
  (message as { [passed]?: true })[passed] = true;
  let takeEarly: (() => Buffer) | undefined;
  const pass = (): void => {
    // The client may have gone while it waited for the answers.
    if (socket.destroyed) return;
    const early = takeEarly?.() ?? head.subarray(0, 0);
    // After an answer Node has set the time that a client may be idle.
    socket.setTimeout?.(0);
    // Node's own listener only: what others do with a new connection, they have done.
    serve?.call(socket.server, socket);
    restoreRequest(socket, message);
    socket.unshift(Buffer.concat([headOf(message), head, early]));
    if (socket.isPaused()) socket.resume();
  };
  if (!afterAnswers(socket, pass)) pass();
  // An application that allows half-open connections answers a client that has ended its side.
  else if (socket.server?.httpAllowHalfOpen !== true) takeEarly = readEarly(socket);
}

/** The request's head. Its `Upgrade` has another name, so that Node reads the body and what follows. */
function headOf({ method = "", url = "", httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    lines.push(`${isUpgrade(name) ? HIDDEN : name}: ${rawHeaders[i + 1] ?? ""}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** The application gets the headers that the client sent. Node makes `headers` of `rawHeaders` later. */
function restoreRequest({ parser, server }: ServedSocket, { rawHeaders }: IncomingMessage): void {
  const onIncoming = parser?.onIncoming;
  if (parser === undefined || parser === null || typeof onIncoming !== "function") return;
  // Node counts the requests of this socket anew. So where their number is limited, this one is the last.
  const isLast = (server?.maxRequestsPerSocket ?? 0) > 0;
  parser.onIncoming = function (this: unknown, message, keepAlive) {
    parser.onIncoming = onIncoming;
    message.rawHeaders = rawHeaders;
    return onIncoming.call(this, message, keepAlive && !isLast);
  };
}
