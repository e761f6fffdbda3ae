import type { Duplex } from "node:stream";

import { abort } from "../connection/dispatch/close-signal.ts";
import { callInNoContext } from "../connection/transport/no-context.ts";

/**
 * The signal of one handshake. It aborts when the client goes, and when somebody else than `onConnection` refuses the client.
 * It listens to the stream, so it is made only for those who ask for it.
 */
export class HandshakeSignal {
  readonly #controller = new AbortController();
  readonly #stream: Duplex;

  constructor(stream: Duplex) {
    this.#stream = stream;
    if (isGone(stream)) abort(this.#controller);
    else stream.on("end", this.#onGone).on("close", this.#onGone);
  }

  /** The signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts the signal. */
  abort(): void {
    this.stop();
    callInNoContext(() => abort(this.#controller));
  }

  /** The client has its answer: from now on its stream aborts nothing. */
  stop(): void {
    this.#stream.off("end", this.#onGone).off("close", this.#onGone);
  }

  readonly #onGone = (): void => {
    this.abort();
  };
}

/** Node keeps here whether the other side has ended. `readableEnded` says so only when all that came before was read. */
interface EndedStream extends Duplex {
  readonly _readableState?: { readonly ended?: boolean };
}

/** Whether a client has gone while it waited for its answer. A handshake has no use for a client that only has ended its side. */
export function isGone(stream: Duplex): boolean {
  return stream.destroyed || stream.readableEnded || (stream as EndedStream)._readableState?.ended === true;
}
