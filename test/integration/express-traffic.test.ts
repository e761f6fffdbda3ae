import { WebSocketServer } from "hawser";
import { once } from "node:events";
import type { Socket } from "node:net";
import express from "express";
import { expect, onTestFinished, test } from "vitest";
import { Peer, portOf } from "../support/peer.ts";

test.each(["before ours", "after ours"])(
  "an application of Express counts the traffic of its sockets (%s): handshakes, messages and routes are answered",
  async (order) => {
    const app = express();
    let counted = 0;
    app.use(express.text());
    app.post("/echo", (request, response) => {
      response.send(request.body);
    });
    const server = app.listen(0, "127.0.0.1");
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const count = (socket: Socket): void => {
      socket.on("data", (chunk: Buffer) => (counted += chunk.length));
    };
    if (order === "before ours") server.on("connection", count);
    const wss = new WebSocketServer(
      { onConnection: () => ({ onMessage: (ws, { data }) => void ws.send(data) }) },
      { server, path: "/live" },
    );
    onTestFinished(() => wss.terminate(0));
    if (order === "after ours") server.on("connection", count);
    await once(server, "listening");
    const port = await portOf(server);

    const peers = await Promise.all([Peer.open(port, "/live"), Peer.open(port, "/live")]);
    const before = counted;
    expect(before).toBeGreaterThan(0);
    for (const peer of peers) {
      peer.socket.send("hello");
      peer.socket.send("x".repeat(200_000));
      expect((await peer.received(2)).map(String)).toEqual(["hello", "x".repeat(200_000)]);
    }
    expect(counted).toBeGreaterThan(before);
    const answer = await fetch(`http://127.0.0.1:${String(port)}/echo`, {
      method: "POST",
      headers: { "Content-Type": "text/plain", Connection: "close" },
      body: "route",
    });
    expect(await answer.text()).toBe("route");
    expect((await Peer.refused(port, "/other")).status).toBe(404);
  },
);
