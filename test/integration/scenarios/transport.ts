import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";

import { type WebServer, type WebSocketServerOptions } from "hawser";
import { onTestFinished } from "vitest";
import { certificate } from "../../support/certificate.ts";

/** How the bytes travel: HTTP/1.1 or HTTP/2, with TLS or without. */
export type Transport = "plain" | "tls" | "h2" | "h2c";

let current: Transport = "plain";

/** Chooses the transport of the scenarios that follow in this file. */
export function useTransport(transport: Transport): void {
  current = transport;
}

/** The scheme of the URLs. */
export const scheme = (): string => (current === "plain" || current === "h2c" ? "ws" : "wss");

/** A web server that also has a page for browsers. */
export interface Web {
  readonly server: WebServer;
  readonly port: number;
  /** The sockets of all clients, in the order in which they came. */
  readonly sockets: readonly Socket[];
}

const PAGE = "<!doctype html><title>A page of the server</title>";

function makeServer(): Server {
  const answer = (
    _request: unknown,
    response: { setHeader: (name: string, value: string) => unknown; end: (body: string) => unknown },
  ): void => {
    response.setHeader("Content-Type", "text/html");
    response.end(PAGE);
  };
  if (current === "plain") return createHttpServer(answer);
  if (current === "tls") return createHttpsServer(certificate, answer);
  if (current === "h2c") return createHttp2Server(answer);
  return createSecureServer({ ...certificate, allowHTTP1: true }, answer);
}

/** Starts a web server of the transport. It is closed at the end of the test. */
export async function startWeb(): Promise<Web> {
  const server = makeServer();
  const sockets: Socket[] = [];
  const all = new Set<Socket>();
  server.on("connection", (socket: Socket) => all.add(socket));
  server.on("upgrade", (request: { socket: Socket }) => sockets.push(request.socket));
  (server as Http2Server | Http2SecureServer).on("session", (session) => sockets.push(session.socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of all) socket.destroy();
    await closed;
  });
  return { server: server as unknown as WebServer, port: (server.address() as AddressInfo).port, sockets };
}

/** The options for a server of its own port; with h2c the library has none, so it gets a web server. */
export async function ownPort(): Promise<WebSocketServerOptions> {
  if (current === "h2c") return { server: (await startWeb()).server };
  return { port: 0, host: "127.0.0.1", ...(current === "plain" ? {} : { tls: certificate }) };
}
