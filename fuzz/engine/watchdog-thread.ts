import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";

import { writeCrash } from "./crash.ts";
import { COUNTER, INPUT, LENGTH, type WatchdogData } from "./watchdog.ts";

/** The thread of a `Watchdog`. If the counter is odd, an input runs. If the same odd number is seen twice, it runs for too long. */

const { shared, timeout, folder, target, seed } = workerData as WatchdogData;
const numbers = new Int32Array(shared, 0, 2);
let last = -1;

setInterval(() => {
  const counter = Atomics.load(numbers, COUNTER);
  if (counter === last && counter % 2 === 1) report();
  last = counter;
}, timeout);

function report(): void {
  const message = "an input does not end";
  const input = Buffer.from(new Uint8Array(shared, INPUT, Atomics.load(numbers, LENGTH)));
  const file = writeCrash(folder, { target, signature: message, message, stack: "", seed, input });
  // Not with `process.stderr`: the main thread would have to write it, and it is busy.
  writeSync(2, `${target}: ${message}, see ${file}\n`);
  process.kill(process.pid, "SIGKILL");
}
