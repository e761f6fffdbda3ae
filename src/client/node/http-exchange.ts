import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Duplex, Readable } from "node:stream";

import { ConnectError, type ConnectErrorDetails } from "../connect-error.ts";
import { Relay } from "./relay.ts";
import { connectError, isOfNetwork, networkStage } from "./sockets.ts";
import { discard, ignoreErrors } from "./streams.ts";

/** A request over a stream that is connected already. */
export interface Exchange {
  /** "GET" for the handshake, "CONNECT" for a proxy. */
  readonly method: "GET" | "CONNECT";
  /** The request's target. */
  readonly path: string;
  /** All headers: names and values in turn. */
  readonly headers: readonly string[];
  /** Bytes that the answer may have, with all answers before it. */
  readonly maxHeaderSize: number;
}

/** An answer after which the stream carries another protocol. */
export interface SwitchedStream {
  /** The answer. */
  readonly response: IncomingMessage;
  /** The stream. */
  readonly stream: Duplex;
  /** Bytes that came with the answer. */
  readonly head: Buffer;
  /** Bytes of the answer, with all answers before it. */
  readonly size: number;
}

/** An answer that keeps the stream as HTTP: a refusal. */
export interface RefusedExchange {
  /** The answer. */
  readonly response: IncomingMessage;
  /** The first KiB of its body. */
  readonly body: string;
}

/** Bytes of a refusal's body that are read. */
const MAX_BODY = 1024;

/** Milliseconds for them. */
const BODY_TIMEOUT = 1_000;

/**
 * Sends a request over a stream, and waits for the answer. The stream is destroyed unless it was switched. A `Relay` is released then:
 * the answer has the stream that it stood for. Rejects with a `ConnectError`.
 */
export function exchange(
  stream: Duplex,
  { method, path, headers, maxHeaderSize }: Exchange,
  signal: AbortSignal,
): Promise<SwitchedStream | RefusedExchange> {
  // It may fail before Node listens to it.
  ignoreErrors(stream);
  // Node would wait for ever.
  if (stream.destroyed) return Promise.reject(closedError(stream));
  let sent: ClientRequest;
  try {
    sent = request({
      createConnection: () => stream,
      method,
      path,
      headers: headers as string[],
      maxHeaderSize,
      signal,
    });
  } catch (cause) {
    // Node refuses what it takes for no HTTP.
    discard(stream);
    return Promise.reject(connectError(cause, "http"));
  }
  // By default Node hides the headers after the first 1,000: a second `Sec-WebSocket-Accept` could be among them.
  sent.maxHeadersCount = 0;
  sent.end();
  return answerTo(sent, stream, maxHeaderSize, signal);
}

function answerTo(
  sent: ClientRequest,
  stream: Duplex,
  maxHeaderSize: number,
  signal: AbortSignal,
): Promise<SwitchedStream | RefusedExchange> {
  return new Promise((resolve, reject) => {
    const fail = (error: ConnectError): void => {
      discard(stream);
      reject(error);
    };
    // Node does not notice that a stream closes before Node listens to it.
    const onClose = (): void => fail(closedError(stream));
    stream.once("close", onClose);
    const counter = countBytes(sent);
    const onSwitched = (response: IncomingMessage, switched: Duplex, head: Buffer): void => {
      counter.stop();
      stream.off("close", onClose);
      const size = counter.bytes - head.length;
      if (size > maxHeaderSize) return fail(tooLarge());
      const own = switched instanceof Relay ? switched.release(head) : { stream: switched, head };
      // Node has removed its own listeners.
      ignoreErrors(own.stream);
      resolve({ response, ...own, size });
    };
    // Answers before the last one. What came with them in one read may be more than headers.
    let informationBytes = 0;
    sent.on("information", ({ rawHeaders }: { rawHeaders: string[] }) => {
      informationBytes += "HTTP/1.1 100 \r\n\r\n".length + rawHeaders.join("....").length;
      if (Math.max(informationBytes, counter.before) > maxHeaderSize) fail(tooLarge());
    });
    sent.once("upgrade", onSwitched).once("connect", onSwitched);
    let isAnswered = false;
    sent.once("response", (response) => {
      isAnswered = true;
      counter.stop();
      // What follows is no answer: the first one counts.
      sent.off("upgrade", onSwitched).off("connect", onSwitched);
      stream.off("close", onClose);
      if (counter.before > maxHeaderSize) return fail(tooLarge());
      // To Node it is an ordinary answer: a header for the upgrade is missing.
      if (response.statusCode === 101) return fail(notSwitched(response));
      readBody(response).then((body) => {
        discard(stream);
        resolve({ response, body });
      }, reject);
    });
    sent.on("error", (cause: Error) => {
      if (signal.aborted) fail(connectError(signal.reason, "tcp"));
      // A refusal counts, however its body ends: `readBody` takes what there is.
      else if (!isAnswered) fail(exchangeError(cause, stream));
    });
  });
}

/** A stream has closed before the answer. */
function closedError({ errored }: Duplex): ConnectError {
  return errored === null ? connectError(new Error("the connection was closed"), "tcp") : streamError(errored);
}

/** A stream has failed before the answer. */
function streamError(cause: Error): ConnectError {
  return connectError(cause, isOfTls(cause) ? "tls" : networkStage(cause));
}

/** With TLS 1.3 a server refuses the client's certificate by an alert in place of its answer. */
function isOfTls(cause: Error): boolean {
  const { code } = cause as NodeJS.ErrnoException;
  return code === "EPROTO" || code?.startsWith("ERR_SSL_") === true;
}

function exchangeError(cause: Error, stream: Duplex): ConnectError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "HPE_HEADER_OVERFLOW") return tooLarge(cause);
  // Node's parser does not give its error to the stream.
  if (stream.errored === cause || isOfTls(cause) || isOfNetwork(cause)) return streamError(cause);
  const details: ConnectErrorDetails = { stage: "http", cause };
  return new ConnectError("HWS_BAD_HANDSHAKE", cause.message, details);
}

function notSwitched(response: IncomingMessage): ConnectError {
  const details = { stage: "handshake", headers: headersOf(response) } as const;
  return new ConnectError("HWS_BAD_HANDSHAKE", "101 without Upgrade and Connection: Upgrade", details);
}

/** Counts the bytes that a request reads: Node limits each answer alone, and there may be any number of answers 1xx. */
function countBytes(sent: ClientRequest): { readonly bytes: number; readonly before: number; stop(): void } {
  const counter = { bytes: 0, before: 0, stop: (): void => undefined };
  const count = (chunk: Buffer): void => {
    counter.before = counter.bytes;
    counter.bytes += chunk.length;
  };
  sent.once("socket", (socket) => {
    // Before Node's parser gets them.
    socket.prependListener("data", count);
    counter.stop = () => void socket.off("data", count);
  });
  return counter;
}

/** The error of an answer that is too large. */
export function tooLarge(cause?: Error): ConnectError {
  return new ConnectError("HWS_BAD_HANDSHAKE", "the headers are larger than maxHeaderSize", { stage: "http", cause });
}

/** The first bytes of a body, as text. A server may send it without an end, or never. */
export function readBody(response: Readable): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let size = 0;
    const finish = (): void => {
      clearTimeout(timer);
      resolve(Buffer.concat(parts).subarray(0, MAX_BODY).toString());
    };
    const timer = setTimeout(finish, BODY_TIMEOUT);
    response.on("data", (part: Buffer) => {
      if (size < MAX_BODY) parts.push(part);
      size += part.length;
      if (size >= MAX_BODY) finish();
    });
    response.once("end", finish).once("close", finish).on("error", finish);
  });
}

/** Whether the stream carries another protocol now. */
export function isSwitched(answer: SwitchedStream | RefusedExchange): answer is SwitchedStream {
  return "stream" in answer;
}

/** The headers of an answer. */
export function headersOf({ rawHeaders }: { readonly rawHeaders: readonly string[] }): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    // Node's parser lets characters pass that `Headers` refuses.
    try {
      headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
    } catch {
      continue;
    }
  }
  return headers;
}

/** Text of a peer as a message shows it: without control characters, and not longer than this. */
const MAX_SHOWN = 200;

/** Makes text of a peer fit for a message: a terminal must not obey it. */
export function shown(text: string): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`);
  return safe.length <= MAX_SHOWN ? safe : `${safe.slice(0, MAX_SHOWN)}…`;
}
