import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdapter as createPubSubAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import type { ServerOptions } from "socket.io";
import { announce } from "./common.ts";

// One of the servers of Socket.IO that Redis joins: `node socketio-redis.js /publish`, with the port of Redis in REDIS_PORT. With
// `/history` it has the adapter for streams, and connection state recovery, which adds an offset to each message. WebSocket only.
const TOPIC = "all";
// Until the subscriptions, or the first read of the stream, have reached Redis.
const SETTLE = 500;

const client = new Redis(Number(process.env["REDIS_PORT"]), "127.0.0.1");
await once(client, "ready");

/** The adapter, as its documentation shows it. */
function adapterOf(route: string | undefined): Partial<ServerOptions> {
  if (route === "/history")
    return {
      adapter: createStreamsAdapter(client),
      // The default values.
      connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true },
    };
  const subscriber = client.duplicate();
  subscriber.on("error", () => undefined);
  return { adapter: createPubSubAdapter(client, subscriber) };
}

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false, ...adapterOf(process.argv[2]) });

io.on("connection", (socket) => {
  if (socket.handshake.query["silent"] === undefined) void socket.join(TOPIC);
  socket.on("m", (data: unknown) => io.to(TOPIC).emit("m", data));
});

http.listen(0, "127.0.0.1", () => setTimeout(() => announce((http.address() as AddressInfo).port), SETTLE));
