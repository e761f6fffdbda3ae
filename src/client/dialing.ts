import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import { isToken } from "../handshake/rules/tokens.ts";
import { ConnectError } from "./connect-error.ts";
import type { Dial, Provided } from "./handler.ts";
import type { AcceptedDial, DialRequest } from "./link.ts";
import { readUrl } from "./url.ts";

/** What a dial asks the application for. */
export interface DialSources {
  /** The URL. */
  readonly url: Provided<string | URL>;
  /** The subprotocols. */
  readonly protocols: Provided<string | readonly string[] | undefined>;
  /** The address of the page; undefined: there is none. */
  readonly baseUrl: string | undefined;
}

/** A dial that is under way. */
export interface RunningDial {
  /** When it began, as the platform's `now`. */
  readonly startedAt: number;
  /** Gives it up. */
  readonly controller: AbortController;
}

/**
 * One dial: asks for the URL, the subprotocols and the headers, connects, and shakes hands, all of it in `timeout` milliseconds.
 *
 * `onUrl` is called with the URL, before anything is sent.
 *
 * @returns rejects with a `ConnectError`
 */
export async function dialOnce(
  sources: DialSources,
  dial: Dial,
  connect: (request: DialRequest) => Promise<AcceptedDial>,
  { controller, timeout, onUrl }: { controller: AbortController; timeout: number; onUrl: (url: URL) => void },
): Promise<AcceptedDial> {
  const { signal } = controller;
  const timer = setTimeout(() => {
    controller.abort(
      new ConnectError("HWS_CONNECT_TIMEOUT", `${timeout} ms`, { stage: isAsking ? "provider" : "tcp" }),
    );
  }, timeout);
  let isAsking = true;
  try {
    const request = await askAll(sources, dial);
    isAsking = false;
    // What begins now could not be given up any more.
    if (signal.aborted) throw abortReason(signal);
    onUrl(request.url);
    const connected = connect(request);
    // It may come after the time is over.
    signal.addEventListener("abort", () => void connected.then((late) => late.abandon(), nothing), { once: true });
    return await untilAborted(connected, signal);
  } finally {
    clearTimeout(timer);
  }
}

async function askAll(sources: DialSources, dial: Dial): Promise<DialRequest> {
  const [url, protocols] = [await ask(sources.url, dial), await ask(sources.protocols, dial)];
  try {
    return { url: readUrl(url, sources.baseUrl), protocols: readProtocols(protocols), dial };
  } catch (cause) {
    throw providerError(cause);
  }
}

/** The value of now. A function that never answers is given up with its dial. Rejects with a `ConnectError`. */
export async function ask<T>(provided: Provided<T>, dial: Dial): Promise<T> {
  if (typeof provided !== "function") return provided;
  try {
    return await untilAborted(Promise.resolve(dial).then(provided as (dial: Dial) => T | PromiseLike<T>), dial.signal);
  } catch (cause) {
    throw providerError(cause);
  }
}

/** A function of the application failed, or its value cannot be used. */
export function providerError(cause: unknown): ConnectError {
  if (cause instanceof ConnectError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ConnectError("HWS_CONNECT_FAILED", why, { stage: "provider", cause });
}

/** Settles as `promise`, or rejects with the reason of the signal if that aborts before. */
export function untilAborted<T>(promise: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    // Also after the end: a rejection that nobody handles would end a process of Node.
    promise.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", onAbort);
        reject(error instanceof Error ? error : providerError(error));
      },
    );
  });
}

function abortReason({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new HawserError("HWS_ABORTED", undefined, { cause: reason });
}

function nothing(): void {
  // A dial that was given up may fail as it likes.
}

/**
 * The subprotocols that are offered.
 *
 * @throws {InvalidArgumentError} for a name that is no token, or that comes twice (RFC 6455 4.1)
 */
export function readProtocols(protocols: unknown): readonly string[] {
  if (protocols === undefined) return [];
  const list: readonly unknown[] = Array.isArray(protocols) ? protocols : [protocols];
  const isValid = new Set(list).size === list.length && list.every((one) => typeof one === "string" && isToken(one));
  if (isValid) return [...(list as readonly string[])];
  throw new InvalidArgumentError('protocols: expected different subprotocols like ["mqtt"]');
}
