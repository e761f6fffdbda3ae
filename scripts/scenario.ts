// Runs random scenarios of servers and peers, one after the other, until the time is over.
//   npx tsx scripts/scenario.ts                     for a minute, from a random seed
//   npx tsx scripts/scenario.ts --minutes 10 --seed 1
//   npx tsx scripts/scenario.ts --seed 4711 --runs 1   one scenario again
import { parseArgs } from "node:util";
import { runScenario } from "../test/support/scenario/run.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string" }, seed: { type: "string" }, runs: { type: "string" } },
});
const runs = Number(values.runs ?? Infinity);
const minutes = Number(values.minutes ?? (values.runs === undefined ? 1 : Infinity));
const first = Number(values.seed ?? Date.now() % 1_000_000);
const end = performance.now() + minutes * 60_000;
const tally: Record<string, number> = {};
let done = 0;
let failed = 0;
console.log(`seed ${String(first)}`);
for (; done < runs && performance.now() < end; done++) {
  const outcome = await runScenario(first + done);
  for (const [what, times] of Object.entries(outcome.tally)) tally[what] = (tally[what] ?? 0) + times;
  if (outcome.faults.length === 0) continue;
  failed++;
  console.log(`\nscenario ${String(first + done)}:`);
  for (const fault of outcome.faults) console.log(`  ${fault}`);
}
console.log(`\n${String(done)} scenarios, ${String(failed)} of them with faults`);
for (const [what, times] of Object.entries(tally).sort(([a], [b]) => (a < b ? -1 : 1)))
  console.log(`  ${what}: ${String(times)}`);
process.exitCode = failed === 0 ? 0 : 1;
