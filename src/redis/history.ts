import type { AppendOptions, Appended, Entry, HistoryRule, Mark, Page, Top } from "../backplane/contract.ts";
import { EPOCH_SIZE, ID_SIZE, randomEpoch, readId } from "../backplane/ids.ts";
import { recordId } from "../backplane/record.ts";
import { ID_TTL } from "../backplane/recent-ids.ts";
import { HawserError, hasCode } from "../errors/errors.ts";
import { type Bytes, asBytes } from "../protocol/bytes.ts";
import type { Link } from "./link.ts";
import type { Names } from "./names.ts";
import { partitionOf } from "./partitions.ts";
import { scripts } from "./scripts.ts";

/** A page ends after the message with which it has this many bytes. */
const PAGE_SIZE = 1024 * 1024;

/** Milliseconds for which the position of a topic is known after its last message has expired: one day. */
const MEMORY_OF_TOPICS = 24 * 60 * 60 * 1000;

/** The most topics that one script looks at: the server must go on. */
const MAX_TOPICS = 256;

/**
 * Milliseconds for which a topic knows that a node has tried again. A network delivers no earlier try after so long: TCP gives up sooner, and
 * so does a proxy. It must end, or nodes that come and go would fill the server.
 */
const LINK_TTL = String(60 * 60 * 1000);

/** What `append.lua` tells. */
const State = { stored: 0, duplicate: 1, uncertain: 2 } as const;

/** The histories of topics, on a link. */
export class RedisHistory {
  readonly #names: Names;
  readonly #node: string;

  constructor(names: Names, node: string) {
    this.#names = names;
    this.#node = node;
  }

  /** Stores records: see `Driver.append`. */
  async append(
    link: Link,
    topic: string,
    rule: HistoryRule,
    records: readonly Bytes[],
    { again, id }: AppendOptions,
  ): Promise<Appended> {
    const { channel, partition } = this.#names.channel(topic);
    const keys = [...this.#names.history(topic), this.#names.retries(topic, this.#node)];
    if (id !== undefined) keys.push(this.#names.message(topic, id));
    const commands = link.commands(partition);
    if (commands.isFull) throw new HawserError("HWS_BACKPLANE_FULL");
    const ttls = [String(rule.ttl), String(rule.ttl + MEMORY_OF_TOPICS)];
    const after = again === undefined ? ["", "", ""] : [bytesOf(again.epoch), String(again.offset), bytesOf(again.id)];
    const [epoch, first, state] = (await commands.script({
      script: scripts.append,
      keys,
      args: [
        String(rule.size),
        ...ttls,
        randomEpoch(),
        channel,
        link.publish,
        String(ID_TTL),
        ...after,
        LINK_TTL,
        String(link.number),
        ...(records as readonly unknown[] as readonly Buffer[]),
      ],
      topic,
      lost: "HWS_PUBLISH_UNCERTAIN",
    })) as [Buffer, Buffer, number];
    if (state === State.uncertain) throw new HawserError("HWS_PUBLISH_UNCERTAIN");
    return { epoch: epochOf(epoch), first: numberOf(first), isDuplicate: state === State.duplicate };
  }

  /** Reads a page: see `Driver.read`. */
  async read(link: Link, topic: string, { ttl }: HistoryRule, after: number): Promise<Page> {
    const [epoch, top, id, forks, ...rest] = (await link.commands(partitionOf(topic)).script({
      script: scripts.read,
      keys: this.#names.history(topic),
      args: [String(after), String(ttl + MEMORY_OF_TOPICS), randomEpoch(), String(PAGE_SIZE)],
    })) as [Buffer, Buffer, Buffer, Buffer, ...Buffer[]];
    const newest = markOf(epoch, top, id);
    // The newest one is the first one.
    const fork = parseInt(forks.toString()) || undefined;
    return { epoch: newest.epoch, top: newest, fork, proven: undefined, entries: entriesOf(rest) };
  }

  /** The newest messages of topics: see `Driver.tops`. */
  async tops(link: Link, topics: readonly string[]): Promise<Top[]> {
    const tops: Top[] = topics.map(() => null);
    const byPartition = new Map<number, number[]>();
    for (const [i, topic] of topics.entries()) {
      const partition = partitionOf(topic);
      const known = byPartition.get(partition);
      if (known === undefined) byPartition.set(partition, [i]);
      else known.push(i);
    }
    const calls: Promise<void>[] = [];
    for (const [partition, all] of byPartition) {
      for (let start = 0; start < all.length; start += MAX_TOPICS) {
        const some = all.slice(start, start + MAX_TOPICS);
        const names = some.map((i) => topics[i] ?? "");
        const note = (found: readonly Top[]): void => {
          for (const [j, i] of some.entries()) tops[i] = found[j];
        };
        calls.push(this.#tops(link, partition, names).then(note, ignoreRefusal));
      }
    }
    await Promise.all(calls);
    return tops;
  }

  async #tops(link: Link, partition: number, topics: readonly string[]): Promise<Top[]> {
    const keys = topics.map((topic) => this.#names.history(topic)[1]);
    const fields = (await link.commands(partition).script({ script: scripts.tops, keys, args: [] })) as Buffer[];
    return topics.map((_, i) => topOf(fields.slice(i * 3, i * 3 + 3)));
  }
}

/** What the server refuses to tell of one partition stays unknown. */
function ignoreRefusal(error: unknown): void {
  if (!hasCode(error, "HWS_BACKPLANE_FAILED")) throw error;
}

function topOf([epoch, offset, id]: readonly Buffer[]): Top {
  if (epoch === undefined || offset === undefined || id === undefined || epoch.length === 0) return undefined;
  return readNumber(offset) === undefined ? null : markOf(epoch, offset, id);
}

function entriesOf(fields: readonly Buffer[]): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i + 2 < fields.length; i += 3) {
    const [offset, before, record] = fields.slice(i, i + 3) as [Buffer, Buffer, Buffer];
    const bytes = asBytes(record);
    entries.push({ offset: numberOf(offset), id: recordId(bytes), before: idOf(before), record: bytes });
  }
  return entries;
}

function markOf(epoch: Buffer, offset: Buffer, id: Buffer): Mark {
  return { epoch: epochOf(epoch), offset: numberOf(offset), id: idOf(id) };
}

/**
 * The number of a message.
 *
 * @throws {HawserError} HWS_BACKPLANE_FAILED: it is none, so somebody else has written it
 */
function numberOf(text: Buffer): number {
  const number = readNumber(text);
  if (number === undefined) throw new HawserError("HWS_BACKPLANE_FAILED", `no number of a message: ${text.toString()}`);
  return number;
}

function readNumber(text: Buffer): number | undefined {
  const number = Number(text.toString());
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function epochOf(bytes: Buffer): string {
  return readId(asBytes(bytes), 0, EPOCH_SIZE);
}

function bytesOf(name: string): Buffer {
  return Buffer.from(name, "base64url");
}

function idOf(bytes: Buffer): string {
  return readId(asBytes(bytes), 0, ID_SIZE);
}
