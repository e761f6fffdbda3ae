import { setTimeout as pause } from "node:timers/promises";
import { PATIENCE } from "../patience.ts";

/** Waits until a condition holds. Returns whether it does. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = performance.now() + PATIENCE;
  while (!(await holds())) {
    if (performance.now() > end) return false;
    await pause(3);
  }
  return true;
}
