import type { Driver, DriverHost, Entry, Mark, Page } from "../../src/backplane/contract.ts";
import { forkMarker, lostBy } from "../../src/backplane/fork-marker.ts";
import { NO_ID } from "../../src/backplane/ids.ts";
import { historyPacket } from "../../src/backplane/packet.ts";
import { RecordKind, encodeRecord } from "../../src/backplane/record.ts";
import { copyOf } from "../../src/protocol/bytes.ts";

/** The epoch of all that follows. */
export const EPOCH = "epoch--1";

/** The id of a message, by its number. `fork` makes another message with the same number. */
export function idOf(offset: number, fork = ""): string {
  return offset === 0 ? NO_ID : `${fork}${String(offset)}`.padStart(16, "0");
}

/** The mark after a message. */
export function mark(offset: number, fork = ""): Mark {
  return { epoch: EPOCH, offset, id: idOf(offset, fork) };
}

/** A message, whose text is its number. */
export function entry(offset: number, fork = "", before = idOf(offset - 1, fork)): Entry {
  const id = idOf(offset, fork);
  const fields = { isBinary: false, mayCompress: true, key: undefined, to: undefined, payload: fork + String(offset) };
  return { offset, id, before, record: encodeRecord({ kind: RecordKind.message, id, ...fields }) };
}

/** A marker that the message with this id is lost. */
export function marker(offset: number, lost: string, before = idOf(offset - 1), fork = "m"): Entry {
  const id = idOf(offset, fork);
  return { offset, id, before, record: forkMarker(id, lost) };
}

/** The messages with these numbers. */
export function entries(from: number, to: number, fork = ""): Entry[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => entry(from + index, fork));
}

/** A broker of one topic, of which the test decides what it has, and what it delivers. */
export class FakeDriver implements Partial<Driver> {
  readonly name = "fake";
  readonly maxBatch = 1;
  readonly keepsPackets = false;
  readonly hasPeers = false;
  /** What it has. */
  stored: Entry[] = [];
  /** Its newest message. */
  top: Mark = mark(0);
  /** What was read: the number after which. */
  readonly reads: number[] = [];
  /** What every read waits for. */
  before: () => Promise<void> = () => Promise.resolve();
  /** Messages of a page. */
  pageSize = 100;
  /** The number of the newest marker that it tells of. */
  fork: number | undefined;
  readonly listened: string[] = [];
  host: DriverHost | undefined;

  open(host: DriverHost): Promise<void> {
    this.host = host;
    return Promise.resolve();
  }

  listen(add: readonly string[], remove: readonly string[]): Promise<void> {
    this.listened.push(...add.map((topic) => `+${topic}`), ...remove.map((topic) => `-${topic}`));
    return Promise.resolve();
  }

  /** Stores messages without delivering them. */
  store(...added: readonly Entry[]): void {
    this.stored.push(...added);
    const last = added.at(-1);
    if (last !== undefined) this.top = { epoch: this.top.epoch, offset: last.offset, id: last.id };
  }

  async read(_topic: string, _rule: unknown, after: number): Promise<Page> {
    this.reads.push(after);
    await this.before();
    const { top } = this;
    const messages = this.stored.filter(({ record }) => lostBy(record) === undefined);
    const from = after < 0 ? (messages.at(after)?.offset ?? 1) - 1 : after;
    const found = this.stored.filter(({ offset }) => offset > from).slice(0, this.pageSize);
    return { epoch: top.epoch, top, fork: this.fork, proven: undefined, entries: found };
  }

  tops(): Promise<readonly Mark[]> {
    return Promise.resolve([this.top]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The packet of messages that follow each other, in memory that is overwritten after it was delivered. */
  deliver(...sent: readonly Entry[]): void {
    const [first] = sent;
    const head = { epoch: this.top.epoch, first: first!.offset, before: first!.before! };
    const packet = copyOf(
      historyPacket(
        head,
        sent.map(({ record }) => record),
      ),
    );
    this.host?.onPacket("topic", packet);
    packet.fill(0);
  }
}
