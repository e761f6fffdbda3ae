import type { BackplaneStage } from "../backplane/contract.ts";
import { callInNoContext } from "../connection/transport/no-context.ts";
import { HawserError } from "../errors/errors.ts";
import { isInstanceOf } from "../util/attempt.ts";
import type { ServerDispatcher } from "./server-dispatcher.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** Milliseconds in which the handler is told of one failure of each kind. All are counted. */
const QUIET_MS = 60_000;

/** How often the broker has failed, by what it was to do. */
export type BackplaneFailures = Record<BackplaneStage, number>;

/** Tells the server's handler that the broker has failed: of each stage and code of ours once a minute. */
export class BackplaneErrors {
  /** All failures. */
  readonly counters: BackplaneFailures = newBackplaneFailures();
  readonly #reporter: Pick<ServerDispatcher, "isTerminated" | "dispatchError">;
  readonly #toldAt = new Map<string, number>();

  constructor(reporter: Pick<ServerDispatcher, "isTerminated" | "dispatchError">) {
    this.#reporter = reporter;
  }

  /** Something has failed: nobody may await its promise, or no promise tells of it. `ws`: the connection whose subscription it was. */
  report(stage: BackplaneStage, error: unknown, ws?: WebSocketConnection): void {
    this.counters[stage]++;
    // What still waited for the broker fails when the server ends: nobody can be told.
    if (this.#reporter.isTerminated) return;
    const now = performance.now();
    // Other codes may be of any number.
    const kind = isInstanceOf(error, HawserError) ? `${stage} ${error.code}` : stage;
    if (now - (this.#toldAt.get(kind) ?? -QUIET_MS) < QUIET_MS) return;
    this.#toldAt.set(kind, now);
    // Any client may have caused it.
    callInNoContext(() => this.#reporter.dispatchError(error, "library", true, ws));
  }
}

/** Counters at zero. */
export function newBackplaneFailures(): BackplaneFailures {
  return { connect: 0, subscribe: 0, publish: 0, read: 0, presence: 0, decode: 0, close: 0 };
}
