/** A promise, and the function that resolves it. */
export interface Deferred {
  /** The promise. */
  readonly promise: Promise<void>;
  /** Resolves it. */
  readonly resolve: () => void;
}

/** Makes a promise that is resolved from outside: `Promise.withResolvers()`, which Node 20 does not have. */
export function deferred(): Deferred {
  let resolve: (() => void) | undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  // The function above is called at once.
  return { promise, resolve: resolve as unknown as () => void };
}
