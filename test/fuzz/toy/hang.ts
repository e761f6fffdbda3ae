import { Watchdog } from "../../../fuzz/engine/watchdog.ts";

/** Run by watchdog.test.ts in a process of its own, which it does not survive. */
const folder = process.argv[2] ?? "";
const watch = new Watchdog({ timeout: 100, folder, target: "toy", seed: 5 });
watch.begin(Buffer.from("ended"));
watch.end();
watch.begin(Buffer.from("endless"));
for (;;);
