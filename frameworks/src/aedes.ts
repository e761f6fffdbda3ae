// aedes.ts
import { Aedes } from "aedes";
import { WebSocketServer } from "hawser";
import { streamHandler } from "hawser/streams";

const broker = await Aedes.createBroker();

const wss = new WebSocketServer(
  { onConnection: () => streamHandler((stream) => void broker.handle(stream)) },
  { port: Number(process.env["PORT"] ?? 8080), protocols: ["mqtt"], dataType: "blob" },
);

process.once("SIGTERM", async () => {
  await wss.terminate(5);
  broker.close();
});
