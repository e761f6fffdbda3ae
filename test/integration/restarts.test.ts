import { once } from "node:events";
import { createServer } from "node:http";
import { type ServerHttp2Session, connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "hawser";
import { type ClientOptions, type ConnectError, WebSocket } from "hawser/client";
import { expect, onTestFinished, test } from "vitest";
import { deferred } from "../support/peer.ts";

function onePerSession(port: number): NonNullable<ClientOptions["http2"]> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {}); // its dials fail
  onTestFinished(() => session.destroy());
  return () => session;
}

// The web server, and its session of HTTP/2, outlive the WebSocket server: the application answers meanwhile.
test.each([
  ["HTTP/1.1", 404, () => createServer((_request, response) => void response.writeHead(404).end()), () => false],
  ["HTTP/2", 405, () => createHttp2Server(() => expect.fail("The application got a CONNECT")), onePerSession],
] as const)(
  "over %s a client dials on while its WebSocket server is away, and gets %i",
  async (_name, status, create, http2) => {
    const server = create();
    const sessions: ServerHttp2Session[] = [];
    server.on("session", (session: ServerHttp2Session) => sessions.push(session));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const attach = (): WebSocketServer => {
      const wss = new WebSocketServer({ onConnection: () => ({ onMessage: () => undefined }) }, { server });
      onTestFinished(() => wss.terminate(0));
      return wss;
    };
    const first = attach();
    const { port } = server.address() as AddressInfo;
    const [refused, back] = [deferred(), deferred()];
    const statuses: (number | undefined)[] = [];
    const ws = await WebSocket.connect(
      `ws://127.0.0.1:${port}`,
      {
        onReconnecting: (client: WebSocket, { errors }) => {
          const { status } = (errors[0]?.cause ?? {}) as Partial<ConnectError>;
          statuses.push(status);
          // The server asks for some seconds.
          if (status === undefined) client.reconnect();
          else refused.resolve();
        },
        onReconnected: () => back.resolve(),
      },
      { http2: http2(port), reconnect: { baseDelay: 1 } },
    );
    onTestFinished(() => ws.destroy());
    await first.terminate(0);
    await refused.promise;
    const second = attach();
    await back.promise;
    expect(second.connections).toHaveLength(1);
    expect(new Set(statuses)).toEqual(new Set([undefined, status]));
    expect(sessions.length).toBeLessThan(2);
  },
);
