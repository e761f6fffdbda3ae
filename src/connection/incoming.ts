import type { Bytes } from "../protocol/bytes.ts";
import { FrameReader, type FrameSink } from "../protocol/frame-reader.ts";
import type { StreamedBody } from "../protocol/message-body.ts";
import { type DataOpcode, Opcode } from "../protocol/opcodes.ts";
import { ReaderRules } from "../protocol/reader-rules.ts";
import type { HandlerCallbacks } from "./dispatch/handler-callbacks.ts";
import { startsMessages } from "./dispatch/message-start.ts";
import { IncomingMessage, type IncomingOwner } from "./receiving/incoming-message.ts";
import type { ReadFlow } from "./receiving/read-flow.ts";
import { type ConnectionSettings, readerOptionsOf, readerRulesOf } from "./settings.ts";

/** A connection, as its reader and its incoming messages need it. */
export interface ReceivingConnection extends FrameSink {
  /** Those of its owner. */
  readonly settings: ConnectionSettings;
  /** Messages are delivered only while it is "Connected". */
  readonly status: "Connected" | "Closing" | "Closed";
  /** Is told of messages. */
  readonly liveness: { noteMessage(): void };
  /** Calls the handler. */
  readonly dispatcher: { dispatchMessage(message: unknown): void };
  /** Decides when reading pauses. */
  ensureReadFlow(): ReadFlow;
  /** Answers a request of `autoResponse`. */
  answer(): void;
  /** Whether a message is delivered. It is counted. */
  acceptsMessage(): boolean;
  /** A message cannot be decoded, or is too big. */
  onUndecodable(error: unknown): void;
}

/** The reader of a connection. Only if its handler has `onMessageStart`, messages may be streamed: other connections pay nothing for it. */
export function readerOf(connection: ReceivingConnection, handler: HandlerCallbacks, compressed: boolean): FrameReader {
  const { settings } = connection;
  if (!startsMessages(handler)) return new FrameReader(connection, readerRulesOf(settings, compressed));
  const incoming = new Incoming(connection);
  const bodyFor = (opcode: DataOpcode, transformed: boolean): StreamedBody | undefined =>
    opcode === Opcode.text && settings.decode.mayBeRequest === true
      ? undefined
      : new IncomingMessage(opcode, transformed, incoming, rules);
  const rules = new ReaderRules({ ...readerOptionsOf(settings, compressed), bodyFor });
  return new FrameReader(connection, rules);
}

/** A connection whose handler has `onMessageStart`, as its incoming messages see it. */
class Incoming implements IncomingOwner {
  readonly #connection: ReceivingConnection;

  constructor(connection: ReceivingConnection) {
    this.#connection = connection;
  }

  get settings(): ConnectionSettings {
    return this.#connection.settings;
  }

  ensureReadFlow(): ReadFlow {
    return this.#connection.ensureReadFlow();
  }

  takesRequest(opcode: DataOpcode, payload: Bytes, transformed: boolean): boolean {
    const { autoResponse } = this.settings;
    const isRequest = transformed
      ? autoResponse?.isCompressedRequest(opcode, payload, this.settings)
      : autoResponse?.isRequest(opcode, payload, 0, payload.length);
    if (isRequest === true) this.#connection.answer();
    return isRequest === true;
  }

  acceptsMessage(): boolean {
    return this.#connection.acceptsMessage();
  }

  noteProgress(): void {
    this.#connection.liveness.noteMessage();
  }

  onMessageStart(message: IncomingMessage): void {
    this.#connection.dispatcher.dispatchMessage(message);
  }

  onGathered(data: unknown): void {
    if (this.#connection.status === "Connected") this.#connection.dispatcher.dispatchMessage(data);
  }

  onUndecodable(error: unknown): void {
    this.#connection.onUndecodable(error);
  }
}
