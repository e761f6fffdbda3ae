/** A client of somebody else's server: sends texts, and prints as many answers. `npx tsx examples/client.ts ws://localhost:8080 hello` */
import { pathToFileURL } from "node:url";
import { ConnectError, WebSocket } from "hawser/client";

/** Sends the texts one by one, and prints what comes back. */
export async function ask(url: string, texts: readonly string[], print: (text: string) => void): Promise<void> {
  const ws = await WebSocket.connect(url, {}, { dataType: "auto" });
  let missing = texts.length;
  for (const text of texts) if (!ws.send(text)) await ws.drained();
  if (missing > 0) {
    for await (const data of ws) {
      print(typeof data === "string" ? data : `${String(data.length)} bytes`);
      if (--missing === 0) break; // ends the client
    }
  }
  ws.terminate();
  await ws.closed;
}

/** What a person wants to know of a dial that failed. */
export function explain(error: unknown): string {
  if (!(error instanceof ConnectError)) return String(error);
  const answer = error.status === undefined ? "" : ` HTTP ${String(error.status)}: ${error.body?.trim() ?? ""}`;
  return `${error.message} (${error.code}, ${error.stage})${answer}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , url = "ws://localhost:8080", ...texts] = process.argv;
  await ask(url, texts.length > 0 ? texts : ["hello"], console.log).catch((error: unknown) => {
    console.error(explain(error));
    process.exitCode = 1;
  });
}
