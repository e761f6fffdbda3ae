import type { DeflateSettings } from "../../compression/settings.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { inNextTurn } from "../transport/turn.ts";

/** A sender, as the fragments of a stream need it. */
export interface FragmentSink {
  /** Where the frames go. */
  readonly buffer: {
    addFrame(firstByte: number, payload: Bytes, messages: number): void;
    flush(): void;
  };
  /** Whether a frame would be written at once: the stream of the connection takes more, and no message waits before it. */
  readonly isWritable: boolean;
  /** The connection is in use. */
  noteProgress(): void;
}

/** Compresses the messages of a connection. */
interface FragmentCompressor {
  isWorth(payload: Bytes): boolean;
  readonly parameters: DeflateSettings;
  forgetHistory(): void;
}

/** The preparation queue in which a message waits for its turn. */
interface WritableWaiter {
  /** The message will be written. */
  readonly isWanted: boolean;
  /** Settles when the sender is writable, or the message is not wanted any more. */
  whenWritable(): Promise<void>;
}

/** Writes the fragments of one message as fast as the peer takes them. */
export class FragmentWriter {
  readonly #sink: FragmentSink;
  readonly #queue: WritableWaiter;
  /** Undefined: the connection does not compress. */
  readonly compressor: FragmentCompressor | undefined;

  constructor(sink: FragmentSink, queue: WritableWaiter, compressor: FragmentCompressor | undefined) {
    this.#sink = sink;
    this.#queue = queue;
    this.compressor = compressor;
  }

  /** Settles when a frame may be written: what waits in memory is one fragment. */
  async whenWritable(): Promise<void> {
    while (!this.#sink.isWritable && this.#queue.isWanted) await this.#queue.whenWritable();
  }

  /** Writes a fragment that is not the last one. Then other connections get their turn. */
  async write(firstByte: number, payload: Bytes): Promise<void> {
    this.#sink.buffer.addFrame(firstByte, payload, 0);
    this.#sink.buffer.flush();
    this.#sink.noteProgress();
    await nextTurn();
  }
}

/** Settles in the next turn. */
export function nextTurn(): Promise<void> {
  return new Promise((turn) => inNextTurn(turn));
}
