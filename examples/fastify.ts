/** Attached to Fastify: what is posted to /notices goes to everyone who is connected to /live. */
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import fastify from "fastify";
import { WebSocketServer } from "hawser";
import { stopWhenTold } from "./stop-when-told.ts";

/** Listens only: it has nothing to keep, so one object answers every client. */
const listener = { onMessage() {} };

const noticeSchema = {
  body: {
    type: "object",
    required: ["text"],
    properties: { text: { type: "string", minLength: 1, maxLength: 1000 } },
  },
};

/** Starts both on one port. Port 0 takes any free port; the promise is rejected when the port is in use. */
export async function start(port: number): Promise<{ port: number; stop: () => Promise<void> }> {
  const app = fastify();
  const wss = new WebSocketServer({ onConnection: () => listener }, { server: app.server, path: "/live" });

  app.post<{ Body: { text: string } }>("/notices", { schema: noticeSchema }, (request, reply) => {
    wss.broadcast({ notice: request.body.text });
    reply.code(204).send();
  });

  await app.listen({ port });
  const stop = async () => {
    await wss.terminate(2);
    await app.close();
  };
  return { port: (app.server.address() as AddressInfo).port, stop };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { port, stop } = await start(Number(process.env["PORT"] ?? 8080));
  stopWhenTold(stop);
  console.log(`Fastify: http://localhost:${port}/notices and ws://localhost:${port}/live`);
}
