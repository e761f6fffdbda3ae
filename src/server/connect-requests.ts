import type { IncomingHttpHeaders, ServerHttp2Stream, Settings } from "node:http2";

import { Http2Request } from "../handshake/http2-request.ts";
import { isOurs } from "./claimed-socket.ts";
import type { WebServer } from "./web-server.ts";

/**
 * Takes a CONNECT request. Returns false when it is for another listener.
 *
 * @param announcedBefore whether the application had announced extended CONNECT itself
 */
export type TakeConnect = (request: Http2Request, stream: ServerHttp2Stream, announcedBefore: boolean) => boolean;

type Emit = (this: unknown, event: string | symbol, ...values: unknown[]) => boolean;

/** What Node's servers of HTTP/2 have. */
export interface Http2WebServer extends WebServer {
  /** Changes what sessions announce that begin from now on. */
  updateSettings(settings: { readonly enableConnectProtocol: boolean }): void;
  /** Calls the listeners of an event. */
  emit: Emit;
  /** The listeners of an event, in the order of their calls. */
  listeners(event: string): object[];
}

/** Whether a web server speaks HTTP/2. */
export function speaksHttp2(server: WebServer): server is Http2WebServer {
  return typeof (server as Partial<Http2WebServer>).updateSettings === "function";
}

/**
 * Announces WebSockets to the clients of an HTTP/2 server (RFC 8441 3), and passes its CONNECT requests to `take`. What `take` has
 * taken, no other listener to `stream` gets: one that answers every request would answer these too, and without a listener to
 * `connect`, Node's own would answer 405.
 *
 * @returns a function that ends this. Sessions that are open by then have learned of WebSockets.
 */
export function takeConnects(server: Http2WebServer, take: TakeConnect): () => void {
  // It may be shared: its property goes back to what it was.
  const { emit } = server;
  const announcedBefore = announcesConnect(server);
  const wasOwn = Object.hasOwn(server, "emit");
  let isOver = false;
  const ours: Emit = function (event, ...values) {
    if (event === "stream" && !isOver && takes(take, announcedBefore, values)) return true;
    return emit.call(this, event, ...values);
  };
  server.emit = ours;
  server.updateSettings({ enableConnectProtocol: true });
  return () => {
    isOver = true;
    server.updateSettings({ enableConnectProtocol: announcedBefore });
    // Somebody else may have replaced it since.
    if (server.emit !== ours) return;
    if (wasOwn) server.emit = emit;
    else delete (server as Partial<Http2WebServer>).emit;
  };
}

/** Whether a server announces extended CONNECT by itself. Node keeps its options under a symbol. */
function announcesConnect(server: object): boolean {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === "options");
  const options = key === undefined ? undefined : (server as Record<symbol, unknown>)[key];
  return (options as { settings?: Settings } | undefined)?.settings?.enableConnectProtocol === true;
}

/**
 * Whether a CONNECT request may be for others: they listen to `connect`. A listener to all streams may not expect an extended CONNECT, which
 * clients send only because we have announced it; it gets one if the application has announced that too.
 *
 * @param isExtended whether it has a protocol
 * @param announcedBefore whether the application has announced extended CONNECT
 */
export function isForOthers(server: Http2WebServer, isExtended: boolean, announcedBefore: boolean): boolean {
  if (server.listenerCount("connect") > 0) return true;
  if (isExtended && !announcedBefore) return false;
  const streams = server.listeners("stream").filter((listener) => !isOurs(listener)).length;
  // Node itself listens if somebody listens to requests.
  const nodes = server.listenerCount("request") > 0 ? 1 : 0;
  return streams > nodes;
}

function takes(
  take: TakeConnect,
  announcedBefore: boolean,
  [stream, headers, , received]: readonly unknown[],
): boolean {
  const { ":method": method } = headers as IncomingHttpHeaders;
  if (method !== "CONNECT") return false;
  const connect = stream as ServerHttp2Stream;
  return take(
    new Http2Request(connect, headers as IncomingHttpHeaders, (received ?? []) as readonly string[]),
    connect,
    announcedBefore,
  );
}
