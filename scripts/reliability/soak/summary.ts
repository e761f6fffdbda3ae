import { inWords } from "../machine.ts";
import { type Column, markdownTable, mebibytes, whole } from "../table.ts";
import type { Sample, SoakRecord } from "./record.ts";

/** A line of the table of results. */
interface Line {
  readonly what: string;
  readonly value: string;
}

const columns: readonly Column<Sample>[] = [
  { head: "connections opened", cell: ({ connects }) => whole(connects) },
  { head: "heap, MiB", cell: ({ heapUsed }) => mebibytes(heapUsed) },
  { head: "external, MiB", cell: ({ external }) => mebibytes(external) },
  { head: "RSS, MiB", cell: ({ rss }) => mebibytes(rss) },
  { head: "in `connections`", cell: ({ connections }) => whole(connections) },
  { head: "still in memory", cell: ({ held }) => whole(held) },
  { head: "handles", cell: ({ handles }) => whole(handles) },
];

/** The record as text, in Markdown. */
export function summaryOf(record: SoakRecord): string {
  const { circumstances, connects, seconds, failures, samples } = record;
  const rate = whole(connects / seconds);
  return [
    `# Soak: ${whole(connects)} connections`,
    inWords(circumstances),
    `${whole(seconds)} s, ${rate} connections a second, memory after a full garbage collection with no connection left.`,
    markdownTable(
      [
        { head: "result", left: true, cell: ({ what }) => what },
        { head: "value", cell: ({ value }) => value },
      ],
      linesOf(record),
    ),
    ...(failures.length === 0 ? [] : [`Failures:\n\n${failures.map((failure) => `- ${failure}`).join("\n")}`]),
    markdownTable(columns, aFew(samples)),
    markdownTable(
      [
        { head: "scenario", left: true, cell: ([name]) => name },
        { head: "connections", cell: ([, n]) => whole(n) },
      ],
      Object.entries(record.done),
    ),
  ].join("\n\n");
}

function linesOf(record: SoakRecord): Line[] {
  const { samples, growth, counts } = record;
  const { opened, closed } = counts.counters.connections;
  const { accepted, written, dropped, pending } = counts.counters.messages;
  const tenth = samples.find(({ connects }) => connects >= record.connects / 10);
  const end = samples.at(-1);
  const compared = (name: "heapUsed" | "rss"): string =>
    `${mebibytes(tenth?.[name] ?? NaN)} → ${mebibytes(end?.[name] ?? NaN)} MiB`;
  return [
    { what: "opened (`onOpen`)", value: whole(record.opened) },
    { what: "closed (`onTerminate`)", value: whole(record.closed) },
    { what: "opened, closed by `wss.counters`", value: `${whole(opened)}, ${whole(closed)}` },
    { what: "messages accepted", value: whole(accepted) },
    { what: "messages written + dropped + pending", value: [written, dropped, pending].map(whole).join(" + ") },
    { what: "left in `wss.connections`", value: whole(record.left) },
    { what: "leaked: ended and still in memory", value: whole(record.leaked) },
    { what: "promises that never settled", value: whole(record.waiting) },
    { what: "handles left after `wss.terminate()`", value: whole(record.handlesLeft) },
    { what: "connections that did not end as expected", value: whole(record.failures.length) },
    { what: "heap after 10 % and at the end", value: compared("heapUsed") },
    { what: "RSS after 10 % and at the end", value: compared("rss") },
    { what: "heap per connection, slope after the first 20 %", value: bytes(growth.heapUsed) },
    { what: "external memory per connection, the same", value: bytes(growth.external) },
    { what: "RSS per connection, the same", value: bytes(growth.rss) },
    { what: "flat", value: record.flat ? "yes" : "no" },
  ];
}

/** Ten samples and the last one. The record has all. */
function aFew(samples: readonly Sample[]): Sample[] {
  const step = Math.ceil(samples.length / 10);
  return samples.filter((_, i) => i % step === 0 || i === samples.length - 1);
}

function bytes(value: number): string {
  return `${value.toFixed(2)} bytes`;
}
