import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, type Server, type Socket, type TcpNetConnectOpts, connect } from "node:net";
import { connect as connectTls } from "node:tls";

import type { WebServer, WebSocketServerOptions } from "hawser";
import { beforeAll, beforeEach, describe, onTestFinished } from "vitest";
import type { ClientOptions } from "ws";
import { certificate } from "./certificate.ts";
import { Http2Tunnel } from "./http2-tunnel.ts";

/** How the bytes travel: HTTP/1.1 or HTTP/2, with TLS or without. */
export type Transport = "plain" | "tls" | "h2" | "h2c";

const NAMES: Readonly<Record<Transport, string>> = {
  plain: "over HTTP/1.1",
  tls: "over HTTP/1.1 and TLS",
  h2: "over HTTP/2",
  h2c: "over HTTP/2 without TLS",
};

/** Tests that make no sense over a transport. */
export interface TransportSkip {
  readonly reason: string;
  /** Their names, or those of blocks around them. */
  readonly tests: readonly string[];
}

let current: Transport = "plain";

/** Chooses the transport of the tests that follow in this file. */
export function useTransport(transport: Transport): void {
  current = transport;
}

/** Makes the tests once for each transport. */
export function onEachTransport(
  tests: () => void,
  skips: Partial<Readonly<Record<Transport, readonly TransportSkip[]>>> = {},
): void {
  for (const transport of ["plain", "tls", "h2", "h2c"] as const) onTransport(transport, tests, skips[transport]);
}

/** Makes the tests for one transport. */
export function onTransport(
  transport: Transport,
  tests: () => unknown,
  skips: readonly TransportSkip[] = [],
  name = NAMES[transport],
): void {
  describe(name, async () => {
    beforeAll(() => {
      useTransport(transport);
    });
    beforeEach(({ task, skip }) => {
      const names = [task.name];
      for (let { suite } = task; suite !== undefined; { suite } = suite) names.push(suite.name);
      const found = skips.find((one) => one.tests.some((skipped) => names.includes(skipped)));
      if (found !== undefined) skip(found.reason);
    });
    await tests();
  });
}

/** The transport of the tests. */
export const transport = (): Transport => current;

const isSecure = (): boolean => current === "tls" || current === "h2";

/** The scheme of the URLs. */
export const scheme = (): string => (isSecure() ? "wss" : "ws");

/**
 * Connects to a server on 127.0.0.1. What is written is HTTP/1.1, also if it goes out over HTTP/2: then it is an `Http2Tunnel`, which has of
 * a socket what the tests use.
 */
export function dial({ port, localAddress }: Pick<TcpNetConnectOpts, "port" | "localAddress">): Socket {
  const where = { port, ...(localAddress !== undefined && { localAddress }) };
  if (current === "h2" || current === "h2c") return new Http2Tunnel(where, isSecure()) as unknown as Socket;
  const tcp = connect({ host: "127.0.0.1", allowHalfOpen: true, noDelay: true, ...where });
  return current === "plain" ? tcp : connectTls({ socket: tcp, rejectUnauthorized: false });
}

/** The same, once it is connected. It is destroyed at the end of the test. */
export async function dialed(port: number): Promise<Socket> {
  const socket = dial({ port });
  onTestFinished(() => void socket.destroy());
  await once(socket, current === "tls" ? "secureConnect" : "connect");
  return socket;
}

/** The options of a client of the `ws` package that let it use the transport. Its URL has the scheme `ws`. */
export function wsOptions(): Pick<ClientOptions, "createConnection"> {
  return current === "plain" ? {} : { createConnection: dial as typeof connect };
}

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
  return { port: 0, host: "127.0.0.1", ...(isSecure() ? { tls: certificate } : {}) };
}
