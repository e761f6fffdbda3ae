import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { upgradeAnswer } from "../wire/handshake.ts";
import { announce } from "./common.ts";

// The second floor, for handshakes and idle connections: what node:http's own "upgrade" costs. Every server that lives on
// an http.Server pays it.
const http = createServer();

http.on("upgrade", (request, socket) => {
  socket.on("error", () => undefined);
  socket.on("data", () => undefined);
  socket.write(upgradeAnswer(request.headers["sec-websocket-key"] ?? ""));
});

http.listen(0, "127.0.0.1", () => announce((http.address() as AddressInfo).port));
