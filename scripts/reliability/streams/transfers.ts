import { Child } from "../child.ts";
import type { Outcome, Transfer, client } from "./client.ts";
import { CHUNK } from "./load.ts";
import type { server } from "./server.ts";

/** One transfer: a message of many bytes, to the server or from it. */
export interface Kind extends Pick<Transfer, "isCompressed" | "isSlow"> {
  /** To the server, or from it. */
  readonly direction: "in" | "out";
}

/** All kinds. */
export const KINDS: readonly Kind[] = (["in", "out"] as const).flatMap((direction) =>
  [false, true].flatMap((isCompressed) => [false, true].map((isSlow) => ({ direction, isCompressed, isSlow }))),
);

/** What was measured. */
export interface Record extends Kind, Outcome {
  readonly bytes: number;
  /** The most bytes by which the resident memory of the server has grown. */
  readonly growth: number;
}

/** Transfers one message between two processes: a server, and a client of the package `ws`. */
export async function transfer(kind: Kind, bytes: number): Promise<Record> {
  const ours = new Child<typeof server>("streams/server.ts", ["--expose-gc"]);
  const peer = new Child<typeof client>("streams/client.ts");
  try {
    const { direction, ...rest } = kind;
    const port = await ours.call("start", rest.isCompressed);
    const all = { port, chunks: Math.ceil(bytes / CHUNK), ...rest };
    const method = direction === "in" ? "send" : "receive";
    // The code is loaded and compiled then.
    await peer.call(method, { ...all, chunks: 16 });
    await ours.call("watch");
    const outcome = await peer.call(method, all);
    return { ...kind, bytes: all.chunks * CHUNK, ...outcome, growth: await ours.call("growth") };
  } finally {
    await Promise.all([ours.stop(), peer.stop()]);
  }
}
