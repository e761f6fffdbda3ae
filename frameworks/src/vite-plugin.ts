// vite-plugin.ts: WebSockets on Vite's own development server.
import type { Plugin, ViteDevServer } from "vite";
import { WebSocketServer, type WebSocketConnection, type WSMessageEvent } from "hawser";

class Live {
  onMessage(ws: WebSocketConnection<Live>, { data }: WSMessageEvent) {
    ws.wss.broadcast(data);
  }
}

export function live(): Plugin {
  let wss: WebSocketServer | undefined;
  return {
    name: "live",
    async configureServer(vite: ViteDevServer) {
      if (vite.httpServer === null) return; // a middleware of another server
      await wss?.terminate(2); // Vite restarts
      wss = new WebSocketServer({ onConnection: () => new Live() }, { server: vite.httpServer, path: "/live" });
      // Vite cuts all sockets when it closes. A plugin has no hook before that.
      const close = vite.close.bind(vite);
      vite.close = async (...reason) => {
        await wss?.terminate(2);
        await close(...reason);
      };
    },
  };
}
