import type { Duplex } from "node:stream";

import {
  type Exchange,
  type RefusedExchange,
  type SwitchedStream,
  exchange,
  isSwitched,
  tooLarge,
} from "./http-exchange.ts";
import { Relay } from "./relay.ts";
import { destroyOnFailure } from "./streams.ts";

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
    answer = await exchange(rest, { ...request, method: "CONNECT", maxHeaderSize }, signal);
  }
  return answer;
}

/** 101 would be a final one: it was not asked for. */
function isInterim(status: number | undefined): boolean {
  return status !== undefined && status >= 100 && status < 200 && status !== 101;
}

/** What follows an answer in a stream, for Node's parser. The request that Node writes to it was sent before: it is dropped. */
class NextAnswer extends Relay {
  override _write(_bytes: unknown, _encoding: unknown, done: () => void): void {
    done();
  }
}
