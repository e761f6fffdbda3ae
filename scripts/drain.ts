// Terminates a server while many clients send without a pause, and counts which messages arrive.
//   node --import tsx scripts/drain.ts
//   node --import tsx scripts/drain.ts --clients 100 --seconds 1
//   node --import tsx scripts/drain.ts --save docs/reliability/drain.json
import { parseArgs } from "node:util";
import type { DrainRecord } from "./reliability/drain/record.ts";
import { runDrain } from "./reliability/drain/run.ts";
import { summaryOf } from "./reliability/drain/summary.ts";
import { publish } from "./reliability/save.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "300" },
    depth: { type: "string", default: "16" },
    seconds: { type: "string", default: "5" },
    save: { type: "string" },
  },
});

/** Whether no message was lost and everything happened in the right order. */
function isGood({
  plan,
  lost,
  notAccepted,
  outOfOrder,
  left,
  codes,
  connectAttempts,
  order,
  page,
  ...counts
}: DrainRecord): boolean {
  return (
    counts.counters.written === counts.received &&
    lost + notAccepted + outOfOrder + left === 0 &&
    codes["1001"] === plan.clients &&
    connectAttempts["503 with Retry-After"] === plan.connectAttempts &&
    order.map(({ what, times }) => `${String(times)} ${what}`).join() ===
      `${String(plan.clients)} connection,1 server,1 promise` &&
    page.during === 200 &&
    page.after === 200
  );
}

const record = await runDrain({
  clients: Number(values.clients),
  depth: Number(values.depth),
  seconds: Number(values.seconds),
  burst: 16,
  timeout: 10,
  connectAttempts: 50,
  closeBatchSize: 100,
});
publish(record, summaryOf(record), values.save);
process.exitCode = isGood(record) ? 0 : 1;
