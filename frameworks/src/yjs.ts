// yjs.ts
import { setupWSConnection } from "@y/websocket-server/utils";
import { WsServer } from "hawser/ws";

const wss = new WsServer({ port: Number(process.env["PORT"] ?? 8080) });
wss.on("connection", (socket, request) => setupWSConnection(socket, request));

// y-websocket keeps a timer for each document: without an end of the process it would go on.
process.once("SIGTERM", () => wss.close(() => process.exit()));
