/** What a server has sent so far, read by RFC 6455 5.2, without src/. Payloads are not kept. */
export class Received {
  /** The HTTP status, once the response's head has come. */
  status: number | undefined;
  /** The code of the close frame, 1005 when it has none. */
  code: number | undefined;
  /** Frames by their opcode. */
  readonly frames = new Map<number, number>();
  /** Bytes that are not parsed yet: the beginning of a head or of a frame. */
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes of a payload that are still to come. */
  #skip = 0;

  /** The answer came over HTTP/2, and is no part of the bytes: a WebSocket counts as 101. */
  open(status: number | undefined): void {
    this.status = status === 200 ? 101 : status;
  }

  /** Reads the next bytes. */
  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.status === undefined) bytes = this.#head(bytes);
    if (this.status === 101) bytes = this.#read(bytes);
    else if (this.status !== undefined) bytes = bytes.subarray(bytes.length);
    // A copy: a few bytes must not keep a whole chunk in memory.
    this.#rest = Buffer.from(bytes);
  }

  #head(bytes: Buffer): Buffer {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) return bytes;
    this.status = Number(bytes.toString("latin1", 9, 12));
    return bytes.subarray(end + 4);
  }

  #read(bytes: Buffer): Buffer {
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#skip, bytes.length - at);
      this.#skip -= skipped;
      at += skipped;
      const short = bytes[at + 1];
      if (this.#skip > 0 || short === undefined) return bytes.subarray(at);
      const body = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      const opcode = bytes.readUInt8(at) & 0x0f;
      // A close frame is read completely, for its code.
      if (bytes.length < body + (opcode === 8 ? short : 0)) return bytes.subarray(at);
      if (opcode === 8) this.code = short === 0 ? 1005 : bytes.readUInt16BE(body);
      this.frames.set(opcode, (this.frames.get(opcode) ?? 0) + 1);
      this.#skip =
        short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      at = body;
    }
  }
}
