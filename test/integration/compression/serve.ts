import type { WebSocketServerOptions } from "hawser";
import type { Recorder } from "../../support/live-server.ts";
import { serve } from "../scenarios/serve.ts";
import { type TappedConnection, tap } from "./tap.ts";

/** The option of the server. */
export type Compression = WebSocketServerOptions["compression"];

/** A server that compresses, with a proxy in front of it that reads along. */
export interface Compressed {
  /** The URL of the proxy, for clients. */
  readonly url: string;
  /** The connections on the wire. */
  readonly wire: readonly TappedConnection[];
  /** `ws.extensions` of the connections. */
  readonly extensions: readonly string[];
  readonly recorders: readonly Recorder[];
}

/** Starts an echo server that compresses, for the length of a test. */
export async function serveCompressed(compression: Compression): Promise<Compressed> {
  const extensions: string[] = [];
  const { recorders, url } = await serve(
    {
      open: (ws) => void extensions.push(ws.extensions),
      message: (ws, data) => void ws.send(data),
    },
    { compression },
  );
  const { port, connections } = await tap(Number(new URL(url).port));
  return { url: `ws://127.0.0.1:${port}/`, wire: connections, extensions, recorders };
}
