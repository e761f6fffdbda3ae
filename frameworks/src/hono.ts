// hono.ts
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { WebSocketServer, refuse } from "hawser";
import type { WebSocketConnection, WSConnectionEvent, WSMessageEvent } from "hawser";

class Site {
  onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
    const user = request.cookies["user"];
    return user === undefined ? refuse(401, "Sign in first.") : new Member(user);
  }
}

class Member {
  constructor(readonly user: string) {}

  onMessage(ws: WebSocketConnection<Member>, { data }: WSMessageEvent) {
    ws.wss.broadcast(`${this.user}: ${data}`);
  }
}

const app = new Hono();
app.get("/online", (context) => context.json(wss.connections.length));

const web = serve({ fetch: app.fetch, port: Number(process.env["PORT"] ?? 8080) }) as Server;
const wss = new WebSocketServer(new Site(), { server: web, path: "/live" });

process.once("SIGTERM", async () => {
  await wss.terminate(5);
  web.close();
});
