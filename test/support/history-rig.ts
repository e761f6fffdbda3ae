import type { Driver } from "../../src/backplane/contract.ts";
import type { SharedMessage } from "../../src/connection/sending/shared-message.ts";
import { newHistoryCounters } from "../../src/topics/history-counters.ts";
import type { HistoryPayload, ReceiverCalls, Sent, WSGapEvent } from "../../src/topics/receiver-calls.ts";
import { PageTurns, ReadTurns } from "../../src/topics/page-turns.ts";
import { MemoryBudget } from "../../src/topics/recent-messages.ts";
import type { HistoryContext } from "../../src/topics/history-context.ts";
import { PageMemory } from "../../src/topics/waiting-page.ts";
import { TopicHistory } from "../../src/topics/topic-history.ts";
import { FakeDriver } from "./fake-driver.ts";

/** A subscriber that notes what it gets. */
export class Reader {
  readonly id: number;
  /** What it got: texts, and gaps. */
  readonly got: string[] = [];
  /** What becomes of the next messages; after them they are accepted. */
  fates: Sent[] = [];
  isCongested = false;
  isGone = false;
  drain: () => void = () => undefined;

  constructor(id: number) {
    this.id = id;
  }
}

/** What a reader gets, as a text. */
interface Shown {
  readonly shown: string;
}

/** Sends to readers. */
export class ReaderCalls implements ReceiverCalls<Reader> {
  readonly failures: unknown[] = [];

  share({ header, payload }: HistoryPayload): SharedMessage {
    const text =
      header === undefined
        ? ""
        : header
            .slice(1, -1)
            .split(" ")
            .filter((_, index) => index !== 1)
            .join(" ");
    const shown = `${text}${header === undefined || payload.length === 0 ? "" : ": "}${String(payload)}`;
    return { shown } as Shown as unknown as SharedMessage;
  }

  inSendLoop(run: () => void): void {
    run();
  }

  send(reader: Reader, message: SharedMessage): Sent {
    if (reader.isGone) return "dropped";
    const sent = reader.fates.shift() ?? "accepted";
    if (sent !== "dropped") reader.got.push((message as unknown as Shown).shown);
    if (sent !== "accepted") reader.isCongested = true;
    return sent;
  }

  isOpen(reader: Reader): boolean {
    return !reader.isGone;
  }

  isCongested(reader: Reader): boolean {
    return reader.isGone || reader.isCongested;
  }

  drained(reader: Reader): Promise<boolean> {
    if (reader.isGone) return Promise.resolve(false);
    if (!reader.isCongested) return Promise.resolve(true);
    const others = reader.drain;
    return new Promise((resolve) => {
      reader.drain = () => {
        others();
        reader.isCongested = false;
        resolve(!reader.isGone);
      };
    });
  }

  onGap(reader: Reader, { reason, position }: WSGapEvent): void {
    reader.got.push(`gap ${reason} at ${String(Number.parseInt(position.split(".")[1]!, 36))}`);
  }

  onFailed(_stage: unknown, error: unknown): void {
    this.failures.push(error);
  }
}

/** A topic with history over a broker of the test. */
export function historyRig(
  size = 100,
  takeExcept: HistoryContext<Reader>["takeExcept"] = () => undefined,
  driver = new FakeDriver(),
) {
  const calls = new ReaderCalls();
  const markers: string[] = [];
  const context: HistoryContext<Reader> = {
    driver: driver as unknown as Driver,
    wanted: { isConfirmed: () => true, whenConfirmed: () => Promise.resolve(true) },
    receivers: calls,
    turns: new PageTurns(),
    reads: new ReadTurns(),
    pages: new PageMemory(),
    memory: new MemoryBudget(Infinity),
    unchecked: new WeakSet(),
    unmarked: new Set(),
    counters: newHistoryCounters(),
    onForeign: () => {
      context.counters.foreign++;
    },
    storeMarker: (_topic, _rule, lost) => {
      markers.push(lost);
      return Promise.resolve();
    },
    takeExcept,
  };
  const history = new TopicHistory("topic", { size, ttl: 1_000_000 }, context);
  let nextId = 1;
  driver.host = {
    rules: "{}",
    onPacket: () => undefined,
    onLost: () => undefined,
    onStatus: () => undefined,
    onFailed: () => undefined,
  };
  const join = (options: { since?: string; last?: number; isFramed?: boolean } = {}) => {
    const reader = new Reader(nextId++);
    return { reader, joined: history.join(reader, { isFramed: false, last: 0, ...options }) };
  };
  return { driver, history, counters: context.counters, context, failures: calls.failures, markers, join };
}
