// h3-crossws.ts: the hooks of crossws, in a route of h3, run on Hawser.
import { H3, defineWebSocketHandler, serve } from "h3";
import { crosswsAdapter } from "hawser/crossws";

const app = new H3();
app.get("/online", () => ws.hawser.connections.length);
app.get(
  "/chats/:id",
  defineWebSocketHandler((event) => ({
    upgrade: () => ({ context: { chat: `chat:${event.context.params?.["id"]}` } }),
    open: (peer) => peer.subscribe(String(peer.context["chat"])),
    message(peer, message) {
      peer.publish(String(peer.context["chat"]), message.text());
      peer.send(message.text());
    },
  })),
);

const server = serve(app, { port: Number(process.env["PORT"] ?? 3000), gracefulShutdown: false });
const ws = crosswsAdapter({
  resolve: async (request) => ((await app.fetch(request)) as { crossws?: object }).crossws ?? {},
});
server.node?.server?.on("upgrade", ws.handleUpgrade);

process.once("SIGTERM", async () => {
  await ws.close(1001);
  await server.close();
});
