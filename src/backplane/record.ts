import { type Bytes, allocate, asBytes } from "../protocol/bytes.ts";
import { isUtf8 } from "node:buffer";

import { ID_SIZE, readId, writeId } from "./ids.ts";

/** The version of records and packets, in the upper half of their first byte. Another version is a major release. */
export const VERSION = 1;

/** What a record is. */
export const RecordKind = {
  /** A message of a topic. */
  message: 0,
  /** A place in a history where messages may be missing. */
  gap: 1,
  /** Somebody has come. */
  join: 2,
  /** Somebody has gone. */
  leave: 3,
  /** A message for the connections of several topics, or of all. */
  broadcast: 4,
} as const;

/** One of the values of `RecordKind`. */
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** Who gets a broadcast. */
export interface BroadcastTopics {
  /** The connections that have one of these topics; empty: all connections. */
  readonly topics: readonly string[];
  /** But not those that have one of these. */
  readonly exceptTopics: readonly string[];
}

/** A message between machines. */
export interface BackplaneRecord {
  /** What it is. */
  readonly kind: RecordKind;
  /** Whether the payload is binary; else it is text. */
  readonly isBinary: boolean;
  /** Whether it may be compressed for its receivers. */
  readonly mayCompress: boolean;
  /** The 16 characters of its id. */
  readonly id: string;
  /** Under the policy "latest" a waiting message is replaced by a newer one with the same key. */
  readonly key: string | undefined;
  /** Who gets a broadcast; undefined for a message of a topic. */
  readonly to: BroadcastTopics | undefined;
  /** The message: UTF-8 or bytes. When it was decoded, it is a view of the record. */
  readonly payload: string | Bytes;
}

/** A record that was decoded. */
export interface DecodedRecord extends BackplaneRecord {
  /** The message: a view of the record. */
  readonly payload: Bytes;
}

const Flag = { binary: 1, key: 2, topics: 4, notCompressed: 8 } as const;
const ALL_FLAGS = 15;

/** Bytes of the first byte, the flags and the id: no record is shorter. */
export const RECORD_HEADER_SIZE = 2 + ID_SIZE;

/**
 * Encodes a record.
 *
 * @param isKept it may be kept for long, so it is in memory of its own. Else it may share memory with others, which costs less
 */
export function encodeRecord(fields: BackplaneRecord, isKept = true): Bytes {
  const { kind, id, key, to, payload } = fields;
  const head = headOf(key, to);
  const size = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  const length = RECORD_HEADER_SIZE + head.length + size;
  const record = isKept ? allocate(length) : asBytes(Buffer.allocUnsafe(length));
  record[0] = (VERSION << 4) | kind;
  record[1] = flagsOf(fields);
  writeId(record, id, 2);
  if (head.length > 0) record.set(head, RECORD_HEADER_SIZE);
  if (typeof payload === "string") record.utf8Write(payload, RECORD_HEADER_SIZE + head.length);
  else record.set(payload, RECORD_HEADER_SIZE + head.length);
  return record;
}

/** Decodes a record. Undefined: it is none of ours. */
export function decodeRecord(record: Bytes): DecodedRecord | undefined {
  const [first, flags] = record;
  if (first === undefined || flags === undefined || record.length < RECORD_HEADER_SIZE) return undefined;
  const kind = (first & 15) as RecordKind;
  if (first >> 4 !== VERSION || kind > RecordKind.broadcast || flags > ALL_FLAGS) return undefined;
  const reader = new Texts(record, RECORD_HEADER_SIZE);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const key = has(Flag.key) ? reader.text(4) : undefined;
  const to = has(Flag.topics) ? { topics: reader.names(), exceptTopics: reader.names() } : undefined;
  if (reader.isBroken) return undefined;
  // A peer would fail the connection that gets other bytes as text (RFC 6455 8.1).
  if (!has(Flag.binary) && !isUtf8(record.subarray(reader.offset))) return undefined;
  return {
    kind,
    isBinary: has(Flag.binary),
    mayCompress: !has(Flag.notCompressed),
    id: recordId(record),
    key,
    to,
    payload: record.subarray(reader.offset),
  };
}

/** The id of a record, which must be one of ours. */
export function recordId(record: Bytes): string {
  return readId(record, 2, ID_SIZE);
}

function flagsOf({ isBinary, mayCompress, key, to }: BackplaneRecord): number {
  return (
    (isBinary ? Flag.binary : 0) |
    (key === undefined ? 0 : Flag.key) |
    (to === undefined ? 0 : Flag.topics) |
    (mayCompress ? 0 : Flag.notCompressed)
  );
}

const NOTHING = Buffer.alloc(0);

function headOf(key: string | undefined, to: BroadcastTopics | undefined): Uint8Array {
  if (key === undefined && to === undefined) return NOTHING;
  const parts = key === undefined ? [] : [sized(4, Buffer.from(key))];
  if (to !== undefined)
    for (const topics of [to.topics, to.exceptTopics])
      parts.push(number(4, topics.length), ...topics.map((topic) => sized(1, Buffer.from(topic))));
  return Buffer.concat(parts);
}

/** Bytes after their length, which takes `size` bytes. */
function sized(size: number, bytes: Buffer): Buffer {
  return Buffer.concat([number(size, bytes.length), bytes]);
}

function number(size: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

/** Reads texts, each after its length. */
class Texts {
  /** Where the next one begins. */
  offset: number;
  /** The record ends too early. */
  isBroken = false;
  readonly #record: Bytes;

  constructor(record: Bytes, offset: number) {
    this.#record = record;
    this.offset = offset;
  }

  /** The next text. Its length takes `size` bytes. */
  text(size: number): string {
    const length = this.#number(size);
    const start = this.offset;
    this.offset += length;
    if (this.offset > this.#record.length) this.isBroken = true;
    return this.isBroken ? "" : this.#record.utf8Slice(start, this.offset);
  }

  /** Names of topics: none is empty. */
  names(): string[] {
    const names = [];
    for (let left = this.#number(4); left > 0 && !this.isBroken; left--) {
      const name = this.text(1);
      if (name === "") this.isBroken = true;
      names.push(name);
    }
    return names;
  }

  #number(size: number): number {
    this.offset += size;
    if (this.offset > this.#record.length) this.isBroken = true;
    return this.isBroken ? 0 : (this.#record as unknown as Buffer).readUIntBE(this.offset - size, size);
  }
}
