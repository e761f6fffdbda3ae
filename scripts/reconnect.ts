// Kills a server again and again under numbered messages, and shows when 1,000 clients come back to a server that was restarted.
//   npx tsx scripts/reconnect.ts
//   npx tsx scripts/reconnect.ts --kills 5 --clients 50
//   npx tsx scripts/reconnect.ts --save docs/reliability/reconnect.json
import { parseArgs } from "node:util";
import { isGood, runKills } from "./reliability/reconnect/kills.ts";
import { runSpread } from "./reliability/reconnect/spread.ts";
import { type Histogram, histogramOf, summaryOf } from "./reliability/reconnect/summary.ts";
import { publish } from "./reliability/save.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    clients: { type: "string", default: "1000" },
    save: { type: "string" },
  },
});

const kills = await runKills({ kills: Number(values.kills), traffic: 100 });
const histograms: Histogram[] = [];
for (const baseDelay of [1_000, 5_000])
  histograms.push(histogramOf(await runSpread(Number(values.clients), baseDelay)));
publish({ ...kills, histograms }, summaryOf(kills, histograms), values.save);
process.exitCode = isGood(kills) ? 0 : 1;
