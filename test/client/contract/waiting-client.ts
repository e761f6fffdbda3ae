import type { WebSocket } from "../../../src/client/node/websocket.ts";

/**
 * Opens a client in a page. It says "open" at each opening, and waits a day before it dials again, unless the page wakes it. Runs in
 * the page, which has the class as `Client`, and finds `losses` there: how often the client has begun to wait.
 */
export function openWaitingClient(url: string): void {
  const page = globalThis as unknown as { Client: typeof WebSocket; losses: number };
  page.losses = 0;
  const day = 86_400_000;
  const options = {
    reconnect: { baseDelay: day, maxDelay: day },
    probe: { request: "ping?", response: "pong!", every: day, timeout: 1_000 },
  };
  const handler = {
    onOpen: (ws: WebSocket) => void ws.send("open"),
    onReconnecting() {
      page.losses++;
    },
  };
  new page.Client(url, handler, options);
}
