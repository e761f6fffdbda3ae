// express.ts
import { ServerResponse } from "node:http";
import express, { type Request, type Response } from "express";
import session from "express-session";
import { WebSocketServer, refuse } from "hawser";
import type { WebSocketConnection, WSConnectionEvent, WSMessageEvent } from "hawser";

declare module "express-session" {
  interface SessionData {
    user: string;
  }
}

const sessions = session({ secret: process.env["SECRET"] ?? "only here", resave: false, saveUninitialized: false });

class Site {
  async onConnection(_wss: WebSocketServer, event: WSConnectionEvent) {
    const request = event.request.raw as Request;
    // The middleware wants a response. This one is never sent.
    const response = new ServerResponse(request) as Response;
    await new Promise<void>((resolve, reject) => {
      sessions(request, response, (error: unknown) => (error ? reject(error) : resolve()));
    });
    const { user } = request.session;
    return user === undefined ? refuse(401, "Sign in first.") : new Member(user);
  }
}

class Member {
  constructor(readonly user: string) {}

  onMessage(ws: WebSocketConnection<Member>, { data }: WSMessageEvent) {
    ws.wss.broadcast(`${this.user}: ${data}`);
  }
}

const app = express();
app.use(sessions);
app.post("/login", express.text(), (request, response) => {
  request.session.user = String(request.body);
  response.sendStatus(204);
});
app.get("/online", (_request, response) => void response.json(wss.connections.length));

const web = app.listen(Number(process.env["PORT"] ?? 8080));
const wss = new WebSocketServer(new Site(), { server: web, path: "/live" });

process.once("SIGTERM", async () => {
  await wss.terminate(5);
  web.close();
});
