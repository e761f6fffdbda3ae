/* eslint-disable @typescript-eslint/no-unsafe-class-instance-assignment -- libraries that know only the types of ws take ours */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WsServer, type WsServerOptions, type WsSocket } from "hawser/ws";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

/** The two servers that must behave in the same way: `ws` is the oracle. */
export const BOTH = [
  ["ws", (): WebSocketServer => new WebSocketServer({ port: 0, host: "127.0.0.1" })],
  ["hawser/ws", (): WebSocketServer => startWs()],
] as const;

/** A server of ours, as one of `ws`. Its type fits. */
export function startWs(options: WsServerOptions = {}): WsServer {
  const wss = new WsServer({ port: 0, host: "127.0.0.1", ...options });
  onTestFinished(() => wss.hawser.terminate(0));
  return wss;
}

/** A client, and its socket on the server. */
export interface Pair {
  readonly wss: WebSocketServer;
  readonly client: WebSocket;
  readonly socket: WebSocket;
}

/** Starts a server, and connects a client to it. */
export async function connected(start: () => WebSocketServer, protocols: string[] = []): Promise<Pair> {
  const wss = start();
  onTestFinished(() => stop(wss));
  await once(wss, "listening");
  const opened = once(wss, "connection") as Promise<[WebSocket]>;
  const client = new WebSocket(urlOf(wss), protocols);
  onTestFinished(() => {
    client.terminate();
  });
  await once(client, "open");
  const [socket] = await opened;
  return { wss, client, socket };
}

/** The same with our own socket. */
export async function ourPair(options: WsServerOptions = {}): Promise<Pair & { readonly socket: WsSocket }> {
  return (await connected(() => startWs(options))) as Pair & { readonly socket: WsSocket };
}

/** Where a server listens. */
export function urlOf(wss: Pick<WsServer, "address">): string {
  return `ws://127.0.0.1:${String((wss.address() as AddressInfo).port)}`;
}

/** Ends a server and what is connected to it. */
async function stop(wss: WebSocketServer): Promise<void> {
  for (const socket of wss.clients) socket.terminate();
  await new Promise<void>((resolve) => {
    wss.close(() => {
      resolve();
    });
  });
}
