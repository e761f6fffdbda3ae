/** Milliseconds after which what a test waits for has failed: far above what it takes on a busy machine, and below the limit of a test. */
export const PATIENCE = 40_000;
