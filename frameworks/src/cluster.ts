// cluster.ts: workers of one port. SIGHUP replaces one after the other, so that there is always one for new clients.
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { WebSocketServer, type WebSocketConnection, type WSMessageEvent } from "hawser";

class Echo {
  onMessage(ws: WebSocketConnection<Echo>, { data }: WSMessageEvent) {
    ws.send(`${data} from ${String(process.pid)}`);
  }
}

async function work() {
  const wss = new WebSocketServer({ onConnection: () => new Echo() }, { port: Number(process.env["PORT"] ?? 8080) });
  await wss.ready; // rejects when the port is in use: the worker ends
  process.once("SIGTERM", async () => {
    cluster.worker?.disconnect(); // new clients go to the other workers
    await wss.terminate(5);
    process.exit();
  });
}

function supervise() {
  const wanted = new Set<Worker>();
  const add = () => {
    const worker = cluster.fork();
    wanted.add(worker);
    return worker;
  };
  const end = (worker: Worker) => {
    wanted.delete(worker);
    worker.process.kill("SIGTERM");
  };
  cluster.on("exit", (worker) => {
    // One that has failed is replaced, but not all the time.
    if (wanted.delete(worker)) setTimeout(add, 1000);
  });
  process.on("SIGHUP", async () => {
    for (const worker of [...wanted]) {
      await once(add(), "listening");
      end(worker);
    }
  });
  process.once("SIGTERM", () => {
    for (const worker of wanted) end(worker);
  });
  for (let i = Number(process.env["WORKERS"] ?? availableParallelism()); i > 0; i--) add();
}

if (cluster.isPrimary) supervise();
else await work();
