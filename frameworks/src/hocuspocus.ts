// hocuspocus.ts
import { Hocuspocus } from "@hocuspocus/server";
import { WebSocketServer, type WSConnectionEvent } from "hawser";
import { socketHandler } from "hawser/ws";

const hocuspocus = new Hocuspocus({
  async onAuthenticate({ token }) {
    if (token !== "ann's token") throw new Error("Sign in first.");
    return { user: "ann" };
  },
});

const wss = new WebSocketServer(
  {
    onConnection: (_wss: WebSocketServer, event: WSConnectionEvent) =>
      socketHandler(event, (socket, request) => hocuspocus.handleConnection(socket, request)),
  },
  { port: Number(process.env["PORT"] ?? 8080), dataType: "auto" },
);

process.once("SIGTERM", () => void wss.terminate(5));
