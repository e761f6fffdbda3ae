import { BUILT } from "../measure/builds.ts";
import { check } from "./check.ts";
import type { Engine, EngineName } from "./engine.ts";
import { EngineMeter } from "./measure.ts";
import type { EngineSample } from "./measure.ts";
import { parseEngineWork } from "./work.ts";

/** A command to the process. */
export type EngineTask = "check" | "warm up" | "measure";

/** The answer to a command. */
export type EngineReport = { readonly sample: EngineSample } | { readonly failed: string } | { readonly done: true };

// The process of one engine and one workload: `node main.js ws parse-text-20`. The benchmark ends it.
const [name, id = ""] = process.argv.slice(2);
const work = parseEngineWork(id);
const engine = await load(name as EngineName);
let meter: EngineMeter | undefined;

process.on("message", (task: EngineTask) => {
  answer(task)
    .catch((error: unknown) => ({ failed: error instanceof Error ? error.message : String(error) }))
    .then((report: EngineReport) => process.send!(report));
});

async function answer(task: EngineTask): Promise<EngineReport> {
  if (task === "check") check(work, engine);
  else {
    meter ??= new EngineMeter(work, engine);
    if (task === "measure") return { sample: await meter.part() };
    await meter.warmUp();
  }
  return { done: true };
}

/** Loads only the engine that is measured. */
async function load(engineName: EngineName): Promise<Engine> {
  if (engineName === "ws") return (await import("./theirs.ts")).wsEngine;
  const { loadHawser } = await import("./ours.ts");
  return loadHawser(process.env["HAWSER_BUILD"] ?? BUILT);
}
