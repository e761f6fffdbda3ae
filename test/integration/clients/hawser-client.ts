/** Our client, for another runtime: connects to a URL with options in JSON, and prints as JSON what it was called back with. */
import { WebSocket } from "../../../src/client.ts";
import type { ClientOptions } from "../../../src/client/options.ts";

const [, , url = "", options = "{}"] = process.argv;
const calls: unknown[] = [];
let answers = 0;

const ws = new WebSocket(
  url,
  {
    onOpen(client: WebSocket) {
      calls.push("open");
      client.send("text");
    },
    onMessage(client: WebSocket, { data }: { data: unknown }) {
      calls.push(typeof data === "string" ? data : (data as Uint8Array).reduce((sum, byte) => sum + byte, 0));
      if (++answers === 1) client.send(new Uint8Array(100_000).fill(7) as never);
      else void finish(client);
    },
    onError: (_ws: unknown, { errors }: { errors: readonly { cause: unknown }[] }) => {
      const { code, status, body, stage } = errors[0]?.cause as Record<string, unknown>;
      calls.push({ code, status, body, stage });
    },
    onTerminate: (_ws: unknown, { code, initiator }: { code: number; initiator: string }) => {
      calls.push({ code, initiator });
    },
  },
  { dataType: "auto", ...(JSON.parse(options) as ClientOptions) },
);

/** Not in a callback: while a handler is busy, reading may pause, and then no ping is sent. */
async function finish(client: WebSocket): Promise<void> {
  await client.drained();
  calls.push(typeof (await client.ping()), client.extensions.split(";")[0]);
  client.terminate(3001, "bye");
}

await ws.closed;
console.log(JSON.stringify(calls));
