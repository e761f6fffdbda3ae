import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocketServerOptions } from "hawser";
import { type WebStreamPair, streamHandler, webStreamHandler } from "hawser/streams";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer as OracleServer, createWebSocketStream } from "ws";
import type { AnyConnection } from "../../src/adapters/read-hold.ts";

/** A client, and the stream of its connection on the server. */
export interface StreamPair {
  readonly client: WebSocket;
  readonly duplex: Duplex;
}

type Options = WebSocketServerOptions<"blob" | "auto">;

/** A stream of ours. */
export async function ourStream(
  options: Options = {},
  onError?: (...args: unknown[]) => void,
): Promise<StreamPair & { connection: AnyConnection; wss: WebSocketServer<object, "blob" | "auto"> }> {
  let open: (pair: [Duplex, AnyConnection]) => void;
  const opened = new Promise<[Duplex, AnyConnection]>((resolve) => (open = resolve));
  const handler = {
    onConnection: () =>
      streamHandler((...pair) => {
        open(pair);
      }),
    ...(onError && { onError }),
  };
  const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", dataType: "blob", ...options });
  onTestFinished(() => wss.terminate(0));
  await wss.ready;
  const client = await connect((wss.address() as AddressInfo).port);
  const [duplex, connection] = await opened;
  return { client, duplex, connection, wss };
}

/** A pair of streams of ours. */
export async function ourWebStreams(
  options: WebSocketServerOptions = {},
): Promise<{ client: WebSocket; streams: WebStreamPair; connection: AnyConnection }> {
  let open: (pair: [WebStreamPair, AnyConnection]) => void;
  const opened = new Promise<[WebStreamPair, AnyConnection]>((resolve) => (open = resolve));
  const handler = {
    onConnection: () =>
      webStreamHandler((...pair) => {
        open(pair);
      }),
  };
  const wss = new WebSocketServer(handler, { port: 0, host: "127.0.0.1", dataType: "auto", ...options } as Options);
  onTestFinished(() => wss.terminate(0));
  await wss.ready;
  const client = await connect((wss.address() as AddressInfo).port);
  const [streams, connection] = await opened;
  return { client, streams, connection };
}

/** A stream that the `ws` package makes of its own socket: the oracle. */
export async function oracleStream(): Promise<StreamPair> {
  const wss = new OracleServer({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => {
    for (const socket of wss.clients) socket.terminate();
    wss.close();
  });
  await once(wss, "listening");
  const opened = once(wss, "connection") as Promise<[WebSocket]>;
  const client = await connect((wss.address() as AddressInfo).port);
  const [socket] = await opened;
  return { client, duplex: createWebSocketStream(socket) };
}

async function connect(port: number): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${String(port)}`);
  onTestFinished(() => {
    client.terminate();
  });
  await once(client, "open");
  return client;
}
