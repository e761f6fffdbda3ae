import { readFileSync } from "node:fs";
import { Random } from "../../fuzz/engine/random.ts";
import { type Bytes, asBytes } from "../../src/protocol/bytes.ts";

/** A kind of messages that applications send. */
export interface Kind {
  readonly name: string;
  readonly group: "JSON" | "text" | "binary";
  /** One message as an application sends it. The same random numbers give the same message. */
  readonly one: (random: Random, index: number) => string | Buffer;
}

const root = new URL("../../", import.meta.url);
const lock = readFileSync(new URL("package-lock.json", root), "latin1");
const readme = readFileSync(new URL("README.md", root), "utf8");
const image = readFileSync(new URL("docs/chat.png", root));

const NAMES = [
  "Amelie",
  "Bogdan",
  "Chiara",
  "Dmitri",
  "Esra",
  "Femke",
  "Günther",
  "Hana",
  "Ibrahim",
  "Jørgen",
] as const;
const WORDS = readme.match(/[A-Za-z]{2,}/g) ?? [];
const PAIRS = ["BTC-EUR", "ETH-EUR", "BTC-USD", "SOL-USD", "XRP-EUR", "ADA-USDT"] as const;

function time(index: number): string {
  return new Date(Date.UTC(2026, 0, 5, 8, 0, index, (index * 137) % 1000)).toISOString();
}

function id(random: Random): string {
  return `${random.bytes(4).toString("hex")}-${random.bytes(2).toString("hex")}-4${random.bytes(2).toString("hex").slice(1)}-a${random.bytes(2).toString("hex").slice(1)}-${random.bytes(6).toString("hex")}`;
}

function sentence(random: Random, words: number): string {
  return Array.from({ length: words }, () => random.pick(WORDS)).join(" ");
}

function price(random: Random, base: number): string {
  return (base + random.below(100_000) / 100).toFixed(2);
}

/** OCPP 2.0.1: what a charging station reports about a transaction. */
function ocpp(random: Random, index: number): string {
  const value = (measurand: string, unit: string, phase?: string): object => ({
    value: random.below(1_000_000) / 1000,
    context: "Sample.Periodic",
    measurand,
    ...(phase === undefined ? {} : { phase }),
    location: "Outlet",
    unitOfMeasure: { unit },
  });
  const sampledValue = [
    value("Energy.Active.Import.Register", "Wh"),
    ...["L1", "L2", "L3"].map((phase) => value("Current.Import", "A", phase)),
    value("Power.Active.Import", "W"),
    value("SoC", "Percent"),
  ];
  const event = {
    eventType: "Updated",
    timestamp: time(index),
    triggerReason: "MeterValuePeriodic",
    seqNo: index,
    transactionInfo: { transactionId: id(random), chargingState: "Charging", timeSpentCharging: index * 60 },
    evse: { id: 1 + random.below(4), connectorId: 1 },
    meterValue: [{ timestamp: time(index), sampledValue }],
  };
  return JSON.stringify([2, id(random), "TransactionEvent", event]);
}

function ticker(random: Random, index: number): string {
  const last = 20_000 + random.below(5000);
  return JSON.stringify({
    type: "ticker",
    sequence: 48_811_520_000 + index * 3,
    product_id: random.pick(PAIRS),
    price: price(random, last),
    open_24h: price(random, last - 300),
    volume_24h: price(random, 4000),
    low_24h: price(random, last - 900),
    high_24h: price(random, last + 700),
    best_bid: price(random, last),
    best_bid_size: (random.below(1e8) / 1e8).toFixed(8),
    best_ask: price(random, last),
    best_ask_size: (random.below(1e8) / 1e8).toFixed(8),
    side: random.oneIn(2) ? "buy" : "sell",
    time: time(index),
    trade_id: 70_000_000 + index,
    last_size: (random.below(1e8) / 1e8).toFixed(8),
  });
}

/** Trades in one message: they are more alike than other values. */
function trades(random: Random, index: number): string {
  const items = Array.from({ length: 12 }, (_, i) => ({
    id: 7_919_000 + index * 12 + i,
    symbol: "BTC-EUR",
    price: price(random, 20_000),
    size: random.below(9),
    side: random.oneIn(2) ? "buy" : "sell",
  }));
  return JSON.stringify(items);
}

function orderBook(random: Random, index: number): string {
  const levels = (): string[][] =>
    Array.from({ length: 20 }, (_, i) => [price(random, 20_000 + i * 10), (random.below(1e6) / 1e4).toFixed(4)]);
  return JSON.stringify({
    e: "depthUpdate",
    E: 1_767_600_000_000 + index * 100,
    s: random.pick(PAIRS).replace("-", ""),
    U: 157 + index * 20,
    u: 160 + index * 20,
    b: levels(),
    a: levels(),
  });
}

function chat(random: Random, index: number): string {
  const user = random.below(NAMES.length);
  return JSON.stringify({
    type: "message",
    id: id(random),
    channel: `general-${random.below(5)}`,
    user: { id: 1000 + user, name: NAMES[user], avatar: `https://cdn.example.com/avatars/${1000 + user}.png` },
    text: sentence(random, random.between(3, 30)) + (random.oneIn(4) ? " 😀" : ""),
    sentAt: time(index),
    ...(random.oneIn(3) ? { replyTo: id(random) } : {}),
  });
}

function geoJson(random: Random, index: number): string {
  const [east, north] = [8 + random.below(1e6) / 1e6, 47 + random.below(1e6) / 1e6];
  const coordinates = Array.from({ length: 30 }, (_, i) => [
    Number((east + i * 0.0011 + random.below(900) / 1e6).toFixed(6)),
    Number((north + i * 0.0007 + random.below(900) / 1e6).toFixed(6)),
  ]);
  return JSON.stringify({
    type: "Feature",
    id: index,
    geometry: { type: "LineString", coordinates },
    properties: {
      vehicle: `bus-${random.below(300)}`,
      line: String(random.below(90)),
      delay: random.below(600),
      at: time(index),
    },
  });
}

/** A page of a list, as an answer of JSON-RPC. */
function list(random: Random, index: number): string {
  const result = Array.from({ length: 10 }, (_, i) => ({
    id: index * 10 + i,
    title: sentence(random, 5),
    description: random.oneIn(4) ? null : sentence(random, 12),
    state: random.pick(["open", "closed", "draft"]),
    assignee: { id: random.below(500), login: random.pick(NAMES).toLowerCase() },
    labels: random.oneIn(2) ? [] : ["bug", "help wanted"],
    createdAt: time(index + i),
    updatedAt: time(index + i * 7),
  }));
  return JSON.stringify({ jsonrpc: "2.0", id: index, result: { items: result, total: 4321, next: index + 1 } });
}

/** About 1 KiB of a file, from a place that depends on the index. */
function part(file: string, index: number): string {
  const start = (index * 977) % (file.length - 1024);
  return file.slice(start, start + 1024);
}

function log(random: Random, index: number): string {
  const level = random.pick(["INFO", "INFO", "INFO", "WARN", "DEBUG"]);
  return `${time(index)} ${level} [worker-${random.below(8)}] GET /api/v1/items/${random.below(99_999)}?page=${random.below(20)} 200 ${random.below(900)}ms user=${random.below(5000)} trace=${random.bytes(8).toString("hex")}\n`;
}

/** Protocol Buffers: tags, varints, doubles and short strings. */
function protobuf(random: Random, index: number): Buffer {
  const parts: Buffer[] = [];
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  for (let i = 0; i < 8; i++) {
    const name = Buffer.from(`sensor/${random.below(40)}/temperature`);
    const double = Buffer.alloc(8);
    double.writeDoubleLE(15 + random.below(2000) / 100);
    parts.push(Buffer.from([0x0a, name.length]), name, Buffer.from([0x10, ...varint(1_767_600_000 + index * 60 + i)]));
    parts.push(Buffer.from([0x19]), double, Buffer.from([0x20, random.below(3)]));
  }
  return Buffer.concat(parts);
}

/** A series of measured values. */
function floats(random: Random, index: number): Buffer {
  const values = Float32Array.from(
    { length: 256 },
    (_, i) => Math.sin((index + i) / 40) * 10 + random.below(100) / 1000,
  );
  return Buffer.from(values.buffer);
}

/** All kinds. */
export const KINDS: readonly Kind[] = [
  { name: "OCPP 2.0.1", group: "JSON", one: ocpp },
  { name: "ticker of an exchange", group: "JSON", one: ticker },
  { name: "order book of an exchange", group: "JSON", one: orderBook },
  { name: "trades of an exchange", group: "JSON", one: trades },
  { name: "chat", group: "JSON", one: chat },
  { name: "GeoJSON", group: "JSON", one: geoJson },
  { name: "list, JSON-RPC", group: "JSON", one: list },
  { name: "parts of package-lock.json", group: "JSON", one: (_random, index) => part(lock, index) },
  { name: "parts of README.md", group: "text", one: (_random, index) => part(readme, index) },
  { name: "lines of a log", group: "text", one: log },
  { name: "Protocol Buffers", group: "binary", one: protobuf },
  { name: "float32 values", group: "binary", one: floats },
  {
    name: "parts of an image (PNG)",
    group: "binary",
    one: (_random, index) => image.subarray((index * 977) % 48_000).subarray(0, 1024),
  },
];

/**
 * Messages of a kind, the same ones each time.
 *
 * @param size the size of each: several messages are joined and cut. Default: as the application sends them
 */
export function messagesOf(kind: Kind, count: number, size?: number): Bytes[] {
  const random = new Random(14);
  let index = 0;
  const next = (): Buffer => Buffer.from(kind.one(random, index++));
  return Array.from({ length: count }, () => {
    if (size === undefined) return asBytes(next());
    const parts: Buffer[] = [];
    for (let length = 0; length < size; length += parts.at(-1)?.length ?? size) parts.push(next());
    return asBytes(Buffer.concat(parts).subarray(0, size));
  });
}
