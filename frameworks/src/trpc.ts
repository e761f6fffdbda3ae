// trpc.ts
import { EventEmitter, on } from "node:events";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { WsServer } from "hawser/ws";

const t = initTRPC.create();
const chat = new EventEmitter<{ line: [text: string] }>();

const router = t.router({
  say: t.procedure
    .input((text) => String(text))
    .mutation(({ input }) => {
      chat.emit("line", input);
      return input.length;
    }),
  lines: t.procedure.subscription(async function* ({ signal }) {
    for await (const [text] of on(chat, "line", { signal: signal ?? AbortSignal.abort() })) yield String(text);
  }),
  listeners: t.procedure.query(() => chat.listenerCount("line")),
});
export type Router = typeof router;

const wss = new WsServer({ port: Number(process.env["PORT"] ?? 8080) });
const { broadcastReconnectNotification } = applyWSSHandler({ wss, router });

process.once("SIGTERM", () => {
  broadcastReconnectNotification();
  wss.close();
});
