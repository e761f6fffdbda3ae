import { PATIENCE } from "../patience.ts";

// A test may leave fake timers.
const { setTimeout, setImmediate } = globalThis;

/** Waits until a condition holds. Some turns of the event loop come first, then short pauses. */
export async function until(what: string | (() => string), holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (let turn = 0; !(await holds()); turn++) {
    if (performance.now() > end) throw new Error(`did not come: ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => {
      if (turn < 20) setImmediate(resolve);
      else setTimeout(resolve, 5);
    });
  }
}
