import { parseArgs } from "node:util";
import { circumstances, inWords } from "./reliability/machine.ts";
import { publish } from "./reliability/save.ts";
import { KINDS, type Record, transfer } from "./reliability/streams/transfers.ts";
import { markdownTable, mebibytes } from "./reliability/table.ts";

/**
 * Transfers messages that are larger than the memory that they may take: each way, plain and compressed, with a fast and a slow
 * reader. Server and peer have a process each.
 *
 *     npm run streams -- --save docs/reliability/streams.json
 */
const { values } = parseArgs({
  options: {
    /** A JSON file for the record. */
    save: { type: "string" },
    /** The size of a message in MiB. */
    mib: { type: "string", default: "1024" },
  },
});

/** The most MiB by which the resident memory of the server may grow. */
const MOST = 64;

const machine = circumstances();
const records: Record[] = [];
for (const kind of KINDS) {
  const record = await transfer(kind, Number(values.mib) * 2 ** 20);
  console.log(JSON.stringify(record));
  records.push(record);
}

const table = markdownTable(
  [
    { head: "to the server, or from it", left: true, cell: ({ direction }) => (direction === "in" ? "to" : "from") },
    { head: "compressed", left: true, cell: ({ isCompressed }) => (isCompressed ? "yes" : "no") },
    { head: "reader", left: true, cell: ({ isSlow }) => (isSlow ? "slow" : "fast") },
    { head: "seconds", cell: ({ seconds }) => seconds.toFixed(1) },
    { head: "growth of RSS, MiB", cell: ({ growth }) => mebibytes(growth) },
    { head: "heartbeats", cell: ({ pings }) => String(pings) },
    { head: "answered", cell: ({ pongs }) => String(pongs) },
    { head: "slowest answer, ms", cell: ({ slowestMs }) => slowestMs.toFixed(0) },
  ],
  records,
);
publish(
  { machine, records },
  `# Streams\n\n${inWords(machine)}; \`npm run streams\`: one message of ${values.mib} MiB each.\n\n${table}`,
  values.save,
);
const failed = records.filter(
  ({ isSame, pings, pongs, growth }) => !isSame || pongs < pings || growth > MOST * 2 ** 20,
);
if (failed.length > 0) {
  console.error("failed:", failed);
  process.exitCode = 1;
}
