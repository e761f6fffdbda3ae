import { constants, isUtf8 } from "node:buffer";

import { ProtocolError } from "../../errors/errors.ts";
import { type Bytes, allocate } from "../../protocol/bytes.ts";
import { type DataOpcode, Opcode } from "../../protocol/opcodes.ts";
import type { JsonLimits } from "../../util/json-checks.ts";
import { parseJson } from "./json.ts";

/**
 * What `onMessage` is handed, whatever the peer's frame was: `"text"` strings, `"blob"` bytes, `"object"` parsed JSON;
 * `"auto"` (not 4D's): strings for text frames, bytes for binary ones.
 */
export type DataType = "text" | "blob" | "object" | "auto";

/** The type of `event.data` under each `DataType`. */
export interface DataOf {
  /** The text, or a binary frame's bytes as UTF-8. */
  text: string;
  /** The bytes. */
  blob: Buffer;
  /** What `JSON.parse` returns, without keys through which a prototype is reached. */
  object: unknown;
  /** A string or bytes, as the peer sent it. */
  auto: string | Buffer;
}

/**
 * Converts a message into the handler's `event.data`, in two steps. Both throw a `HawserError` whose row in the error table has
 * the close code.
 */
export interface Decoder {
  /** When a message has arrived: its bytes, or a string. */
  readonly bytes: (opcode: DataOpcode, bytes: Bytes, start: number, end: number, ascii: boolean) => Bytes | string;
  /** Whether every text becomes a string. */
  readonly textAsString: boolean;
  /** Whether a text may be a request to the library: then no text is streamed. */
  readonly mayBeRequest?: boolean;
  /**
   * Before a message is delivered; undefined: it is delivered as it is. Messages that wait for a handler are not parsed: as
   * objects they would take many times their bytes.
   */
  readonly parse: ((text: string) => unknown) | undefined;
}

/** Decodes messages under the `DataType` "object", within limits. */
export function objectDecoder(limits: JsonLimits): Decoder {
  return { bytes: decodeText, textAsString: true, parse: (text) => parseJson(text, limits) };
}

/** How messages are decoded under each `DataType` but "object", which has limits. */
export const decoders: Readonly<Record<Exclude<DataType, "object">, Decoder>> = {
  text: { bytes: decodeText, textAsString: true, parse: undefined },
  blob: {
    bytes: (_opcode, bytes, start, end) => viewOf(bytes, start, end),
    textAsString: false,
    parse: undefined,
  },
  auto: {
    bytes: (opcode, bytes, start, end, ascii) =>
      opcode === Opcode.text ? decodeText(opcode, bytes, start, end, ascii) : viewOf(bytes, start, end),
    textAsString: true,
    parse: undefined,
  },
};

/** An empty message has memory of its own: it is not lost if a handler transfers the memory of the message before it. */
function viewOf(bytes: Bytes, start: number, end: number): Bytes {
  return start === end ? allocate(0) : bytes.subarray(start, end);
}

function decodeText(opcode: DataOpcode, bytes: Bytes, start: number, end: number, ascii: boolean): string {
  // The platform throws for a string of more than 512 MiB, which a user's limit may allow.
  if (end - start > constants.MAX_STRING_LENGTH) throw new ProtocolError("HWS_MESSAGE_TOO_BIG", "for a string");
  // ASCII needs no check, and a one-byte string takes half the memory.
  if (ascii) return bytes.latin1Slice(start, end);
  // A text frame was checked by the reader, a binary one was not.
  if (opcode === Opcode.binary && !isUtf8(bytes.subarray(start, end)))
    throw new ProtocolError("HWS_INVALID_UTF8", 'a binary message under dataType "text" or "object"');
  return bytes.utf8Slice(start, end);
}
