import { sharedInflater } from "../compression/zlib.ts";
import type { Bytes } from "../protocol/bytes.ts";
import { type DataOpcode, Opcode } from "../protocol/opcodes.ts";
import { Compression, type OutgoingMessage } from "./sending/outgoing-message.ts";
import { SendResult } from "./sending/send-result.ts";

/** The most bytes of a compressed message that may be a request: one of 125 bytes, with what its compressor adds. */
const MAX_COMPRESSED = 256;

/** With the policy `"latest"` a newer answer takes the place of one that waits, and never that of a message of the application. */
const KEY = "hawser:autoResponse";

/** The limit of a message. */
interface SizeLimit {
  /** Bytes that a message may have. */
  readonly maxMessageSize: number;
}

/** What sends an answer: a connection's sender. */
interface AnswerSender {
  send(message: OutgoingMessage, reportsDrain: boolean): SendResult;
}

/**
 * A text that the connections of one server answer by themselves, and the answer. Browsers cannot ping, and do not see the
 * server's pings: they ask like this. No handler is called.
 */
export class AutoResponse {
  /** The text that is answered. */
  readonly request: string;
  /** The requests that were answered, over all connections. */
  answered = 0;
  readonly #request: Buffer;
  readonly #response: OutgoingMessage;

  constructor(request: string, response: string) {
    this.request = request;
    this.#request = Buffer.from(request);
    this.#response = { opcode: Opcode.text, payload: response, key: KEY, compression: Compression.allowed };
  }

  /** Whether a message is the request. */
  isRequest(opcode: DataOpcode, bytes: Bytes, start: number, end: number): boolean {
    const request = this.#request;
    if (opcode !== Opcode.text || end - start !== request.length) return false;
    return request.compare(bytes, start, end) === 0;
  }

  /** The same for a compressed message. What is longer than the request is decompressed only so far. */
  isCompressedRequest(opcode: DataOpcode, payload: Bytes, { maxMessageSize }: SizeLimit): boolean {
    if (opcode !== Opcode.text || payload.length > MAX_COMPRESSED) return false;
    const maxSize = Math.min(this.#request.length, maxMessageSize);
    const inflated = sharedInflater.inflate(payload, 0, payload.length, maxSize);
    return typeof inflated !== "string" && this.isRequest(opcode, inflated, 0, inflated.length);
  }

  /** Sends the answer, after what was sent before. */
  answerBy(sender: AnswerSender): void {
    if (sender.send(this.#response, false) !== SendResult.dropped) this.answered++;
  }
}
