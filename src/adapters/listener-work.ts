import { causeChain } from "../connection/dispatch/causes.ts";
import { connectionOf } from "../server/connection-of.ts";
import { isThenable } from "../util/thenable.ts";
import type { AnyConnection } from "./read-hold.ts";
import { ignore } from "./callback-send.ts";

/** Codes of errors that only say that a stream was closed: our own, and those of Node. */
const CLOSED: readonly unknown[] = [
  "HWS_NOT_CONNECTED",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_WRITE_AFTER_END",
];

/**
 * The promise of a listener that gets a stream or a socket. The end of that waits for nobody: a listener that reads to the end would wait
 * for itself. Its failure is that of a callback, unless it only passes on the end of the connection.
 */
export class ListenerWork {
  readonly #connection: AnyConnection;
  readonly #settled: Promise<void>;

  /**
   * Supervises what a listener has returned.
   *
   * @param endError the error that the application was told of the end of the connection; undefined: none yet
   * @returns undefined for anything but a promise
   */
  static of(connection: AnyConnection, result: unknown, endError: () => unknown): ListenerWork | undefined {
    return isThenable(result) ? new ListenerWork(connection, result, endError) : undefined;
  }

  private constructor(connection: AnyConnection, result: PromiseLike<unknown>, endError: () => unknown) {
    this.#connection = connection;
    const failed = (error: unknown): void => {
      if (!isOfEnd(connection, error, endError())) failConnection(connection, error);
    };
    this.#settled = Promise.resolve(result).then(ignore, failed);
  }

  /** Resolves when it has settled, or after `closeTimeout`; then it counts as an unfinished task. Called when the connection has ended. */
  settle(): Promise<void> {
    const { closeTimeout, taskCounters } = connectionOf(this.#connection).settings;
    return new Promise((resolve) => {
      const giveUp = (): void => {
        taskCounters.unfinished++;
        resolve();
      };
      // The server's end does not wait for it.
      const timer = setTimeout(giveUp, closeTimeout).unref();
      void this.#settled.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Something of the application has failed: as a callback of a handler that does, it ends the connection. */
export function failConnection(connection: AnyConnection, error: unknown): void {
  connection.waitUntil(rejected(error));
}

function isOfEnd(connection: AnyConnection, error: unknown, endError: unknown): boolean {
  if (connection.status === "Connected") return false;
  return causeChain(error).some(
    (one) => (endError !== undefined && one === endError) || CLOSED.includes((one as { code?: unknown } | null)?.code),
  );
}

// eslint-disable-next-line @typescript-eslint/require-await -- it rejects with what it throws, which may be anything
async function rejected(error: unknown): Promise<never> {
  throw error;
}
