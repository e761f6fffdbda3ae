import type { Command, Report } from "./job.ts";
import { hold, run } from "./run.ts";

// The load generator's process: jobs come and samples go by IPC. It ends when the benchmark does.
let release: (() => void) | undefined;

async function obey(command: Command): Promise<Report> {
  if ("run" in command) return { sample: await run(command.run) };
  if ("hold" in command) {
    release = await hold(command.hold);
    return { held: command.hold.connections };
  }
  const letGo = release;
  release = undefined;
  letGo?.();
  return { done: true };
}

process.on("message", (command: Command) => {
  void obey(command)
    .catch((error: unknown): Report => ({ failed: error instanceof Error ? error.message : String(error) }))
    .then((report) => process.send?.(report));
});
process.on("disconnect", () => process.exit(0));
