// vercel.ts
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocketConnection, type WSMessageEvent } from "hawser";

class Live {
  onMessage(ws: WebSocketConnection<Live>, { data }: WSMessageEvent) {
    ws.wss.broadcast(data);
  }
}

// One for each instance of the function. Its clients are those of this instance.
const wss = new WebSocketServer({ onConnection: () => new Live() });

/** What Vercel gives to a function that is asked for a WebSocket. */
interface Upgrade {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Uint8Array;
}

/** Vercel's context of the request that is answered now. */
interface VercelContext {
  get?(): { upgradeWebSocket?(): Upgrade | undefined } | undefined;
}

export function GET(): Response {
  const context = (globalThis as { [key: symbol]: VercelContext | undefined })[Symbol.for("@vercel/request-context")];
  const upgrade = context?.get?.()?.upgradeWebSocket?.();
  if (upgrade === undefined) return new Response("This is a WebSocket.", { status: 426 });
  wss.handleUpgrade(upgrade.req, upgrade.socket, upgrade.head);
  return new Response(null, { status: 204 });
}
