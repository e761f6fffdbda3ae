import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { upgradeAnswer } from "../wire/handshake.ts";
import { announce } from "./common.ts";

// The lower limit for handshakes and idle connections on node:http: the cost of its "upgrade" event. Every server on an
// http.Server has this cost.
const http = createServer();

http.on("upgrade", (request, socket) => {
  socket.on("error", () => undefined);
  socket.on("data", () => undefined);
  socket.write(upgradeAnswer(request.headers["sec-websocket-key"] ?? ""));
});

http.listen(0, "127.0.0.1", () => announce((http.address() as AddressInfo).port));
