import { BUILT } from "../measure/builds.ts";
import { check } from "./check.ts";
import type { Engine, EngineName } from "./engine.ts";
import { EngineMeter } from "./measure.ts";
import type { EngineSample } from "./measure.ts";
import { parseEngineWork } from "./work.ts";

/** What the process is asked for. */
export type EngineTask = "check" | "warm up" | "measure";

/** What it answers. */
export type EngineReport = { readonly sample: EngineSample } | { readonly failed: string } | { readonly done: true };

// One side at one work: `node main.js ws parse-text-20`. It ends when the benchmark lets go of it.
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

/** Neither side has the other's code in its process. */
async function load(side: EngineName): Promise<Engine> {
  if (side === "ws") return (await import("./theirs.ts")).wsEngine;
  const { loadHawser } = await import("./ours.ts");
  return loadHawser(process.env["HAWSER_BUILD"] ?? BUILT);
}
