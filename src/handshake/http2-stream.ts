import type { ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";

/** The error codes of HTTP/2 that are used here (RFC 9113 7). */
export const Http2Code = { noError: 0, refusedStream: 7, cancel: 8, http11Required: 13 } as const;

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

/** Turns after which a stream whose end has not gone out is closed in any case. */
const MAX_TURNS = 100;

/**
 * Closes the stream when it has sent everything, without an error (RFC 9113 8.1). The peer need not end its side, and some
 * clients wait for this. Its END_STREAM goes out before: to browsers a stream without one is broken.
 */
export function closeWhenSent(stream: ServerHttp2Stream): void {
  stream.once("finish", () => {
    closeAfterEnd(stream, MAX_TURNS);
  });
}

/** Node says "finish" when the end is on its way, and the stream's state knows when it has gone. */
function closeAfterEnd(stream: ServerHttp2Stream, turns: number): void {
  if (stream.closed || stream.destroyed) return;
  if (stream.state.localClose === 1 || turns === 0) stream.close(Http2Code.noError);
  else
    setImmediate(() => {
      closeAfterEnd(stream, turns - 1);
    });
}
