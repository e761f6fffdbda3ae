import type { Command, Report } from "./job.ts";
import { type Held, hold, run } from "./run.ts";

// The process of the load generator. It receives jobs and sends samples by IPC, and ends with the benchmark.
let held: Held | undefined;

async function execute(command: Command): Promise<Report> {
  if ("run" in command) return { sample: await run(command.run) };
  if ("hold" in command) {
    held = await hold(command.hold);
    return { held: command.hold.connections };
  }
  if ("exchange" in command) {
    await held?.exchange(command.exchange);
    return { done: true };
  }
  if ("collect" in command) throw new Error("the load generator is not measured");
  const released = held;
  held = undefined;
  released?.release();
  return { done: true };
}

process.on("message", (command: Command) => {
  void execute(command)
    .catch((error: unknown): Report => ({ failed: error instanceof Error ? error.message : String(error) }))
    .then((report) => process.send?.(report));
});
process.on("disconnect", () => process.exit(0));
