import type { Connection } from "../connection/connection.ts";
import { Compression, type OutgoingMessage, outgoingMessage } from "../connection/sending/outgoing-message.ts";
import { InvalidArgumentError } from "../errors/errors.ts";
import { describe } from "../util/describe.ts";
import { type WsSendCallback, sendThen } from "./callback-send.ts";

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
  sendThen(connection, messageOf(data, options), callback);
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
