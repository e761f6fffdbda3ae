import { type Bytes, allocate } from "./bytes.ts";
import { headerSize, writeHeader } from "./frame-header.ts";
import { maskInto } from "./mask.ts";

/** From this many bytes on, one pass is worth a few bytes of memory that are not used. */
const ALIGNED_FROM = 1024;

/**
 * A whole frame in memory of its own. `payload` is copied; with a `key` the copy is masked.
 *
 * @param allocateFor gives the memory, which may be longer
 */
export function serializeFrame(
  firstByte: number,
  payload: Uint8Array,
  key?: number,
  allocateFor: (size: number) => Bytes = allocate,
): Bytes {
  const header = headerSize(payload.length, key !== undefined);
  // With the alignment of the payload, many bytes are copied and masked in one pass.
  const start = key === undefined || payload.length < ALIGNED_FROM ? 0 : (payload.byteOffset - header) & 7;
  const end = start + header + payload.length;
  const memory = allocateFor(end);
  const frame = start === 0 && memory.length === end ? memory : memory.subarray(start, end);
  writeHeader(frame, 0, firstByte, payload.length, key);
  if (key === undefined) frame.set(payload, header);
  else maskInto(frame, header, payload as Bytes, 0, payload.length, key);
  return frame;
}

/**
 * Encodes the frames of one role. A server's frames are not masked (RFC 6455 5.1). A client masks each frame with a new key
 * that nobody can predict (RFC 6455 5.3, 10.3), so it always copies the payload, and a frame cannot be sent twice.
 */
export class FrameEncoder {
  readonly #nextKey: (() => number) | undefined;
  /** Whether the frames are masked: then a payload must be copied, and a frame belongs to one connection. */
  readonly masks: boolean;

  /** @param nextKey returns a masking key of 32 random bits; undefined for a server */
  constructor(nextKey?: () => number) {
    this.#nextKey = nextKey;
    this.masks = nextKey !== undefined;
  }

  /** The masking key of a new frame; undefined for a server. */
  newKey(): number | undefined {
    return this.#nextKey?.();
  }

  /** Bytes of the header before `length` bytes of payload. */
  headerSize(length: number): number {
    return headerSize(length, this.masks);
  }

  /** Writes a whole frame at `at` and returns the offset after it. The payload is copied. */
  write(bytes: Bytes, at: number, firstByte: number, payload: Uint8Array): number {
    const key = this.newKey();
    const body = writeHeader(bytes, at, firstByte, payload.length, key);
    const end = body + payload.length;
    if (key === undefined) bytes.set(payload, body);
    else maskInto(bytes, body, payload as Bytes, 0, payload.length, key);
    return end;
  }

  /** A whole frame in memory of its own, which `allocateFor` gives. The payload is copied. */
  serialize(firstByte: number, payload: Uint8Array, allocateFor?: (size: number) => Bytes): Bytes {
    return serializeFrame(firstByte, payload, this.newKey(), allocateFor);
  }
}
