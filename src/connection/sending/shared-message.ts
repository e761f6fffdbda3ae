import type { Deflater } from "../../compression/codec.ts";
import type { JobOwner } from "../../compression/jobs.ts";
import { ownText } from "../../util/own-text.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { serializeFrame } from "../../protocol/frame-encoder.ts";
import { FIN, ReservedBit, extendedLengthSize } from "../../protocol/frame-header.ts";
import type { DataOpcode } from "../../protocol/opcodes.ts";
import { type MessageCompressor, compressBy } from "./message-compressor.ts";
import { type BlobLike, type Compression, type OutgoingMessage, isBlobLike, readBlob } from "./outgoing-message.ts";
import { textFrame } from "./text-frames.ts";

/** A message that another thread compresses. */
interface Compressing<Message> {
  readonly promise: Promise<Message>;
  /** Those that wait for it. */
  readonly owners: JobOwner[];
}

/** A message for many receivers. It is encoded and compressed, or its `Blob` is read, once for all of them. */
export class SharedMessage implements OutgoingMessage {
  readonly opcode: DataOpcode;
  /** The bytes of the frame, also of a text: the caller may change its own after the call, and a text is not kept beside its frame. */
  readonly payload: Bytes | BlobLike;
  /** See `keep`. */
  key: string | undefined;
  readonly compression: Compression;
  /** No policy drops it while it waits: who sends it limits what waits, and loses nothing. */
  readonly isKept: boolean;
  /** The frame, not masked; undefined for a `Blob`, whose bytes must be read first. */
  readonly frame: Bytes | undefined;
  #waits = false;
  #read: Promise<SharedMessage> | undefined;
  /** The frame as each deflater compresses it; undefined: it does not get smaller. */
  #compressed: Map<Deflater, Bytes | undefined> | undefined;
  #compressing: Map<Deflater, Compressing<this>> | undefined;

  /** @param message the message that all receivers get */
  constructor({ opcode, payload, key, compression }: OutgoingMessage, isKept = false) {
    const frame = isBlobLike(payload) ? undefined : frameOf(opcode, payload);
    this.opcode = opcode;
    this.payload = frame === undefined ? (payload as BlobLike) : payloadOf(frame);
    this.key = key;
    this.compression = compression;
    this.isKept = isKept;
    this.frame = frame;
  }

  /** It waits from now on: its key gets memory of its own. Returns whether it is the first time, on any connection. */
  keep(): boolean {
    if (this.#waits) return false;
    this.#waits = true;
    if (this.key !== undefined) this.key = ownText(this.key);
    return true;
  }

  /** The same message with the bytes of its `Blob`. The `Blob` is read once. */
  read(): Promise<SharedMessage> {
    return (this.#read ??= this.#readLater());
  }

  /** The `Blob` may be the application's own class, and it may send: not in the middle of a loop over the receivers. */
  async #readLater(): Promise<SharedMessage> {
    await Promise.resolve();
    return new SharedMessage(await readBlob(this));
  }

  /** The compressed frame, the same for all connections with the same parameters. Undefined: it does not get smaller. */
  compressedFrame({ alone }: MessageCompressor): Bytes | undefined {
    const known = (this.#compressed ??= new Map<Deflater, Bytes | undefined>());
    if (!known.has(alone)) known.set(alone, this.#frameOf(compressBy(this.payload as Bytes, alone)));
    return known.get(alone);
  }

  /**
   * Compresses the message in another thread, once. After that `compressedFrame` returns the result.
   *
   * @param owner if none of the owners wants it any more when the thread could begin, that does not begin
   */
  compressLater(compressor: MessageCompressor, owner: JobOwner): Promise<this> {
    if (!owner.isWanted) return Promise.resolve(this);
    const running = (this.#compressing ??= new Map<Deflater, Compressing<this>>());
    const known = running.get(compressor.alone);
    if (known !== undefined) {
      known.owners.push(owner);
      return known.promise;
    }
    const owners = [owner];
    const promise = this.#compressLater(compressor, owners);
    running.set(compressor.alone, { promise, owners });
    return promise;
  }

  async #compressLater(compressor: MessageCompressor, owners: JobOwner[]): Promise<this> {
    const { alone } = compressor;
    const job = { isWanted: true };
    const compressed = await compressor.compressLater(
      () => this.payload as Bytes,
      () => {
        job.isWanted = owners.some((owner) => owner.isWanted);
        // An owner that comes after this needs another thread.
        if (!job.isWanted) this.#compressing?.delete(alone);
        return job.isWanted;
      },
    );
    if (job.isWanted) (this.#compressed ??= new Map()).set(alone, this.#frameOf(compressed));
    owners.length = 0;
    return this;
  }

  #frameOf(compressed: Bytes | undefined): Bytes | undefined {
    return compressed && serializeFrame(this.opcode | FIN | ReservedBit.rsv1, compressed);
  }
}

/** Whether no policy may drop a message while it waits. */
export function isKept(message: OutgoingMessage): boolean {
  return message instanceof SharedMessage && message.isKept;
}

/** The payload of a frame that is not masked. */
export function payloadOf(frame: Bytes): Bytes {
  return frame.subarray(2 + extendedLengthSize(frame[1]!));
}

/** The frame of a message for many receivers; undefined for another message, or if frames cannot be shared. */
export function sharedFrameOf(message: OutgoingMessage, sharesFrames: boolean): Bytes | undefined {
  return sharesFrames && message instanceof SharedMessage ? message.frame : undefined;
}

function frameOf(opcode: DataOpcode, payload: string | Bytes): Bytes {
  return typeof payload === "string" ? textFrame(payload) : serializeFrame(opcode | FIN, payload);
}
