import type { Decoder } from "../connection/receiving/decode.ts";
import { Opcode } from "../protocol/opcodes.ts";
import { HEADER_START } from "../topics/topic-frame.ts";
import { readTopicRequest, topicFrameError } from "../topics/topic-request.ts";

/** The byte of `HEADER_START`. */
const START_BYTE = HEADER_START.charCodeAt(0);

/**
 * Decodes what a client of `hawser.v1` sends: a text that begins as a request becomes a `TopicRequest`, just before it is delivered. Everything
 * else is decoded as for other connections. A binary message that begins so is an error, whatever the `dataType`.
 */
export function requestDecoder(decoder: Decoder): Decoder {
  const { parse } = decoder;
  return {
    textAsString: decoder.textAsString,
    mayBeRequest: true,
    bytes: (opcode, bytes, start, end, ascii) => {
      if (start === end || bytes[start] !== START_BYTE) return decoder.bytes(opcode, bytes, start, end, ascii);
      if (opcode === Opcode.binary) throw topicFrameError();
      // Under the `dataType` "blob" too: no other message is a string then.
      return ascii ? bytes.latin1Slice(start, end) : bytes.utf8Slice(start, end);
    },
    // Without a `parse` of its own, a decoder may have made bytes of it.
    parse: (data: unknown) => {
      if (typeof data === "string" && data.startsWith(HEADER_START)) return readTopicRequest(data);
      return parse === undefined ? data : parse(data as string);
    },
  };
}
