import type { Duplex } from "node:stream";

import { abort, newController } from "../connection/dispatch/close-signal.ts";
import { callInNoContext } from "../connection/transport/no-context.ts";

/**
 * The signal of one handshake. It aborts when the client goes, and when somebody else than `onConnection` refuses the client.
 * It listens to the stream, so it is made only for those who ask for it, and for those who may ask after it has aborted.
 */
export class HandshakeSignal {
  /** Undefined: nobody has asked for the signal. */
  #controller: AbortController | undefined;
  /** Undefined: the client has its answer. It must not be kept in memory by an `onConnection` that never settles. */
  #stream: Duplex | undefined;
  #isAborted = false;

  /** @param stream the client's; undefined: the client has its answer */
  constructor(stream: Duplex | undefined) {
    if (stream === undefined) return;
    if (isGone(stream)) {
      this.#isAborted = true;
      return;
    }
    this.#stream = stream;
    stream.on("end", this.#onGone).on("close", this.#onGone);
  }

  /** The signal. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = newController();
      if (this.#isAborted) abort(this.#controller);
    }
    return this.#controller.signal;
  }

  /** The signal, if somebody has asked for it. */
  get signalIfAsked(): AbortSignal | undefined {
    return this.#controller?.signal;
  }

  /** Aborts the signal. */
  abort(): void {
    this.stop();
    this.#isAborted = true;
    const controller = this.#controller;
    if (controller !== undefined) callInNoContext(() => abort(controller));
  }

  /** The client has its answer: from now on its stream aborts nothing. */
  stop(): void {
    this.#stream?.off("end", this.#onGone).off("close", this.#onGone);
    this.#stream = undefined;
  }

  readonly #onGone = (): void => {
    this.abort();
  };
}

/** Node keeps here whether the other side has ended. `readableEnded` says so only when all that came before was read. */
interface EndedStream extends Duplex {
  readonly _readableState?: { readonly ended?: boolean };
}

/** Whether the other side has ended, also if what came before was not read yet. */
export function hasEnded(stream: Duplex): boolean {
  return (stream as EndedStream)._readableState?.ended === true;
}

/** Whether a client has gone while it waited for its answer. A handshake has no use for a client that only has ended its side. */
export function isGone(stream: Duplex): boolean {
  return stream.destroyed || stream.readableEnded || hasEnded(stream);
}
