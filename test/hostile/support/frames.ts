import { hex, join, utf8 } from "../../support/bytes.ts";
import { KEY, asClient, encode } from "../../support/frames.ts";

/** The opening handshake of a client that is not a browser. */
export function handshake(target: string, extensions?: string, protocol?: string): Uint8Array {
  const fields = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
  const offer = extensions === undefined ? "" : `Sec-WebSocket-Extensions: ${extensions}\r\n`;
  const asked = protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  return utf8(`GET ${target} HTTP/1.1\r\n${fields}${offer}${asked}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
}

/** A client's text message, in one frame. */
export function text(message: string): Uint8Array {
  return encode({ opcode: 1, payload: utf8(message) }, KEY);
}

/** A client's text message with RSV1: a compressed one with this payload. */
export function compressedText(payload: Uint8Array): Uint8Array {
  return encode({ opcode: 0x41, payload }, KEY);
}

/** A client's ping. */
export function ping(size: number): Uint8Array {
  return encode({ opcode: 9, payload: new Uint8Array(size) }, KEY);
}

/** A client's close frame. */
export function close(code: number, reason = ""): Uint8Array {
  return encode({ opcode: 8, payload: join([Uint8Array.of(code >> 8, code & 0xff), utf8(reason)]) }, KEY);
}

/** The first frame of a fragmented binary message. */
export function begin(size: number): Uint8Array {
  return encode({ opcode: 2, fin: false, payload: new Uint8Array(size) }, KEY);
}

/** A continuation frame that is not the last one. */
export function more(size: number): Uint8Array {
  return encode({ opcode: 0, fin: false, payload: new Uint8Array(size) }, KEY);
}

/** The first bytes of a binary message: its header, and half of its payload. */
export function half(size: number): Uint8Array {
  const frame = encode({ opcode: 2, payload: new Uint8Array(size) }, KEY);
  return frame.subarray(0, frame.length - size / 2);
}

/** The header of a binary message with any length in eight bytes. */
export function announce(length: bigint): Uint8Array {
  return asClient(hex(`82 7f ${length.toString(16).padStart(16, "0")}`));
}
