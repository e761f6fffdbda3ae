// Peers with Node's own WebSocket, for ChildClient: commands as lines of JSON on stdin, answers on stdout.
import { createInterface } from "node:readline";
import { openWebPeer, type WebPeer } from "./web-peer.ts";

interface Command {
  readonly id: number;
  readonly peer: number;
  readonly method: "open" | "dispose" | Exclude<keyof WebPeer, "protocol">;
  readonly args: readonly unknown[];
}

const peers = new Map<number, WebPeer>();

async function open(id: number, [url, protocols]: readonly unknown[]): Promise<unknown> {
  const peer = await openWebPeer({ url: url as string, protocols: protocols as string[] });
  if (peer === undefined) return { refused: null };
  peers.set(id, peer);
  return { protocol: peer.protocol };
}

async function run({ peer: id, method, args }: Command): Promise<unknown> {
  if (method === "open") return open(id, args);
  const peer = peers.get(id)!;
  if (method !== "dispose") return (peer[method] as (...args: readonly unknown[]) => Promise<unknown>)(...args);
  // The standard has no other way to release it; the server ends the connection without an answer.
  peers.delete(id);
  await peer.close();
  return undefined;
}

const commands = createInterface(process.stdin);
commands.on("line", (line) => {
  const command = JSON.parse(line) as Command;
  run(command).then(
    (result) => console.log(JSON.stringify({ id: command.id, result })),
    (error: unknown) => console.log(JSON.stringify({ id: command.id, error: String(error) })),
  );
});
commands.on("close", () => process.exit());
