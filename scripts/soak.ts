// Connects and disconnects many times, in many ways, and measures the memory of the server.
//   npm run soak                            200,000 connections
//   npm run soak -- --connects 20000        fewer
//   npm run soak -- --save docs/reliability/soak.json
import { parseArgs } from "node:util";
import { publish } from "./reliability/save.ts";
import type { SoakRecord } from "./reliability/soak/record.ts";
import { runSoak } from "./reliability/soak/run.ts";
import { summaryOf } from "./reliability/soak/summary.ts";
import { mebibytes, whole } from "./reliability/table.ts";

/** How often the memory of the server is measured. */
const SAMPLES = 20;

const { values } = parseArgs({
  options: {
    connects: { type: "string", default: "200000" },
    "at-once": { type: "string", default: "100" },
    processes: { type: "string", default: "1" },
    save: { type: "string" },
  },
});

/** Whether nothing failed, and nothing is left. */
function isGood({ failures, opened, closed, left, leaked, waiting, handlesLeft, flat }: SoakRecord): boolean {
  return failures.length === 0 && opened === closed && left + leaked + waiting + handlesLeft === 0 && flat;
}

const record = await runSoak({
  connects: Number(values.connects),
  every: Math.ceil(Number(values.connects) / SAMPLES),
  atOnce: Number(values["at-once"]),
  processes: Number(values.processes),
  onSample: ({ connects, seconds, heapUsed, rss, held }) => {
    const memory = `heap ${mebibytes(heapUsed)} MiB, RSS ${mebibytes(rss)} MiB, ${whole(held)} still in memory`;
    console.log(`${whole(connects)} connections, ${whole(seconds)} s: ${memory}`);
  },
});
publish(record, summaryOf(record), values.save);
process.exitCode = isGood(record) ? 0 : 1;
