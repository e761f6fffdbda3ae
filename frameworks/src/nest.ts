// nest.ts
import "reflect-metadata";
import { Controller, Get, Injectable, Logger, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from "@nestjs/websockets";
import { refuse, type WebSocketServer as Server } from "hawser";
import { HawserAdapter, type HawserClient } from "hawser/nest";

interface User {
  readonly name: string;
}

@Injectable()
class Users {
  find(token: string | undefined): User | undefined {
    return token === undefined ? undefined : { name: token };
  }
}

@WebSocketGateway({ path: "/chat" })
class Chat implements OnGatewayConnection {
  @WebSocketServer() server!: Server;

  handleConnection(client: HawserClient<User>) {
    void client.ws.subscribe("chat");
  }

  @SubscribeMessage("say")
  say(@MessageBody() text: unknown, @ConnectedSocket() client: HawserClient<User>) {
    if (typeof text !== "string") throw new WsException("A text, please.");
    void this.server.publish("chat", { event: "said", data: `${client.data.name}: ${text}` });
  }

  @SubscribeMessage("who")
  who() {
    return { event: "online", data: this.server.connections.length };
  }
}

@Controller()
class Page {
  constructor(private readonly chat: Chat) {}

  @Get("online")
  online() {
    return this.chat.server.connections.length;
  }
}

@Module({ providers: [Chat, Users], controllers: [Page] })
class App {}

const app = await NestFactory.create(App, { logger: ["error", "warn"] });
const users = app.get(Users);
app.useWebSocketAdapter(
  new HawserAdapter(app, {
    logger: new Logger("WebSockets"),
    // Before there is a connection: what it returns is client.data.
    onConnection: ({ request }) => users.find(request.headers.authorization) ?? refuse(401, "Sign in first."),
  }),
);
app.enableShutdownHooks(); // SIGTERM closes the WebSockets with 1001
await app.listen(Number(process.env["PORT"] ?? 3000));
