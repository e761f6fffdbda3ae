import type { Driver } from "../backplane/contract.ts";
import { plainPacket } from "../backplane/packet.ts";
import type { Bytes } from "../protocol/bytes.ts";

/** The most messages, and bytes, of one packet. */
const MAX_RECORDS = 256;
const MAX_SIZE = 64 * 1024;

/** Messages of one topic that leave as one packet. */
interface Batch {
  records: Bytes[];
  size: number;
}

/** Counts of messages for the other nodes. */
export interface SentCounters {
  /** Messages that were handed to the broker. */
  sent: number;
  /** Messages that were dropped: the broker was away, or slow. */
  dropped: number;
}

/** Bundles what is published without history: one packet for each topic, for all callbacks that run before the next microtask. */
export class PlainOutbox {
  readonly #driver: Pick<Driver, "send">;
  readonly #counters: SentCounters;
  /** By the topic; undefined: for all nodes. */
  readonly #batches = new Map<string | undefined, Batch>();
  #isScheduled = false;

  constructor(driver: Pick<Driver, "send">, counters: SentCounters) {
    this.#driver = driver;
    this.#counters = counters;
  }

  /** Adds a message. */
  add(topic: string | undefined, record: Bytes): void {
    let batch = this.#batches.get(topic);
    if (batch === undefined) this.#batches.set(topic, (batch = { records: [], size: 0 }));
    batch.records.push(record);
    batch.size += record.length;
    if (batch.records.length === MAX_RECORDS || batch.size >= MAX_SIZE) this.#send(topic, batch);
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(() => this.flush());
    }
  }

  /** Hands over all messages. */
  flush(): void {
    this.#isScheduled = false;
    for (const [topic, batch] of this.#batches) this.#send(topic, batch);
  }

  #send(topic: string | undefined, { records }: Batch): void {
    this.#batches.delete(topic);
    const isSent = this.#driver.send(topic, plainPacket(records));
    this.#counters[isSent ? "sent" : "dropped"] += records.length;
  }
}
