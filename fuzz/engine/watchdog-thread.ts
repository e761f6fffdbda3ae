import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";

import { writeCrash } from "./crash.ts";
import { BEAT, INPUT, LENGTH, type WatchdogOrder } from "./watchdog.ts";

/** The thread of a `Watchdog`. An odd beat: an input runs; the same one twice: it runs for too long. */

const { shared, patience, folder, target, seed } = workerData as WatchdogOrder;
const numbers = new Int32Array(shared, 0, 2);
let last = -1;

setInterval(() => {
  const beat = Atomics.load(numbers, BEAT);
  if (beat === last && beat % 2 === 1) tell();
  last = beat;
}, patience);

function tell(): void {
  const message = "an input does not end";
  const input = Buffer.from(new Uint8Array(shared, INPUT, Atomics.load(numbers, LENGTH)));
  const file = writeCrash(folder, { target, signature: message, message, stack: "", seed, input });
  // Not by `process.stderr`, which is the main thread's, and that one never comes to it.
  writeSync(2, `${target}: ${message}, see ${file}\n`);
  process.kill(process.pid, "SIGKILL");
}
