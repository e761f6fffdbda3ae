import { setTimeout as pause } from "node:timers/promises";

/** Milliseconds between two checks. */
const PAUSE = 10;

/** Waits until a condition is true, but at most this many milliseconds. Returns whether it is true. */
export async function waitUntil(condition: () => boolean, milliseconds: number): Promise<boolean> {
  const end = performance.now() + milliseconds;
  while (!condition()) {
    if (performance.now() > end) return false;
    await pause(PAUSE);
  }
  return true;
}

/**
 * The result of a promise, if it settles within the given time.
 *
 * @throws Error - if it does not
 */
export async function withTimeout<T>(promise: Promise<T>, milliseconds: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: took longer than ${String(milliseconds)} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
