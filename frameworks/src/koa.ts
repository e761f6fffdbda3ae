// koa.ts
import { ServerResponse } from "node:http";
import Koa from "koa";
import { WebSocketServer, refuse } from "hawser";
import type { WebSocketConnection, WSConnectionEvent, WSMessageEvent } from "hawser";

const app = new Koa();
app.keys = [process.env["SECRET"] ?? "only here"];
app.use((context) => {
  if (context.path === "/login") context.cookies.set("user", String(context.query["user"]), { signed: true });
  if (context.path === "/login" || context.path === "/online") context.body = String(wss.connections.length);
});

class Site {
  onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
    // A context of Koa for the handshake: signed cookies, and what a middleware uses. Its response is never sent.
    const context = app.createContext(request.raw, new ServerResponse(request.raw));
    const user = context.cookies.get("user", { signed: true });
    return user === undefined ? refuse(401, "Sign in first.") : new Member(user);
  }
}

class Member {
  constructor(readonly user: string) {}

  onMessage(ws: WebSocketConnection<Member>, { data }: WSMessageEvent) {
    ws.wss.broadcast(`${this.user}: ${data}`);
  }
}

const web = app.listen(Number(process.env["PORT"] ?? 8080));
const wss = new WebSocketServer(new Site(), { server: web, path: "/live" });

process.once("SIGTERM", async () => {
  await wss.terminate(5);
  web.close();
});
