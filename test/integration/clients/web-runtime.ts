import { fileURLToPath } from "node:url";
import { ChildClient } from "./child.ts";

const program = fileURLToPath(new URL("node-child.ts", import.meta.url));

/** The `WebSocket` of Bun. */
export const bunClient = (bun: string): ChildClient => new ChildClient(bun, [program]);

/** The `WebSocket` of Deno. */
export const denoClient = (deno: string): ChildClient =>
  new ChildClient(deno, ["run", "--no-prompt", "--allow-net", program]);
