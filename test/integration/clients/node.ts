import { fileURLToPath } from "node:url";
import { ChildClient } from "./child.ts";

/** Node's own `WebSocket`, in a process of its own: Node 20 has it only with a flag. */
export function nodeClient(): ChildClient {
  const flags = "WebSocket" in globalThis ? [] : ["--experimental-websocket"];
  const program = fileURLToPath(new URL("node-child.ts", import.meta.url));
  return new ChildClient(process.execPath, [...flags, "--import", "tsx", program]);
}
