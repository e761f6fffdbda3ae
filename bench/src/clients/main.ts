import type { Command, Report } from "../load/job.ts";
import { collectNodeGarbage } from "../servers/common.ts";
import { connectorOf } from "./libraries.ts";
import { openIdle, runClients } from "./run.ts";

// A process with a client library, which is measured: `node main.js ws`. It gets jobs and sends samples by IPC, and ends with the benchmark.
const connect = await connectorOf(process.argv[2] ?? "");

async function execute(command: Command): Promise<Report> {
  if ("run" in command) return { sample: await runClients(command.run, connect) };
  if ("hold" in command) return { held: (await openIdle(command.hold, connect)).length };
  if ("collect" in command) collectNodeGarbage();
  return { done: true };
}

process.on("message", (command: Command) => {
  void execute(command)
    .catch((error: unknown): Report => ({ failed: error instanceof Error ? error.message : String(error) }))
    .then((report) => process.send?.(report));
});
process.on("disconnect", () => process.exit(0));
