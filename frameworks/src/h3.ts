// h3.ts: the WebSockets of a route of h3 run on Hawser.
import { fromNodeUpgradeHandler } from "crossws/adapters/node";
import { plugin as webSockets } from "crossws/server/node";
import { H3, defineWebSocketHandler, serve } from "h3";
import { WebSocketServer, type WebSocketConnection, type WSConnectionEvent, type WSMessageEvent } from "hawser";

class Member {
  constructor(readonly chat: string) {}

  onOpen(ws: WebSocketConnection<Member>) {
    void ws.subscribe(this.chat);
  }

  onMessage(ws: WebSocketConnection<Member>, { data }: WSMessageEvent) {
    void ws.wss.publish(this.chat, data);
  }
}

const wss = new WebSocketServer({
  onConnection: (_wss: WebSocketServer, { context }: WSConnectionEvent<string>) => new Member(context),
});

const app = new H3();
app.get("/online", () => wss.connections.length);
app.get(
  "/chats/:id",
  defineWebSocketHandler((event) =>
    // The hook that gives Node's request away: { req, socket, head }.
    fromNodeUpgradeHandler((request, socket, head) =>
      wss.handleUpgrade(request, socket, head, `chat:${event.context.params?.["id"]}`),
    ),
  ),
);

// Without hooks, crossws would open a WebSocket that nobody reads.
const NO_HOOKS = { upgrade: () => new Response("There is no WebSocket at this path.", { status: 404 }) };

async function hooksOf(request: Request) {
  return ((await app.fetch(request)) as { crossws?: object }).crossws ?? NO_HOOKS;
}

const server = serve(app, {
  port: Number(process.env["PORT"] ?? 3000),
  gracefulShutdown: false, // it does not know the WebSockets
  plugins: [webSockets({ resolve: hooksOf })],
});

process.once("SIGTERM", async () => {
  await wss.terminate(5);
  await server.close();
});
