import { Duplex } from "node:stream";

import {
  type Exchange,
  type RefusedExchange,
  type SwitchedStream,
  exchange,
  isSwitched,
  tooLarge,
} from "./http-exchange.ts";
import { destroyOnFailure, discard } from "./streams.ts";

/**
 * Sends a CONNECT request over a stream, and waits for its final answer. Node takes an answer 1xx for the final one, but a proxy may send
 * any number of them before (RFC 9110 15.2). Rejects with a `ConnectError`, and the stream is destroyed then.
 */
export function connectExchange(
  stream: Duplex,
  request: Omit<Exchange, "method">,
  signal: AbortSignal,
): Promise<SwitchedStream | RefusedExchange> {
  return destroyOnFailure(stream, () => finalAnswer(stream, request, signal));
}

async function finalAnswer(
  stream: Duplex,
  request: Omit<Exchange, "method">,
  signal: AbortSignal,
): Promise<SwitchedStream | RefusedExchange> {
  let answer = await exchange(stream, { ...request, method: "CONNECT" }, signal);
  let size = 0;
  while (isSwitched(answer) && isInterim(answer.response.statusCode)) {
    size += answer.size;
    const maxHeaderSize = request.maxHeaderSize - size;
    if (maxHeaderSize <= 0) throw tooLarge();
    const rest = new NextAnswer(stream, answer.head);
    const next = await exchange(rest, { ...request, method: "CONNECT", maxHeaderSize }, signal);
    answer = isSwitched(next) ? { ...next, stream, head: rest.release(next.head) } : next;
  }
  return answer;
}

/** 101 would be a final one: it was not asked for. */
function isInterim(status: number | undefined): boolean {
  return status !== undefined && status >= 100 && status < 200 && status !== 101;
}

/** What follows an answer in a stream, for Node's parser. The request that Node writes to it was sent before: it is dropped. */
class NextAnswer extends Duplex {
  readonly #stream: Duplex;

  /** @param head the bytes that came with the answer before */
  constructor(stream: Duplex, head: Buffer) {
    super();
    this.#stream = stream;
    if (head.length > 0) this.push(head);
    stream.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onError).on("close", this.#onClose);
    if (stream.readableEnded) this.#onEnd();
    if (stream.destroyed) this.#onClose();
    stream.resume();
  }

  /** Stops reading. Returns the bytes that came with the answer, `head` first. */
  release(head: Buffer): Buffer {
    this.#stop();
    const more = this.read() as Buffer | null;
    return more === null ? head : Buffer.concat([head, more]);
  }

  readonly #onData = (bytes: Buffer): void => void this.push(bytes);

  readonly #onEnd = (): void => void this.push(null);

  readonly #onError = (cause: Error): void => void this.destroy(cause);

  readonly #onClose = (): void => void this.destroy(this.#stream.errored ?? undefined);

  #stop(): void {
    const stream = this.#stream.off("data", this.#onData).off("end", this.#onEnd);
    stream.off("error", this.#onError).off("close", this.#onClose);
    // As Node does it: the next listener to "data" makes it flow.
    (stream as { readableFlowing: boolean | null }).readableFlowing = null;
  }

  override _read(): void {
    // Its size has a limit: `maxHeaderSize`.
  }

  override _write(_bytes: unknown, _encoding: unknown, done: () => void): void {
    done();
  }

  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    this.#stop();
    discard(this.#stream);
    done(cause);
  }
}
