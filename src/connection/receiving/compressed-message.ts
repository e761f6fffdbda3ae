import { isAscii, isUtf8 } from "node:buffer";

import type { JobOwner } from "../../compression/jobs.ts";
import { MAX_INFLATED_IN_TURN, MAX_PAYLOAD_IN_TURN } from "../../compression/settings.ts";
import { inflateLater, sharedInflater } from "../../compression/zlib.ts";
import { ProtocolError, asHawserError, withoutStack } from "../../errors/errors.ts";
import { type Bytes, asBytes, copyOf } from "../../protocol/bytes.ts";
import { type DataOpcode, Opcode } from "../../protocol/opcodes.ts";
import type { ReceivingSettings } from "./settings.ts";

/** The most bytes of a payload that waits as a string. */
const MAX_AS_STRING = 1024;

/** What decides how messages are decompressed and decoded. */
export type InflateSettings = Pick<ReceivingSettings, "decode" | "maxMessageSize">;

/**
 * A message that is not handed to `onMessage` as it is: it is compressed, or may be streamed. There is a base class because every
 * message is looked at, and one look must tell.
 */
export abstract class PendingMessage {
  /** The bytes that it takes while it waits for the handler, as far as the queue counts them. */
  abstract readonly length: number;
}

/**
 * A message that waits as it was received: compressed. So what waits for a busy handler takes no more memory than the peer has
 * sent. It is decompressed just before it is delivered.
 */
export class CompressedMessage extends PendingMessage {
  readonly #opcode: DataOpcode;
  readonly #payload: Bytes | string;
  readonly #settings: InflateSettings;
  readonly #isLarge: boolean;

  /**
   * @param payload is copied
   * @param isLarge it is known to take too long for a turn
   */
  constructor(opcode: DataOpcode, payload: Bytes, settings: InflateSettings, isLarge: boolean) {
    super();
    this.#opcode = opcode;
    // A string of a byte for each character needs no object for its memory, which takes 250 bytes.
    this.#payload = payload.length <= MAX_AS_STRING ? payload.latin1Slice(0, payload.length) : copyOf(payload);
    this.#settings = settings;
    this.#isLarge = isLarge;
  }

  /** The bytes of its payload. */
  get length(): number {
    return this.#payload.length;
  }

  /**
   * Decompresses and decodes it: at once, or, if that would take too long for a turn, in another thread.
   *
   * @param owner if it does not want the message any more when another thread could begin, that does not begin
   * @returns the handler's data; a promise of undefined: it was not wanted any more. The promise is rejected with a
   *   `ProtocolError` for bad data, for a message that is too big, and for a text that is not UTF-8
   */
  decode(owner: JobOwner): Bytes | string | Promise<Bytes | string | undefined> {
    try {
      const data = this.#isLarge ? undefined : inflateInTurn(this.#opcode, this.#bytes, this.#settings);
      return data ?? this.#decodeLater(owner);
    } catch (error) {
      return Promise.reject(asHawserError(error));
    }
  }

  get #bytes(): Bytes {
    const payload = this.#payload;
    return typeof payload === "string" ? asBytes(Buffer.from(payload, "latin1")) : payload;
  }

  async #decodeLater(owner: JobOwner): Promise<Bytes | string | undefined> {
    const bytes = await inflateLater(this.#bytes, this.#settings.maxMessageSize, () => owner.isWanted);
    if (bytes === undefined) return undefined;
    if (typeof bytes === "string") throw withoutStack(() => new ProtocolError(bytes));
    return decodeInflated(this.#opcode, bytes, false, this.#settings);
  }
}

/**
 * What is dispatched of a compressed message: the handler's data if it can be delivered now. Otherwise it stays compressed,
 * which takes less memory.
 *
 * @param payload is valid until the call returns
 * @throws {ProtocolError} for bad data, for a message that is too big, and for a text that is not UTF-8
 */
export function receiveCompressed(
  opcode: DataOpcode,
  payload: Bytes,
  settings: InflateSettings,
  mustWait: boolean,
): Bytes | string | CompressedMessage {
  const data = mustWait ? undefined : inflateInTurn(opcode, payload, settings);
  return data ?? new CompressedMessage(opcode, payload, settings, !mustWait);
}

/** Decompresses and decodes a message. Undefined: that would take too long for one turn. */
function inflateInTurn(opcode: DataOpcode, payload: Bytes, settings: InflateSettings): Bytes | string | undefined {
  if (payload.length > MAX_PAYLOAD_IN_TURN) return undefined;
  const { maxMessageSize } = settings;
  const inflated = sharedInflater.inflate(payload, 0, payload.length, Math.min(maxMessageSize, MAX_INFLATED_IN_TURN));
  if (typeof inflated !== "string") return decodeInflated(opcode, inflated, true, settings);
  if (inflated === "HWS_MESSAGE_TOO_BIG" && maxMessageSize > MAX_INFLATED_IN_TURN) return undefined;
  throw withoutStack(() => new ProtocolError(inflated));
}

/**
 * Checks and decodes what was decompressed: the size and the UTF-8 of a message are those of these bytes (RFC 7692 6.2).
 *
 * @param isBorrowed whether the memory is used again: a handler gets a copy of it
 */
function decodeInflated(
  opcode: DataOpcode,
  bytes: Bytes,
  isBorrowed: boolean,
  settings: InflateSettings,
): Bytes | string {
  const { decode } = settings;
  const isText = opcode === Opcode.text;
  const ascii = isText && isAscii(bytes);
  if (isText && !ascii && !isUtf8(bytes)) throw withoutStack(() => new ProtocolError("HWS_INVALID_UTF8"));
  const isKept = !isText || !decode.textAsString;
  const own = isBorrowed && isKept ? copyOf(bytes) : bytes;
  return decode.bytes(opcode, own, 0, own.length, ascii);
}
