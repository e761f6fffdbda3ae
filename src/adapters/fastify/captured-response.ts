import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Writable } from "node:stream";

import { type Refusal, refuse } from "../../handshake/refusal.ts";

/** Bytes of a body that are kept. A longer one is left out: a refusal is a line of text, or an error as JSON. */
const MAX_BODY = 65_536;

/** Only the library sets these headers of a refusal. Node sets the date. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** Ends the head of an answer. */
const END_OF_HEAD = "\r\n\r\n";

/**
 * A response that is written to memory. A framework gets it in place of one on the client's socket: what it answers to a
 * handshake becomes a refusal.
 */
export class CapturedResponse extends ServerResponse {
  readonly #written: Buffer[] = [];
  #size = 0;

  /** A response to this request. */
  constructor(request: IncomingMessage) {
    super(request);
    // The body is written as it is, up to its end.
    this.useChunkedEncodingByDefault = false;
    const memory = new Writable({
      // Only a web server tells a response when its socket is ready for more. This one always is: `write` returns true.
      highWaterMark: Number.MAX_SAFE_INTEGER,
      write: (chunk: Buffer, _encoding, done) => {
        this.#keep(chunk);
        done();
      },
    });
    // With an error, `destroy` of the response emits it here. Without a listener it would end the process.
    memory.on("error", () => undefined);
    // Node uses of it what every writable stream has.
    this.assignSocket(memory as unknown as Socket);
  }

  /**
   * What was answered, as a refusal. An answer that is no refusal, such as 200, becomes 403: it opens no WebSocket. So does a
   * response that was cut before its head. The body of one that was cut later is left out.
   */
  refusal(): Refusal {
    const written = afterInformation(Buffer.concat(this.#written));
    const end = written.indexOf(END_OF_HEAD);
    const headers = headersOf(written.toString("latin1", 0, Math.max(end, 0)));
    // A body that is compressed, cut, or too long, is left out.
    const isWhole = !this.destroyed && this.#size <= MAX_BODY;
    const hasBody = isWhole && written.length > end + 4 && headers["content-encoding"] === undefined;
    delete headers["content-encoding"];
    if (!hasBody) delete headers["content-type"];
    const status = this.statusCode >= 300 && this.statusCode <= 599 ? this.statusCode : 403;
    return refuse(status, hasBody ? written.toString("utf8", end + 4) : undefined, headers);
  }

  #keep(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size <= MAX_BODY || this.#written.length === 0) this.#written.push(chunk);
  }
}

/** What follows the heads of answers 1xx, such as those of `writeEarlyHints` (RFC 9110 15.2). */
function afterInformation(written: Buffer): Buffer {
  let rest = written;
  while (/^HTTP\/1\.1 1\d\d /.test(rest.toString("latin1", 0, 13)) && rest.includes(END_OF_HEAD))
    rest = rest.subarray(rest.indexOf(END_OF_HEAD) + END_OF_HEAD.length);
  return rest;
}

/** The headers of an answer, as Node has written them. */
function headersOf(head: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (NOT_COPIED.has(name)) continue;
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}
