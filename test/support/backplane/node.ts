import type {
  AppendOptions,
  Appended,
  Backplane,
  BackplaneStage,
  BackplaneStatus,
  Driver,
  DriverHost,
  HistoryRule,
  Page,
} from "../../../src/backplane/contract.ts";
import { randomName } from "../../../src/backplane/ids.ts";
import { type DecodedPacket, decodePacket, plainPacket } from "../../../src/backplane/packet.ts";
import { type DecodedRecord, decodeRecord, recordId } from "../../../src/backplane/record.ts";
import { type Bytes, copyOf } from "../../../src/protocol/bytes.ts";
import { message, textOf } from "./records.ts";
import { until } from "./until.ts";

/** A packet that a node got. */
export interface SeenPacket {
  readonly topic: string | undefined;
  readonly packet: Bytes;
  /** Undefined: it was none of ours. */
  readonly decoded: DecodedPacket | undefined;
}

/** A message that a node got. */
export interface SeenMessage {
  /** Undefined: the topic has no history. */
  readonly offset: number | undefined;
  /** The id of the message before it, if the packet tells it. */
  readonly before: string | undefined;
  readonly record: DecodedRecord;
  readonly text: string;
}

/** Nothing is trimmed by this. */
export const wide: HistoryRule = { size: 10_000, ttl: 600_000 };

/** A driver, and what it has told. */
export class TestNode implements DriverHost {
  readonly name = randomName();
  readonly driver: Driver;
  readonly rules: string;
  readonly packets: SeenPacket[] = [];
  readonly lost: (readonly string[] | "all")[] = [];
  readonly statuses: BackplaneStatus[] = [];
  readonly failures: (readonly [BackplaneStage, unknown])[] = [];
  /** Is called for each packet, after it was noted. */
  onNext: (() => void) | undefined;

  constructor(backplane: Backplane, rules = "{}") {
    this.rules = rules;
    this.driver = backplane.createDriver();
  }

  /** Opens the driver, and waits until it is ready. */
  async open(): Promise<this> {
    await this.driver.open(this, this.name);
    await until("ready", () => this.statuses.includes("ready"));
    return this;
  }

  onPacket(topic: string | undefined, packet: Bytes): void {
    // Unless it says otherwise, a driver may use the memory again.
    const kept = this.driver.keepsPackets ? packet : copyOf(packet);
    this.packets.push({ topic, packet: kept, decoded: decodePacket(kept) });
    this.onNext?.();
  }

  onLost(topics: readonly string[] | "all"): void {
    this.lost.push(topics);
  }

  onStatus(status: BackplaneStatus): void {
    this.statuses.push(status);
  }

  onFailed(stage: BackplaneStage, error: unknown): void {
    this.failures.push([stage, error]);
  }

  /** The messages of a topic that have come. Undefined: those for all nodes. */
  seen(topic: string | undefined): SeenMessage[] {
    return this.packets.filter((one) => one.topic === topic).flatMap(({ decoded }) => messagesOf(decoded));
  }

  /** The texts of the messages of a topic that have come. */
  texts(topic: string | undefined): string[] {
    return this.seen(topic).map(({ text }) => text);
  }

  /** Waits until this many messages of a topic have come. */
  async come(topic: string | undefined, count: number): Promise<SeenMessage[]> {
    await until(
      () => `${count} messages of ${JSON.stringify(topic)}, got ${this.seen(topic).length}`,
      () => this.seen(topic).length >= count,
    );
    return this.seen(topic);
  }

  /** Sends a message that is not stored. */
  send(topic: string | undefined, payload: string | Uint8Array): boolean {
    return this.driver.send(topic, plainPacket([message(payload)]));
  }

  /** Stores messages as one batch. */
  append(topic: string, texts: string | readonly string[], rule = wide, options?: AppendOptions): Promise<Appended> {
    const records = (typeof texts === "string" ? [texts] : texts).map((text) => message(text));
    return this.driver.append(topic, rule, records, options);
  }

  /** Stores messages one by one, all in one turn. */
  appendAll(topic: string, texts: readonly string[], rule = wide): Promise<Appended[]> {
    return Promise.all(texts.map((text) => this.append(topic, text, rule)));
  }

  /** Everything that is kept of a topic, page by page. */
  async readAll(topic: string, rule = wide, after = 0): Promise<Page[]> {
    const pages = [await this.driver.read(topic, rule, after)];
    for (;;) {
      const last = pages.at(-1)?.entries.at(-1);
      if (last === undefined || last.offset >= pages.at(-1)!.top.offset) return pages;
      pages.push(await this.driver.read(topic, rule, last.offset));
    }
  }
}

function messagesOf(packet: DecodedPacket | undefined): SeenMessage[] {
  if (packet === undefined) return [];
  const { history, records } = packet;
  return records.map((bytes, i) => {
    const record = decodeRecord(bytes)!;
    const previous = records[i - 1];
    const before = history && (previous === undefined ? history.before : recordId(previous));
    return { offset: history && history.first + i, before, record, text: textOf(record.payload) };
  });
}

/** The texts of a page. */
export function textsOf({ entries }: Page): string[] {
  return entries.map(({ record }) => textOf(decodeRecord(record)!.payload));
}
