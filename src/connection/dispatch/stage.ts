/** What is still called. Each stage comes after the one before it. */
export const Stage = {
  /** Everything. */
  delivering: 0,
  /** No `onMessage` and no `onDrain`. */
  stopped: 1,
  /** Only `onTerminate`: `onError` was called. */
  errorReported: 2,
  /** Nothing: `onTerminate` was called. */
  terminated: 3,
} as const;

/** One of the values of `Stage`. */
export type Stage = (typeof Stage)[keyof typeof Stage];
