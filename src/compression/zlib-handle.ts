import { constants } from "node:zlib";

import { HawserError } from "../errors/errors.ts";
import type { Bytes } from "../protocol/bytes.ts";

const { Z_SYNC_FLUSH, Z_NEED_DICT, Z_DATA_ERROR } = constants;

/** A stream of node:zlib. The names with an underscore are Node's own, and not public. */
interface ZlibStream {
  readonly _handle: {
    onerror: (message: string, errno: number) => void;
    writeSync: (
      flush: number,
      input: Bytes,
      start: number,
      length: number,
      output: Bytes,
      offset: number,
      size: number,
    ) => void;
  };
  /** The sizes of the free output and of the input that was not read, after a write. */
  readonly _writeState: Uint32Array;
  reset(): void;
  close(): void;
}

/** zlib's error of the last write; 0: none. */
let failure = 0;

function onFailure(_message: string, errno: number): void {
  failure = errno;
}

/** A kept handle of zlib: the state of a stream, without the stream's queue, events and chunks. */
export class Handle {
  readonly #stream: ZlibStream;

  constructor(stream: unknown) {
    this.#stream = stream as ZlibStream;
    // Node's own function destroys the stream. After an error `reset` starts it anew.
    this.#stream._handle.onerror = onFailure;
  }

  /** The size of the output that the last write left free. If it is 0, there may be more. */
  get free(): number {
    return this.#stream._writeState[0] ?? 0;
  }

  /** The size of the input that the last write did not read. */
  get unread(): number {
    return this.#stream._writeState[1] ?? 0;
  }

  /**
   * Writes `input[start, start + length)` and gets `output[offset, offset + size)`. The caller has checked that both ranges lie
   * in their memory: Node ends the process otherwise.
   *
   * @returns 0, or zlib's error
   */
  write(input: Bytes, start: number, length: number, output: Bytes, offset: number, size: number): number {
    failure = 0;
    this.#stream._handle.writeSync(Z_SYNC_FLUSH, input, start, length, output, offset, size);
    return failure;
  }

  /** Starts anew: without history, and without an error. */
  reset(): void {
    this.#stream.reset();
  }

  /** Frees its memory. It must not be used any more. */
  close(): void {
    this.#stream.close();
  }
}

/**
 * False: the data is not DEFLATE.
 *
 * @throws {HawserError} (`HWS_INTERNAL`) for any other error, such as that of memory that zlib did not get
 */
export function isMalformed(error: number): false {
  if (error === Z_DATA_ERROR || error === Z_NEED_DICT) return false;
  throw new HawserError("HWS_INTERNAL", `zlib failed (${error})`);
}
