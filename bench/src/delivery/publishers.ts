import { once } from "node:events";
import { io } from "socket.io-client";
import { WebSocket } from "ws";

/** A connection to one server that is never cut, gets no messages of the topic, and publishes. */
export interface Publisher {
  publish(text: string): void;
  close(): void;
}

/** Connects a publisher to the server on this port. */
export type Connect = (port: number) => Promise<Publisher>;

/** A publisher of hawser. */
export const hawserPublisher: Connect = async (port) => {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/history?silent`);
  await once(ws, "open");
  return { publish: (text) => ws.send(text), close: () => ws.close() };
};

/** A publisher of Socket.IO. */
export const socketIoPublisher: Connect = async (port) => {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true, query: { silent: "1" } });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("connect_error", reject);
  });
  return { publish: (text) => void socket.emit("m", text), close: () => void socket.close() };
};
