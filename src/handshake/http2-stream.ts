import type { ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";

/** The error codes of HTTP/2 that are used here (RFC 9113 7). */
export const Http2Code = { noError: 0, cancel: 8, enhanceYourCalm: 11 } as const;

/** What streams of HTTP/2 have, of a server or of a client, and others have not. */
interface Http2Stream extends Duplex {
  readonly rstCode: number;
  readonly closed: boolean;
  close(code: number): void;
}

/** Whether a stream is one of HTTP/2. */
export function isHttp2Stream(stream: Duplex): stream is Http2Stream {
  return "rstCode" in stream;
}

/** Whether it is one of a server: an answer with headers is still due, or was given. */
export function isServerStream(stream: Duplex): stream is ServerHttp2Stream {
  return isHttp2Stream(stream) && "respond" in stream;
}

/** Resets a stream, as a TCP connection is reset (RFC 8441 5). A stream that is not of HTTP/2 stays as it is. */
export function resetIfHttp2(stream: Duplex): void {
  if (isHttp2Stream(stream) && !stream.closed) stream.close(Http2Code.cancel);
}

/**
 * Closes the stream when it has sent everything, without an error (RFC 9113 8.1). The peer need not end its side, and some
 * clients wait for this.
 */
export function closeWhenSent(stream: ServerHttp2Stream): void {
  stream.once("finish", () => {
    if (!stream.closed) stream.close(Http2Code.noError);
  });
}
