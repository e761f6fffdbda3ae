import type { Connection } from "../connection/connection.ts";
import { Compression, type OutgoingMessage, outgoingMessage } from "../connection/sending/outgoing-message.ts";
import { SendResult } from "../connection/sending/send-result.ts";
import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import { describe } from "../util/describe.ts";

/** Options of `send`. */
export interface WsSendOptions {
  /** Whether it is sent as bytes. Default: a string is sent as a text, anything else as bytes. */
  readonly binary?: boolean | undefined;
  /** Whether it may be compressed, if the server has the option `compression` and the peer agreed. Default true. */
  readonly compress?: boolean | undefined;
  /** Only true: a message is sent whole. */
  readonly fin?: boolean | undefined;
  /** Only false: a server masks nothing (RFC 6455 5.1). */
  readonly mask?: boolean | undefined;
}

/** Called when the peer is ready for more, or with the error because of which the message may not have arrived. */
export type WsSendCallback = (error?: Error) => void;

/** The callback of a `send` that gives none. */
export function ignore(): void {
  // Nobody waits.
}

/**
 * Sends a message as the package `ws` does. The callback is called later, never within the call: at once if the peer is quick, when
 * no more than `highWaterMark` bytes wait if it is slow, and with an error if the message was dropped.
 *
 * @throws {InvalidArgumentError} for anything but a string, a number, bytes or a `Blob`
 */
export function sendLikeWs(
  connection: Connection,
  data: unknown,
  options: WsSendOptions,
  callback: WsSendCallback,
): void {
  const message = messageOf(data, options);
  const wasOpen = connection.status === "Connected";
  const result = connection.send(message, false);
  if (result === SendResult.accepted) process.nextTick(callback);
  else if (result === SendResult.dropped)
    process.nextTick(callback, wasOpen ? new HawserError("HWS_SEND_QUEUE_FULL") : notConnected());
  else
    void connection.whenDrained().then((hasDrained) => {
      // What the callback throws must not become a rejection of ours.
      process.nextTick(callback, hasDrained ? undefined : notConnected());
    });
}

/** The error for what is sent when the connection is closing or closed. */
export function notConnected(): HawserError {
  return new HawserError("HWS_NOT_CONNECTED");
}

function messageOf(data: unknown, options: WsSendOptions): OutgoingMessage {
  checkOptions(options);
  const { binary, compress } = options;
  const isSendable = typeof data === "string" || typeof data === "number" || isBytes(data);
  // An object is JSON elsewhere. Here it is a mistake, as in `ws`.
  if (!isSendable) throw new InvalidArgumentError(`send: expected a string or bytes, got ${describe(data)}`);
  const given = typeof data === "number" ? String(data) : data;
  const compression = compress === false ? Compression.forbidden : Compression.allowed;
  return outgoingMessage(convert(given, binary), { key: undefined, compression });
}

function isBytes(data: unknown): boolean {
  const isView = ArrayBuffer.isView(data) || data instanceof ArrayBuffer;
  return isView || data instanceof SharedArrayBuffer || data instanceof Blob;
}

/** A text as bytes, or bytes as a text, if the options say so. */
function convert(data: unknown, binary: boolean | undefined): unknown {
  if (typeof data === "string") return binary === true ? Buffer.from(data) : data;
  if (binary !== false) return data;
  if (data instanceof Blob) throw new InvalidArgumentError("send: binary: a Blob is sent as bytes");
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(data) ? data : new Uint8Array(data as ArrayBuffer);
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString();
}

function checkOptions(options: unknown): void {
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError(`send: options: expected an object, got ${describe(options)}`);
  const { fin, mask } = options as WsSendOptions;
  if (fin === false) throw new InvalidArgumentError("send: fin: a message cannot be sent in parts: send it whole");
  if (mask === true) throw new InvalidArgumentError("send: mask: a server's frames are not masked (RFC 6455 5.1)");
}
