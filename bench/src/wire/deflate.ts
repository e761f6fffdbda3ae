import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

/** RSV1: the first frame of a compressed message has it (RFC 7692 7.2.1). */
export const COMPRESSED = 0x40;

/** The offer of a browser. */
export const DEFLATE_OFFER = "permessage-deflate; client_max_window_bits";

// A message ends with an empty block, of which these four bytes are not sent (RFC 7692 7.2.1).
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

const WINDOW = 32 * 1024;

/**
 * Compresses a message by itself. It has no reference to the message before it. So a receiver can read it with or without
 * the window of earlier messages.
 *
 * @returns the payload of its frame
 */
export function deflated(message: Buffer): Buffer {
  const bytes = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH });
  return bytes.subarray(0, bytes.length - TAIL.length);
}

/** Reads the compressed messages of one connection in their order. They may refer to earlier messages (RFC 7692 7.2.3.2). */
export class MessageInflater {
  #window: Buffer = Buffer.alloc(0);

  /**
   * Reads the next message.
   *
   * @throws Error - if the payload is no compressed message
   */
  inflate(payload: Buffer): Buffer {
    const dictionary = this.#window.length > 0 ? { dictionary: this.#window } : {};
    const message = inflateRawSync(Buffer.concat([payload, TAIL]), {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...dictionary,
    });
    this.#window = Buffer.concat([this.#window, message]).subarray(-WINDOW);
    return message;
  }
}

/**
 * The number of bytes to which the messages of a client may refer, by the answer of the server (RFC 7692 7.1.2.2).
 *
 * @param head - the head of the HTTP response
 * @returns undefined if the server did not agree to compress
 */
export function agreedWindow(head: string): number | undefined {
  const value = /^sec-websocket-extensions: *(permessage-deflate.*)$/im.exec(head)?.[1];
  if (value === undefined) return undefined;
  const bits = /client_max_window_bits="?(\d+)/i.exec(value)?.[1];
  return 2 ** Number(bits ?? 15);
}
