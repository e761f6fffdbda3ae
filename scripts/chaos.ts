// Lets Redis, servers, clients and the network between them fail, under numbered messages, and counts what was lost.
//   npm run chaos                             all failures: about 25 minutes
//   npm run chaos -- --short                  a smaller form of all
//   npm run chaos -- --only kill,failover     some of them
//   npm run chaos -- --slow-seconds 120       how long the slow clients read slowly; 600 by default, 60 with --short
//   npm run chaos -- --save docs/reliability/chaos.json
import { parseArgs } from "node:util";
import { endAll } from "./reliability/chaos/ends.ts";
import { broken, isGood } from "./reliability/chaos/record.ts";
import { FULL, SHORT, runChaos } from "./reliability/chaos/run.ts";
import { summaryOf } from "./reliability/chaos/summary.ts";
import { publish } from "./reliability/save.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    short: { type: "boolean", default: false },
    "slow-seconds": { type: "string" },
    save: { type: "string" },
  },
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => void endAll().finally(() => process.exit(1)));

const scale = values.short ? SHORT : FULL;
const record = await runChaos({
  scale: { ...scale, slowSeconds: Number(values["slow-seconds"] ?? scale.slowSeconds) },
  only: values.only?.split(","),
  onRow: (row) => {
    const faults = broken(row);
    console.log(`${row.name}, ${String(row.seconds)} s: ${faults.length === 0 ? "kept" : faults.join("; ")}`);
  },
});
publish(record, summaryOf(record), values.save);
process.exitCode = isGood(record) ? 0 : 1;
