import type { Appended, Driver, HistoryRule, Mark } from "../backplane/contract.ts";
import { recordId } from "../backplane/record.ts";
import { HawserError, hasCode } from "../errors/errors.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { Fifo } from "../util/fifo.ts";
import { ownText } from "../util/own-text.ts";

/** The most bytes of one call to the broker. One message may have more. */
const MAX_BATCH_SIZE = 64 * 1024;

/** Topics whose newest message is remembered: with it a further try can be told from the first one. */
const MAX_MARKS = 10_000;

/** Milliseconds until a call is tried again that has failed although the broker can be reached. */
const RETRY_MS = 100;

/** What the queue needs of the server's node. */
export interface AppendNode {
  /** The broker. */
  readonly driver: Pick<Driver, "append" | "maxBatch">;
  /** Whether the broker can be reached. */
  readonly isReady: boolean;
  /** Resolves with true when the broker can be reached; with false after this many milliseconds. */
  whenReady(ms: number): Promise<boolean>;
}

/** How long, and how much, waits for a broker. */
export interface AppendLimits {
  /** Milliseconds for which a message waits to be stored. */
  readonly publishTimeout: number;
  /** Bytes of all messages that wait. */
  readonly maxBackplaneQueue: number;
}

/** A message that waits. */
interface Waiting {
  readonly record: Bytes;
  /** The application's name for it. */
  readonly id: string | undefined;
  /** When it is given up, on the clock of `performance.now()`. */
  readonly until: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** The messages of one topic that wait. */
interface TopicQueue {
  readonly topic: string;
  readonly rule: HistoryRule;
  readonly waiting: Fifo<Waiting>;
}

/** The messages of one call. */
type Batch = readonly [Waiting, ...Waiting[]];

/**
 * Hands messages to a broker on another machine: those of one topic in the order of the calls, also over its absence. One call of a topic is
 * under way at a time, and what comes meanwhile is the next one. A call whose answer was lost is tried again, if it can be told whether it had
 * been stored.
 */
export class AppendQueue {
  readonly #node: AppendNode;
  readonly #limits: AppendLimits;
  /** The topics that have a call under way. */
  readonly #topics = new Map<string, TopicQueue>();
  /** The newest message of topics that this server has published to. */
  readonly #marks = new Map<string, Mark>();
  #size = 0;
  #isClosed = false;
  #onIdle: (() => void) | undefined;

  constructor(node: AppendNode, limits: AppendLimits) {
    this.#node = node;
    this.#limits = limits;
  }

  /** Whether one more message may wait. */
  hasSpaceFor(record: Bytes): boolean {
    return this.#size + record.length <= this.#limits.maxBackplaneQueue;
  }

  /** Stores a message. It rejects as `Driver.append` does. */
  append(topic: string, rule: HistoryRule, record: Bytes, id: string | undefined): Promise<Appended> {
    if (this.#isClosed) return Promise.reject(new HawserError("HWS_BACKPLANE_AWAY"));
    return new Promise((resolve, reject) => {
      this.#size += record.length;
      const waiting = { record, id, until: performance.now() + this.#limits.publishTimeout, resolve, reject };
      const queue = this.#topics.get(topic);
      if (queue !== undefined) queue.waiting.push(waiting);
      // The name may have been cut from a long message.
      else this.#start(ownText(topic), rule, waiting);
    });
  }

  /** Waits for what is under way, until `over` resolves. After that nothing is handed over any more. */
  async close(over: Promise<void>): Promise<void> {
    if (this.#topics.size > 0) {
      const idle = new Promise<void>((resolve) => (this.#onIdle = resolve));
      await Promise.race([over, idle]);
    }
    this.#isClosed = true;
  }

  #start(topic: string, rule: HistoryRule, first: Waiting): void {
    const queue: TopicQueue = { topic, rule, waiting: new Fifo<Waiting>() };
    queue.waiting.push(first);
    this.#topics.set(topic, queue);
    // What the callbacks publish that run now goes along.
    queueMicrotask(() => this.#next(queue));
  }

  #next(queue: TopicQueue): void {
    const first = queue.waiting.shift();
    if (first !== undefined) return void this.#store(queue, this.#take(first, queue.waiting));
    this.#topics.delete(queue.topic);
    if (this.#topics.size === 0) this.#onIdle?.();
  }

  /** The messages of the next call. One with a name of the application goes alone: it may be a duplicate. */
  #take(first: Waiting, queue: Fifo<Waiting>): Batch {
    const batch: [Waiting, ...Waiting[]] = [first];
    let size = first.record.length;
    for (let next = queue.first; next !== undefined && first.id === undefined; next = queue.first) {
      size += next.record.length;
      if (next.id !== undefined || size > MAX_BATCH_SIZE || batch.length === this.#node.driver.maxBatch) break;
      batch.push(next);
      queue.shift();
    }
    return batch;
  }

  /** It does not reject. */
  async #store(queue: TopicQueue, batch: Batch): Promise<void> {
    const { topic, rule } = queue;
    try {
      const { epoch, first, isDuplicate } = await this.#tryUntil(topic, rule, batch);
      const id = recordId((batch.at(-1) ?? batch[0]).record);
      // The number of a duplicate is that of an older message, which may be of another server.
      if (!isDuplicate) this.#remember(topic, { epoch, offset: first + batch.length - 1, id });
      for (const [index, { resolve }] of batch.entries()) resolve({ epoch, first: first + index, isDuplicate });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      for (const { record } of batch) this.#size -= record.length;
    }
    this.#next(queue);
  }

  async #tryUntil(topic: string, rule: HistoryRule, batch: Batch): Promise<Appended> {
    const { until, id } = batch[0];
    const records = batch.map(({ record }) => record);
    const before = this.#marks.get(topic);
    // An earlier try may have stored it.
    let isAgain = false;
    let failure: unknown;
    for (;;) {
      const left = until - performance.now();
      const isReady = left > 0 && !this.#isClosed && (this.#node.isReady || (await this.#node.whenReady(left)));
      if (!isReady) throw (failure ?? new HawserError("HWS_BACKPLANE_AWAY")) as Error;
      try {
        const again = isAgain ? before : undefined;
        return await this.#node.driver.append(topic, rule, records, { again, id });
      } catch (error) {
        const isUncertain = hasCode(error, "HWS_PUBLISH_UNCERTAIN");
        // A name of the application tells a further try from the first one too.
        const canTell = before !== undefined || id !== undefined;
        const isRetried = hasCode(error, "HWS_BACKPLANE_AWAY") || (isAgain && hasCode(error, "HWS_BACKPLANE_FULL"));
        // After a first try that may be stored, no other failure says that nothing is.
        if (!isRetried && !(isUncertain && canTell)) throw isAgain ? failure : error;
        if (!isAgain) failure = error;
        isAgain ||= isUncertain;
        // The process must not end before the caller is told.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #remember(topic: string, mark: Mark): void {
    this.#marks.delete(topic);
    this.#marks.set(topic, mark);
    if (this.#marks.size <= MAX_MARKS) return;
    const [oldest] = this.#marks.keys();
    if (oldest !== undefined) this.#marks.delete(oldest);
  }
}
