import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { Bytes } from "../protocol/bytes.ts";
import type { HandshakeOffer } from "./offer.ts";
import { type HandshakeRules, isTooLarge, readOffered } from "./offered.ts";
import { Refusal } from "./refusal.ts";
import type { RequestDetails } from "./request.ts";
import { HEADERS_TOO_LARGE } from "./refusals.ts";
import { sendRefusal, switchingProtocols } from "./response.ts";
import { NO_EXTENSIONS } from "./rules/extensions.ts";
import { HandshakeHeaders } from "./rules/headers.ts";
import { acceptKey } from "./rules/key.ts";
import {
  type HandshakeRequest,
  checkAuthority,
  checkHttpVersion,
  checkKey,
  checkMethod,
  checkNoBody,
  checkProtocolVersion,
  checkTarget,
  checkUpgrade,
} from "./rules/request-checks.ts";

/** The number of headers that Node keeps of a request, unless `server.maxHeadersCount` says otherwise. 0 means all. */
const NODE_HEADERS = 1000;

/** Reads an opening handshake over HTTP/1.1. Returns an offer to be answered, or the refusal to be sent (RFC 6455 4.2.1). */
export function readHttp1(
  message: IncomingMessage,
  socket: Duplex,
  head: Bytes,
  rules: HandshakeRules,
  details?: RequestDetails,
): HandshakeOffer | Refusal {
  const headers = new HandshakeHeaders(message.rawHeaders);
  if (mayBeCut(message) || isTooLarge(message, headers, rules)) return HEADERS_TOO_LARGE;
  const refusal = checkRequest(toHandshakeRequest(message, headers));
  if (refusal !== undefined) return refusal;
  const offered = readOffered(message, headers, rules, details);
  if (offered instanceof Refusal) return offered;
  const key = headers.single("sec-websocket-key") ?? "";
  removeHttpSettings(socket);
  return {
    ...offered,
    stream: socket,
    accept: (answer) => {
      if (socket.listenerCount("readable") > 0) letDataFlow(socket);
      return {
        stream: socket,
        handshakeResponse: switchingProtocols(acceptKey(key), answer),
        head,
        protocol: answer.protocol,
        extensions: answer.extensions ?? NO_EXTENSIONS,
        deflate: answer.deflate,
      };
    },
    refuse: (refused, linger) => {
      sendRefusal(socket, refused, message.method, linger);
    },
  };
}

function toHandshakeRequest(message: IncomingMessage, headers: HandshakeHeaders): HandshakeRequest {
  return {
    httpVersion: message.httpVersion,
    method: message.method,
    target: message.url ?? "/",
    authority: headers.single("host"),
    headers,
  };
}

/** The rules of RFC 6455 4.2.1, in its order. */
function checkRequest(request: HandshakeRequest): Refusal | undefined {
  return (
    checkMethod(request) ??
    checkHttpVersion(request) ??
    checkTarget(request) ??
    checkAuthority(request) ??
    checkUpgrade(request) ??
    checkNoBody(request) ??
    checkProtocolVersion(request) ??
    checkKey(request)
  );
}

/** Removes HTTP's timeout from a socket, and sends small writes at once from now on. */
function removeHttpSettings(socket: Duplex & Partial<Pick<Socket, "timeout" | "setTimeout" | "setNoDelay">>): void {
  // Most sockets have no timeout. Of another stream it is unknown whether it has one.
  if (!(socket instanceof Socket) || (socket.timeout ?? 0) > 0) socket.setTimeout?.(0);
  socket.setNoDelay?.(true);
}

/**
 * While somebody listens to "readable", no data flows. So these listeners are called after each "data" from now on. In the next
 * tick: one that reads during "data" would emit the next chunk before all listeners have this one. `off` still finds them.
 */
function letDataFlow(socket: Duplex): void {
  // With those of `once`, which remove themselves by `removeListener`.
  const listeners = socket.rawListeners("readable") as ((this: Duplex) => void)[];
  for (const listener of listeners) socket.off("readable", listener);
  const callAll = (): void => {
    for (const listener of [...listeners]) listener.call(socket);
  };
  const onData = (): void => {
    process.nextTick(callAll);
  };
  socket.on("data", onData);
  const remove = socket.removeListener.bind(socket);
  socket.off = socket.removeListener = (event: string | symbol, listener: Parameters<typeof remove>[1]) => {
    const at = event === "readable" ? listeners.findLastIndex((one) => isListener(one, listener)) : -1;
    if (at < 0) return remove(event, listener);
    listeners.splice(at, 1);
    return listeners.length === 0 ? remove("data", onData) : socket;
  };
}

/** Whether it is the listener itself, or what `once` has made of it. */
function isListener(one: object, listener: unknown): boolean {
  return one === listener || (one as { listener?: unknown }).listener === listener;
}

/**
 * True when Node may have left headers out, which it does silently. An `Origin` or a `Content-Length` after a thousand
 * other headers would not be seen.
 */
export function mayBeCut(message: IncomingMessage): boolean {
  const { server } = message.socket as Partial<Record<"server", { maxHeadersCount?: number | null }>>;
  const most = server?.maxHeadersCount ?? NODE_HEADERS;
  return most !== 0 && message.rawHeaders.length >= most * 2;
}
