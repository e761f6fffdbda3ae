// vscode-jsonrpc.ts
import { WebSocketServer } from "hawser";
import { streamHandler } from "hawser/streams";
import { StreamMessageReader, StreamMessageWriter, createMessageConnection } from "vscode-jsonrpc/node";

const wss = new WebSocketServer(
  {
    onConnection: () =>
      streamHandler((stream) => {
        const rpc = createMessageConnection(new StreamMessageReader(stream), new StreamMessageWriter(stream));
        rpc.onRequest("add", (a: number, b: number) => a + b);
        // The server asks its client too.
        rpc.onRequest("greet", async () => `Hello, ${await rpc.sendRequest("name")}!`);
        rpc.onNotification("bye", () => void stream.end());
        stream.once("close", () => rpc.dispose());
        rpc.listen();
      }),
  },
  { port: Number(process.env["PORT"] ?? 8080), dataType: "blob" },
);

process.once("SIGTERM", () => void wss.terminate(5));
