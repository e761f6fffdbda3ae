import type { Socket } from "node:net";

import type { WebSocketServerOptions } from "hawser";
import { onTestFinished } from "vitest";
import { type Live, type Reactions, type Recorder, startServer } from "../../support/live-server.ts";
import type { Client, Peer } from "../clients/client.ts";
import { scheme, startWeb } from "../../support/transport.ts";

/** The server of one scenario, on a web server that also has a page for browsers. */
export interface Served extends Live {
  /** The URL for clients. */
  readonly url: string;
  /** The sockets of all clients, in the order in which they came. */
  readonly sockets: readonly Socket[];
}

/** Echoes each message. */
export const echo: Reactions = { message: (ws, data) => void ws.send(data) };

/**
 * Starts a server. It is closed at the end of the test.
 *
 * @param react - what it does
 * @param options - for the server
 */
export async function serve(react: Reactions = echo, options: WebSocketServerOptions = {}): Promise<Served> {
  const { server, port, sockets } = await startWeb();
  const live = await startServer(react, { server, ...options });
  return { ...live, sockets, url: `${scheme()}://127.0.0.1:${port}/` };
}

/** Connects a client for the length of a test. */
export async function connect(client: Client, url: string, protocols?: readonly string[]): Promise<Peer> {
  const peer = await client.open(url, protocols);
  onTestFinished(() => peer.dispose());
  return peer;
}

/** A server and one client that is connected to it, for the length of a test. */
export async function connected(
  client: Client,
  react?: Reactions,
  options?: WebSocketServerOptions,
): Promise<Served & { readonly peer: Peer; readonly recorder: Recorder }> {
  const served = await serve(react, options);
  const peer = await connect(client, served.url);
  return { ...served, peer, recorder: served.recorders[0]! };
}
