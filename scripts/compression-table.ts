import { writeFileSync } from "node:fs";
import { KINDS, type Kind, messagesOf } from "./compression/samples.ts";
import { cpuTime, measureDeflate, measureInflate, memoriesOf, payloadsOf, sum } from "./compression/measure.ts";
import { circumstances, inWords } from "./reliability/machine.ts";
import { type Column, markdownTable } from "./reliability/table.ts";
import { DEFAULT_COMPRESSION, type DeflateSettings } from "../src/compression/settings.ts";
import { sharedDeflater } from "../src/compression/shared-deflaters.ts";
import { deflateLater, inflateLater, setZlibWay } from "../src/compression/zlib.ts";
import type { Bytes } from "../src/protocol/bytes.ts";

/**
 * Measures what compression costs and saves, for the defaults of permessage-deflate.
 *
 *     node --import tsx scripts/compression-table.ts           prints the tables
 *     node --import tsx scripts/compression-table.ts --save    writes docs/compression-table.md
 */
const COUNT = 60;
const KIB = 1024;
const LEVELS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
/** Windows with the memory that fits to them, as `windowBits`/`memLevel`. */
const SHAPES = [[9, 1], [10, 2], [11, 4], [12, 5], [13, 6], [15, 8]] as const; // prettier-ignore
const JSON_KINDS = KINDS.filter(({ group }) => group === "JSON");
/** A list, of which any number of items may be sent. */
const [LARGE] = KINDS.filter(({ name }) => name.startsWith("list")) as [Kind];
const { level, windowBits, memLevel } = DEFAULT_COMPRESSION;

/** 1 KiB messages of each kind of JSON. */
const kilobytes = JSON_KINDS.map((kind) => messagesOf(kind, COUNT, KIB));

/** One figure of all kinds together. */
function all(settings: DeflateSettings, takeover: boolean): { percent: number; deflate: number } {
  const measured = kilobytes.map((messages) => measureDeflate(messages, settings, takeover));
  const payload = measured.reduce((total, one) => total + one.payload, 0);
  const plain = measured.reduce((total, one) => total + one.plain, 0);
  const deflate = measured.reduce((total, one) => total + one.deflate, 0) / measured.length;
  return { percent: (100 * payload) / plain, deflate };
}

function shapesTable(takeover: boolean): string {
  const base = all({ level: 6, windowBits: 15, memLevel: 8 }, takeover).deflate;
  const columns: Column<number>[] = SHAPES.map(([bits, memory]) => ({
    head: `${String(bits)}/${String(memory)}`,
    cell: (row) => {
      const { percent, deflate } = all({ level: row, windowBits: bits, memLevel: memory }, takeover);
      return `${percent.toFixed(1)} %, ${deflate.toFixed(1)} µs (${(deflate / base).toFixed(2)})`;
    },
  }));
  return markdownTable([{ head: "level", cell: String }, ...columns], [...LEVELS]);
}

/** The memory of a deflater in each shape, in KiB. Measured first, while no memory is free that could be used again. */
const memories = memoriesOf(
  SHAPES.map(([bits, memory]) => ({ level, windowBits: bits, memLevel: memory })),
  ...(messagesOf(LARGE, 1, 60 * KIB) as [Bytes]),
);

function memoryTable(): string {
  const columns = SHAPES.map(([bits, memory], i) => ({
    head: `${String(bits)}/${String(memory)}`,
    cell: (): string => ((memories[i] ?? 0) / KIB).toFixed(0),
  }));
  return markdownTable([{ head: "", left: true, cell: () => "KiB" }, ...columns], [0]);
}

function kindsTable(): string {
  const cell =
    (settings: DeflateSettings, takeover: boolean) =>
    (kind: Kind): string => {
      const { plain, payload, deflate } = measureDeflate(messagesOf(kind, COUNT), settings, takeover);
      return `${((100 * payload) / plain).toFixed(0)} %, ${deflate.toFixed(1)} µs`;
    };
  const settings = (one: number): DeflateSettings => ({ level: one, windowBits, memLevel });
  return markdownTable<Kind>(
    [
      { head: "message", left: true, cell: ({ name }) => name },
      { head: "bytes", cell: (kind) => (sum(messagesOf(kind, COUNT)) / COUNT).toFixed(0) },
      { head: "level 1", cell: cell(settings(1), false) },
      { head: `level ${String(level)} (default)`, cell: cell(settings(level), false) },
      { head: "level 9", cell: cell(settings(9), false) },
      { head: "level 1, takeover", cell: cell(settings(1), true) },
      { head: `level ${String(level)}, takeover`, cell: cell(settings(level), true) },
    ],
    KINDS,
  );
}

function sizesTable(): string {
  const groups = { JSON: [] as Kind[], text: [] as Kind[], binary: [] as Kind[] };
  for (const kind of KINDS) groups[kind.group].push(kind);
  const saved = (group: keyof typeof groups, size: number): string => {
    const payload = groups[group].flatMap((kind) =>
      payloadsOf(messagesOf(kind, COUNT, size), sharedDeflater(DEFAULT_COMPRESSION)),
    );
    return (size - sum(payload) / payload.length).toFixed(0);
  };
  const inflate = (size: number): number =>
    measureInflate(
      JSON_KINDS.flatMap((kind) => payloadsOf(messagesOf(kind, 20, size), sharedDeflater(DEFAULT_COMPRESSION))),
    );
  const deflate = (size: number): number =>
    JSON_KINDS.reduce(
      (total, kind) => total + measureDeflate(messagesOf(kind, 20, size), DEFAULT_COMPRESSION, false).deflate,
      0,
    ) / JSON_KINDS.length;
  return markdownTable<number>(
    [
      { head: "bytes", cell: String },
      { head: "saved of JSON", cell: (size) => saved("JSON", size) },
      { head: "saved of text", cell: (size) => saved("text", size) },
      { head: "saved of binary", cell: (size) => saved("binary", size) },
      { head: "compress JSON", cell: (size) => `${deflate(size).toFixed(1)} µs` },
      { head: "decompress JSON", cell: (size) => `${inflate(size).toFixed(1)} µs` },
    ],
    [32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096],
  );
}

function waysTable(): string {
  const messages = kilobytes.flat();
  const payloads = payloadsOf(messages, sharedDeflater(DEFAULT_COMPRESSION));
  const rows = (["kept", "one-shot"] as const).map((way) => {
    setZlibWay(way);
    const deflate = measureDeflate(messages, DEFAULT_COMPRESSION, false).deflate;
    return { way, deflate, inflate: measureInflate(payloads) };
  });
  setZlibWay(undefined);
  const [kept] = rows;
  const cell = (field: "deflate" | "inflate") => (row: (typeof rows)[number]) =>
    `${row[field].toFixed(1)} µs (${(row[field] / (kept?.[field] ?? 1)).toFixed(2)})`;
  return markdownTable(
    [
      {
        head: "zlib is called by",
        left: true,
        cell: ({ way }) => (way === "kept" ? "a kept handle" : "its public functions"),
      },
      { head: "compress 1 KiB", cell: cell("deflate") },
      { head: "decompress 1 KiB", cell: cell("inflate") },
    ],
    rows,
  );
}

/** Microseconds of CPU time of one job, in all threads together. */
async function jobTime(job: () => Promise<unknown>): Promise<number> {
  const [JOBS, REPEATS] = [10, 3];
  let shortest = Infinity;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = process.cpuUsage();
    for (let i = 0; i < JOBS; i++) await job();
    const { user, system } = process.cpuUsage(start);
    shortest = Math.min(shortest, (user + system) / JOBS);
  }
  return shortest;
}

interface Large {
  readonly size: number;
  readonly deflate: number;
  readonly deflateLater: number;
  readonly inflate: number;
  readonly inflateLater: number;
}

async function measureLarge(size: number): Promise<Large> {
  const shared = sharedDeflater(DEFAULT_COMPRESSION);
  const messages = messagesOf(LARGE, 1, size) as [Bytes];
  const [message] = messages;
  const [payload] = payloadsOf(messages, shared) as [Bytes];
  return {
    size,
    deflate: cpuTime(() => shared.deflate(message, 0, size)),
    deflateLater: await jobTime(() => deflateLater(() => message, DEFAULT_COMPRESSION)),
    inflate: measureInflate([payload]),
    inflateLater: await jobTime(() => inflateLater(payload, size)),
  };
}

async function largeTable(): Promise<string> {
  const rows: Large[] = [];
  for (const size of [4, 16, 32, 64, 128, 256, 512, 1024]) rows.push(await measureLarge(size * KIB));
  const inPool =
    (turn: "deflate" | "inflate", later: "deflateLater" | "inflateLater") =>
    (row: Large): string =>
      `${row[later].toFixed(0)} µs (${(row[later] / row[turn]).toFixed(2)})`;
  return markdownTable<Large>(
    [
      { head: "KiB of JSON", cell: ({ size }) => String(size / KIB) },
      { head: "compress", cell: ({ deflate }) => `${deflate.toFixed(0)} µs` },
      { head: "in the pool", cell: inPool("deflate", "deflateLater") },
      { head: "decompress", cell: ({ inflate }) => `${inflate.toFixed(0)} µs` },
      { head: "in the pool", cell: inPool("inflate", "inflateLater") },
    ],
    rows,
  );
}

const page = `# What compression costs and saves

The defaults of permessage-deflate are chosen from these tables. \`node --import tsx scripts/compression-table.ts --save\` makes
this page. All times are of one run on one machine: compare them with each other, not with those of another machine. It had
other work to do meanwhile, so the percentages are exact, and the times are not.

${inWords(circumstances())}.

A percentage is the size of the payload, without the frame's header, of the size of the message. A time is the CPU time of one
message. The messages are like those of real applications: JSON of eight kinds, text, and binary data. They differ from each other.

## What is chosen

- **Level ${String(level)}.** Above it, the time grows much faster than the bytes shrink. Below it, little time is saved.
- **Window ${String(windowBits)}, memLevel ${String(memLevel)}.** They save as much of messages of 1 KiB as zlib's own defaults (15/8), and nearly as much with context
  takeover, where each deflater of the pool needs its memory.
- **Threshold ${String(DEFAULT_COMPRESSION.threshold)} bytes.** A third of such a message is saved; of one half as large, a sixth.
- **Thread pool** for messages of 64 KiB or more, and for payloads of more than 16 KiB or that become more than 256 KiB: in the turn they would
  take the event loop about a millisecond or more, and in the pool they cost hardly more than in the turn. Smaller ones cost several
  times as much there.

## Level, window and memory

1 KiB of JSON, all eight kinds, without context takeover. A column is \`windowBits\`/\`memLevel\`. In brackets: the time as a
multiple of that of zlib's own defaults (level 6, 15/8).

${shapesTable(false)}

The same with context takeover: a message may refer to those before it.

${shapesTable(true)}

The memory of a deflater:

${memoryTable()}

## Kinds of messages

The messages as an application sends them, with ${String(windowBits)}/${String(memLevel)}.

${kindsTable()}

## Threshold

What compression saves, in bytes, of messages of one size, with the defaults and without context takeover. Less than 0: the
message becomes larger, and is sent as it is.

${sizesTable()}

## Kept handles

1 KiB of JSON, without context takeover. In brackets: as a multiple of the first line.

${waysTable()}

## Thread pool

A list as JSON, in the turn and in the thread pool. All times are CPU times, of all threads together. In brackets: as a multiple
of the time in the turn. Where that is near 1, the pool costs little, and the event loop is free meanwhile.

${await largeTable()}
`;

if (process.argv.includes("--save")) writeFileSync(new URL("../docs/compression-table.md", import.meta.url), page);
console.log(page);
