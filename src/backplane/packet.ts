import { type Bytes, allocate } from "../protocol/bytes.ts";
import { EPOCH_SIZE, ID_SIZE, readId, writeId } from "./ids.ts";
import { RECORD_HEADER_SIZE, VERSION } from "./record.ts";

/** What a packet is. */
export const PacketKind = { plain: 1, history: 2, probe: 3 } as const;

/** What all records of a packet of a history have in common. */
export interface HistoryHead {
  /** The epoch of the topic. */
  readonly epoch: string;
  /** The number of the first record. The others follow it without holes. */
  readonly first: number;
  /** The id of the message before the first record. */
  readonly before: string;
}

/** A packet that was decoded. */
export interface DecodedPacket {
  /** Undefined: the topic has no history, or the packet is a probe. */
  readonly history: HistoryHead | undefined;
  /** The records: views of the packet. A probe has none. */
  readonly records: readonly Bytes[];
}

/** Bytes before each record: its length. */
const LENGTH_SIZE = 4;
const HISTORY_HEAD_SIZE = 1 + EPOCH_SIZE + 6 + ID_SIZE;

/** A packet of messages that are not stored. */
export function plainPacket(records: readonly Bytes[]): Bytes {
  return withRecords(allocatePacket(1, records, PacketKind.plain), 1, records);
}

/** A packet of messages that the broker has stored. */
export function historyPacket({ epoch, first, before }: HistoryHead, records: readonly Bytes[]): Bytes {
  const packet = allocatePacket(HISTORY_HEAD_SIZE, records, PacketKind.history);
  writeId(packet, epoch, 1);
  (packet as unknown as Buffer).writeUIntBE(first, 1 + EPOCH_SIZE, 6);
  writeId(packet, before, 1 + EPOCH_SIZE + 6);
  return withRecords(packet, HISTORY_HEAD_SIZE, records);
}

/** A packet with which a node proves that it receives its own. */
export function probePacket(): Bytes {
  return allocatePacket(1, [], PacketKind.probe);
}

/** Decodes a packet. Undefined: it is none of ours. */
export function decodePacket(packet: Bytes): DecodedPacket | undefined {
  const [first] = packet;
  if (first === undefined || first >> 4 !== VERSION) return undefined;
  switch (first & 15) {
    case PacketKind.plain:
      return withHistory(undefined, recordsOf(packet, 1));
    case PacketKind.history:
      return historyOf(packet);
    case PacketKind.probe:
      return packet.length === 1 ? { history: undefined, records: [] } : undefined;
    default:
      return undefined;
  }
}

function allocatePacket(head: number, records: readonly Bytes[], kind: number): Bytes {
  let size = head;
  for (const record of records) size += LENGTH_SIZE + record.length;
  const packet = allocate(size);
  packet[0] = (VERSION << 4) | kind;
  return packet;
}

function withRecords(packet: Bytes, head: number, records: readonly Bytes[]): Bytes {
  let at = head;
  for (const record of records) {
    at = (packet as unknown as Buffer).writeUInt32BE(record.length, at);
    packet.set(record, at);
    at += record.length;
  }
  return packet;
}

function historyOf(packet: Bytes): DecodedPacket | undefined {
  if (packet.length < HISTORY_HEAD_SIZE) return undefined;
  const first = (packet as unknown as Buffer).readUIntBE(1 + EPOCH_SIZE, 6);
  // The first message of a topic has number 1.
  if (first === 0) return undefined;
  const head = { epoch: readId(packet, 1, EPOCH_SIZE), first, before: readId(packet, 1 + EPOCH_SIZE + 6, ID_SIZE) };
  return withHistory(head, recordsOf(packet, HISTORY_HEAD_SIZE));
}

/** The records from `start` to the end; undefined: the packet ends within one, or has none, or one that is too short to be ours. */
function recordsOf(packet: Bytes, start: number): Bytes[] | undefined {
  const records = [];
  for (let at = start; at < packet.length;) {
    if (at + LENGTH_SIZE > packet.length) return undefined;
    const begin = at + LENGTH_SIZE;
    at = begin + (packet as unknown as Buffer).readUInt32BE(begin - LENGTH_SIZE);
    // Somebody may have sent millions of them.
    if (at > packet.length || at - begin < RECORD_HEADER_SIZE) return undefined;
    records.push(packet.subarray(begin, at));
  }
  return records.length === 0 ? undefined : records;
}

function withHistory(history: HistoryHead | undefined, records: Bytes[] | undefined): DecodedPacket | undefined {
  return records && { history, records };
}
