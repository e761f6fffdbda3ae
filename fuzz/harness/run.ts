import { Random } from "../engine/random.ts";
import { Clock } from "./clock.ts";
import { UncaughtErrors } from "./uncaught.ts";

/** Waits for this many turns of the event loop. */
export async function turns(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs an attempt with a fake clock and with fixed random numbers. Fails if the process gets an error that was not caught. */
export async function runIsolated(attempt: (clock: Clock) => Promise<void>): Promise<void> {
  const clock = new Clock();
  const uncaught = new UncaughtErrors();
  const { random } = Math;
  const numbers = new Random(0);
  Math.random = () => numbers.next() / 2 ** 32;
  clock.install();
  uncaught.listen();
  try {
    await attempt(clock);
    uncaught.check();
  } finally {
    uncaught.stop();
    clock.uninstall();
    Math.random = random;
  }
}
