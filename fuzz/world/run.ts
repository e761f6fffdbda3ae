import { Random } from "../engine/random.ts";
import { Clock } from "./clock.ts";
import { Strays } from "./strays.ts";

/** Lets everything happen that is due: what waits for the end of this turn of the event loop, and what that leads to. */
export async function turns(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Runs an attempt under a clock of its own, with the same luck each time, and fails when something escapes from it to the process. */
export async function inWorld(attempt: (clock: Clock) => Promise<void>): Promise<void> {
  const clock = new Clock();
  const strays = new Strays();
  const { random } = Math;
  const numbers = new Random(0);
  Math.random = () => numbers.next() / 2 ** 32;
  clock.install();
  strays.listen();
  try {
    await attempt(clock);
    strays.check();
  } finally {
    strays.leave();
    clock.uninstall();
    Math.random = random;
  }
}
