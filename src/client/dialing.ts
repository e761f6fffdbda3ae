import { HawserError, InvalidArgumentError } from "../errors/errors.ts";
import { isToken } from "../handshake/rules/tokens.ts";
import { attempt } from "../util/attempt.ts";
import { ConnectError } from "./connect-error.ts";
import type { Dial, Provided } from "./handler.ts";
import type { AcceptedDial, DialRequest } from "./link.ts";
import { readUrl, shownUrl } from "./url.ts";
import type { DialStage } from "./verdict.ts";

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
  let stage: DialStage = "provider";
  let shown = "";
  const timer = setTimeout(() => {
    controller.abort(new ConnectError("HWS_CONNECT_TIMEOUT", `${shown}${timeout} ms`, { stage }));
  }, timeout);
  const onStage = (now: DialStage): void => void (stage = now);
  try {
    const { url, protocols } = await askAll(sources, dial);
    onStage("tcp");
    shown = `${shownUrl(url)}: `;
    // What begins now could not be given up any more.
    if (signal.aborted) throw abortReason(signal);
    onUrl(url);
    const connected = connect({ url, protocols, dial, onStage });
    // It may come after the time is over.
    signal.addEventListener("abort", () => void connected.then((late) => late.abandon(), nothing), { once: true });
    return await untilAborted(connected, signal);
  } finally {
    clearTimeout(timer);
  }
}

async function askAll(sources: DialSources, dial: Dial): Promise<Pick<DialRequest, "url" | "protocols">> {
  const url = await ask(sources.url, dial, "url");
  const protocols = await ask(sources.protocols, dial, "protocols");
  try {
    return { url: readUrl(url, sources.baseUrl), protocols: readProtocols(protocols) };
  } catch (cause) {
    throw providerError(cause);
  }
}

/** The value of now. A function that never answers is given up with its dial. Rejects with a `ConnectError` that has its `name`. */
export async function ask<T>(provided: Provided<T>, dial: Dial, name: string): Promise<T> {
  if (typeof provided !== "function") return provided;
  try {
    return await untilAborted(Promise.resolve(dial).then(provided as (dial: Dial) => T | PromiseLike<T>), dial.signal);
  } catch (cause) {
    throw dial.signal.aborted ? cause : providerError(cause, name);
  }
}

/**
 * A function of the application failed, or its value cannot be used.
 *
 * @param name of the function; undefined: the text of `cause` has it
 */
export function providerError(cause: unknown, name?: string): ConnectError {
  // The application may throw anything.
  const why = attempt(() => String(cause instanceof Error ? cause.message : cause));
  const detail = name === undefined ? why : `${name}: ${String(why)}`;
  return new ConnectError("HWS_CONNECT_FAILED", detail, { stage: "provider", cause });
}

/** Settles as `promise`, or rejects with the reason of the signal if that aborts before. */
export function untilAborted<T>(promise: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    // Also after the end: a rejection that nobody handles would end a process of Node.
    Promise.resolve(promise)
      .finally(() => signal.removeEventListener("abort", onAbort))
      .then(resolve, reject);
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
