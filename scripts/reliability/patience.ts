import { setTimeout as pause } from "node:timers/promises";

/** Milliseconds between two looks. */
const PAUSE = 10;

/** Waits until a condition is true, for at most the given number of milliseconds. Returns whether it is true. */
export async function until(holds: () => boolean, milliseconds: number): Promise<boolean> {
  const end = performance.now() + milliseconds;
  while (!holds()) {
    if (performance.now() > end) return false;
    await pause(PAUSE);
  }
  return true;
}

/**
 * What a promise comes to, if it does so in time.
 *
 * @throws Error - when it does not
 */
export async function inTime<T>(promise: Promise<T>, milliseconds: number, what: string): Promise<T> {
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
