/** What `read` returns; undefined if it throws: a getter or a `Proxy` of the application may. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** `value instanceof constructor`, for a value of the application. A `Proxy` that throws is no instance. */
export function isInstanceOf<T>(value: unknown, constructor: abstract new (...args: never[]) => T): value is T {
  // No closure: it is asked several times about each error that a peer causes.
  try {
    return value instanceof constructor;
  } catch {
    return false;
  }
}

/** What was thrown, as an error: it may be any value. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** What `start` returns. If it throws instead, the promise rejects. */
export function startSafely<T>(start: () => Promise<T>): Promise<T> {
  try {
    return start();
  } catch (error) {
    return Promise.reject(asError(error));
  }
}
