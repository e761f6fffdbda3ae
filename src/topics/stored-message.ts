import type { Entry, Mark } from "../backplane/contract.ts";
import { lostBy } from "../backplane/fork-marker.ts";
import { positionOf } from "../backplane/position.ts";
import { type DecodedRecord, RecordKind, decodeRecord } from "../backplane/record.ts";
import type { SharedMessage } from "../connection/sending/shared-message.ts";
import type { Bytes } from "../protocol/bytes.ts";
import type { HistoryPayload } from "./receiver-calls.ts";
import { topicHeader } from "./topic-frame.ts";

/** Whose message it is. */
export interface Stream {
  /** The topic. */
  readonly topic: string;
  /** The epoch of its history. */
  readonly epoch: string;
}

/** The memory of a message besides its record (measured: about 250 bytes with the views). */
const ENTRY_SIZE = 256;

/** A message of a topic's history, in the memory of this process. */
export class StoredMessage implements Entry {
  readonly offset: number;
  readonly id: string;
  readonly before: string | undefined;
  readonly record: Bytes;
  readonly #stream: Stream;
  /** Frames that may still be in use: subscribers that read at the same time share them. */
  #plain: WeakRef<SharedMessage> | undefined;
  #framed: WeakRef<SharedMessage> | undefined;

  constructor({ offset, id, before, record }: Entry, stream: Stream) {
    this.offset = offset;
    this.id = id;
    this.before = before;
    this.record = record;
    this.#stream = stream;
  }

  /** The bytes of memory that it takes. */
  get size(): number {
    return this.record.length + ENTRY_SIZE;
  }

  /** The epoch of its history. */
  get epoch(): string {
    return this.#stream.epoch;
  }

  /** Undefined: it is a message. Else it says that the history has lost messages before it: the id of the newest one of them. */
  get lost(): string | undefined {
    return lostBy(this.record);
  }

  /** The place directly after it. */
  get mark(): Mark {
    return { epoch: this.epoch, offset: this.offset, id: this.id };
  }

  /** Decodes the message. Undefined: the record is none of ours, or no message. */
  decode(): DecodedRecord | undefined {
    const record = decodeRecord(this.record);
    return record?.kind === RecordKind.message ? record : undefined;
  }

  /**
   * The message for subscribers.
   *
   * @param isFramed whether it begins with a header line
   * @param share makes it, if nobody uses it now
   * @param decoded what `decode` has returned, if it was called already
   * @returns undefined: the record is none of ours, or no message
   */
  shared(
    isFramed: boolean,
    share: (message: HistoryPayload) => SharedMessage,
    decoded?: DecodedRecord,
  ): SharedMessage | undefined {
    const known = (isFramed ? this.#framed : this.#plain)?.deref();
    if (known !== undefined) return known;
    const record = decoded ?? this.decode();
    if (record === undefined) return undefined;
    const { isBinary, mayCompress, payload } = record;
    const header = isFramed ? topicHeader("m", positionOf(this.mark), "-", this.#stream.topic) : undefined;
    const made = share({ header, isBinary, mayCompress, payload });
    if (isFramed) this.#framed = new WeakRef(made);
    else this.#plain = new WeakRef(made);
    return made;
  }
}
