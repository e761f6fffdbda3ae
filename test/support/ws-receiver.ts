import type { Writable } from "node:stream";
import * as ws from "ws";
import type { ReaderOptions } from "../../src/protocol/reader-rules.ts";
import { copy, toHex } from "./bytes.ts";
import type { Call } from "./recording-sink.ts";

/** The result of the `ws` package for a stream. */
export interface Outcome {
  /** The calls of a sink, without a failure. */
  readonly calls: readonly Call[];
  /** The close code of its refusal, or undefined when it refused nothing. */
  readonly refused: number | undefined;
}

/** The package exports its receiver, but its types do not. */
interface WithReceiver {
  readonly Receiver: new (options: object) => Writable;
}

/**
 * The result of the receiver of the `ws` package for the chunks.
 *
 * @param chunks - Are copied: it unmasks in place, too.
 * @param options - Those of our reader; the limits on fragments and chunks are out of the way.
 */
export function readWithWs(chunks: readonly Uint8Array[], { role, maxMessageSize = 0 }: ReaderOptions): Outcome {
  const receiver = new (ws as unknown as WithReceiver).Receiver({
    isServer: role === "server",
    maxPayload: maxMessageSize,
    allowSynchronousEvents: true,
    maxFragments: 2 ** 30,
    maxBufferedChunks: 2 ** 30,
  });
  const calls: Call[] = [];
  receiver.on("message", (data: Buffer, isBinary: boolean) => {
    calls.push(isBinary ? ["binary", toHex(data)] : ["text", data.toString()]);
  });
  receiver.on("ping", (data: Buffer) => calls.push(["ping", toHex(data)]));
  receiver.on("pong", (data: Buffer) => calls.push(["pong", toHex(data)]));
  receiver.on("conclude", (code: number, reason: Buffer) => {
    calls.push(["close", code, reason.length === 0 ? undefined : reason.toString()]);
  });
  // The error is read from `errored`, which is set at once; the event comes later.
  receiver.on("error", () => undefined);
  for (const chunk of chunks) {
    if (calls.at(-1)?.[0] === "close" || receiver.errored) break;
    receiver.write(copy(chunk));
  }
  return { calls, refused: receiver.errored === null ? undefined : closeCodeOf(receiver.errored) };
}

/** It keeps the close code under a symbol of its own. */
function closeCodeOf(error: Error): number {
  const symbol = Object.getOwnPropertySymbols(error).find(({ description }) => description === "status-code");
  const code: unknown = symbol && (error as unknown as Record<symbol, unknown>)[symbol];
  if (typeof code !== "number") throw new Error("an error without a close code", { cause: error });
  return code;
}
