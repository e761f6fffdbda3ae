// pm2.ts
import cluster from "node:cluster";
import { WebSocketServer, type WebSocketConnection, type WSMessageEvent } from "hawser";

class Echo {
  onMessage(ws: WebSocketConnection<Echo>, { data }: WSMessageEvent) {
    ws.send(`${data} from ${String(process.pid)}`);
  }
}

const wss = new WebSocketServer({ onConnection: () => new Echo() }, { port: Number(process.env["PORT"] ?? 8080) });
await wss.ready;
process.send?.("ready"); // for wait_ready

// PM2 sends SIGINT.
process.once("SIGINT", async () => {
  cluster.worker?.disconnect(); // new clients go to the other processes
  await wss.terminate(5);
  process.exit();
});
