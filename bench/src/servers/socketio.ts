import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { announce, routeFromArguments } from "./common.ts";

// Socket.IO over WebSocket only, without long-polling.
const route = routeFromArguments();
const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  if (route === "/fan") socket.on("m", (data: unknown) => io.emit("m", data));
  else socket.on("m", (data: unknown) => socket.emit("m", data));
});

http.listen(0, "127.0.0.1", () => announce((http.address() as AddressInfo).port));
