// fastify-plugin.ts
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import type { WebSocketConnection, WSMessageEvent } from "hawser";
import { hawser } from "hawser/fastify";

declare module "fastify" {
  interface FastifyRequest {
    user: string;
  }
}

class Member {
  constructor(
    readonly user: string,
    readonly chat: string,
  ) {}

  onOpen(ws: WebSocketConnection<Member>) {
    void ws.subscribe(this.chat);
  }

  onMessage(ws: WebSocketConnection<Member>, { data }: WSMessageEvent) {
    void ws.wss.publish(this.chat, `${this.user}: ${data}`);
  }
}

const app = fastify({ logger: { level: process.env["LOG_LEVEL"] ?? "info" } });
await app.register(hawser, { maxMessageSize: 65_536 });
app.decorateRequest("user", "");

// One hook for both: plain routes and WebSockets.
async function signedIn(request: FastifyRequest, reply: FastifyReply) {
  const [scheme, user] = request.headers.authorization?.split(" ") ?? [];
  if (scheme !== "User" || user === undefined) return reply.code(401).send({ error: "Sign in first." });
  request.user = user;
}

app.get("/me", { preHandler: signedIn }, (request) => ({ user: request.user }));
app.webSocket("/chats/:id", { preHandler: signedIn }, (_event, request) => {
  const { id } = request.params as { id: string };
  if (id === "7") throw Object.assign(new Error("This chat is full."), { statusCode: 409 });
  return new Member(request.user, `chat:${id}`);
});
app.get("/online", () => app.hawser.connections.length);

await app.listen({ port: Number(process.env["PORT"] ?? 8080) });

// Closes the WebSockets with 1001, and waits for them.
process.once("SIGTERM", () => void app.close());
