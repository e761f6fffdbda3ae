import type { EventEmitter } from "node:events";

import { InvalidArgumentError } from "../errors/errors.ts";

/** The events of browsers' sockets that a `WsSocket` has. */
export const EVENT_TYPES = ["open", "message", "close", "error"] as const;

/** The name of one of them. */
export type WsEventType = (typeof EVENT_TYPES)[number];

/** What a listener of `addEventListener` gets. */
export interface WsEvent {
  /** `"open"`, `"message"`, `"close"` or `"error"`. */
  readonly type: string;
  /** The socket. */
  readonly target: unknown;
}

/** A `"message"`. */
export interface WsMessageEvent extends WsEvent {
  /** A string for a text; for bytes what `binaryType` says. */
  readonly data: string | Buffer | ArrayBuffer | Buffer[];
}

/** A `"close"`. */
export interface WsCloseEvent extends WsEvent {
  /** The peer's close code; 1005 and 1006 as in RFC 6455 7.1.5. */
  readonly code: number;
  /** The peer's reason, or `""`. */
  readonly reason: string;
  /** Whether the peer has sent a close frame. */
  readonly wasClean: boolean;
}

/** An `"error"`. */
export interface WsErrorEvent extends WsEvent {
  /** The error. */
  readonly error: unknown;
  /** Its text. */
  readonly message: string;
}

/** The events by their names. */
export interface WsEventMap {
  /** Never emitted: a server's socket is open when the application gets it. */
  readonly open: WsEvent;
  /** A message. */
  readonly message: WsMessageEvent;
  /** The end. */
  readonly close: WsCloseEvent;
  /** A failure. */
  readonly error: WsErrorEvent;
}

/** A function or an object with `handleEvent`. */
export type WsEventListener<E> = ((event: E) => void) | { handleEvent(event: E): void };

/** A listener of Node's that calls one of the web platform's. */
interface Wrapper {
  (...args: unknown[]): unknown;
  /** The listener that it calls. */
  webListener?: unknown;
  /** It belongs to `onmessage` and the like. */
  isAttribute?: boolean;
}

/** Close codes that no close frame carries (RFC 6455 7.4.1). */
const ABNORMAL = 1006;

/** What the web platform's event of each type has besides its type and target, from the arguments of Node's event. */
const details: Readonly<Record<WsEventType, (...args: never[]) => object>> = {
  open: () => ({}),
  message: (data: Buffer | ArrayBuffer, isBinary: boolean) => ({ data: isBinary ? data : asText(data) }),
  close: (code: number, reason: Buffer) => ({ code, reason: reason.toString(), wasClean: code !== ABNORMAL }),
  error: (error: unknown) => ({ error, message: error instanceof Error ? error.message : String(error) }),
};

function asText(data: Buffer | ArrayBuffer): string {
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString();
}

/**
 * Adds a listener of the web platform's to an emitter of Node's. The same one is added once.
 *
 * @throws {InvalidArgumentError} for an event that is none of `EVENT_TYPES`, or no listener
 */
export function addWebListener(
  emitter: EventEmitter,
  type: string,
  listener: unknown,
  options: { readonly once?: boolean | undefined; readonly isAttribute?: boolean } = {},
): void {
  const { isAttribute = false } = options;
  checkType(type);
  checkListener(listener);
  if (wrapperOf(emitter, type, listener, isAttribute) !== undefined) return;
  const detailsOf = details[type] as (...args: unknown[]) => object;
  const listen: (event: never) => unknown =
    typeof listener === "function" ? listener.bind(emitter) : (event: never) => listener.handleEvent(event);
  const wrapper: Wrapper = (...args) => {
    const event = { type, target: emitter, ...detailsOf(...args) };
    // What rejects has failed, as with listeners of Node's: see `captureRejections`.
    return listen(event as never);
  };
  wrapper.webListener = listener;
  wrapper.isAttribute = isAttribute;
  if (options.once === true) emitter.once(type, wrapper);
  else emitter.on(type, wrapper);
}

/** Removes a listener that `addWebListener` has added. */
export function removeWebListener(emitter: EventEmitter, type: string, listener: unknown): void {
  const wrapper = wrapperOf(emitter, type, listener, false);
  if (wrapper !== undefined) emitter.removeListener(type, wrapper);
}

/** The listener that `onmessage` and the like have; null: none. */
export function webAttribute(emitter: EventEmitter, type: WsEventType): unknown {
  return attributeOf(emitter, type)?.webListener ?? null;
}

/** Sets `onmessage` and the like. Anything but a function removes it, as in browsers. */
export function setWebAttribute(emitter: EventEmitter, type: WsEventType, listener: unknown): void {
  const before = attributeOf(emitter, type);
  if (before !== undefined) emitter.removeListener(type, before);
  if (typeof listener === "function") addWebListener(emitter, type, listener, { isAttribute: true });
}

function wrapperOf(emitter: EventEmitter, type: string, listener: unknown, isAttribute: boolean): Wrapper | undefined {
  // `listeners` returns what was given to `once` too, not what Node has made of it.
  return (emitter.listeners(type) as Wrapper[]).find(
    (one) => one.webListener === listener && one.isAttribute === isAttribute,
  );
}

function attributeOf(emitter: EventEmitter, type: WsEventType): Wrapper | undefined {
  return (emitter.listeners(type) as Wrapper[]).find((one) => one.isAttribute === true);
}

function checkType(type: string): asserts type is WsEventType {
  if (!(EVENT_TYPES as readonly string[]).includes(type))
    throw new InvalidArgumentError(`addEventListener: expected ${EVENT_TYPES.join(", ")}, got ${JSON.stringify(type)}`);
}

function checkListener(listener: unknown): asserts listener is WsEventListener<object> {
  const isObject = typeof listener === "object" && listener !== null;
  if (typeof listener !== "function" && !(isObject && "handleEvent" in listener))
    throw new InvalidArgumentError("addEventListener: expected a function, or an object with handleEvent");
}
