import type { ErrorSource, WSErrorEvent } from "../connection/dispatch/events.ts";
import type { SendOptions } from "../connection/sending/message-options.ts";
import type { AcceptedDial, DialRequest } from "./link.ts";

/** A message of the application that waits to be sent: objects are encoded, and bytes are copied. */
export interface WaitingPayload {
  /** The message. */
  readonly message: string | Uint8Array | Blob;
  /** Its bytes. */
  readonly size: number;
  /** How it is sent, where the platform has a choice. The caller may change his own object meanwhile. */
  readonly options?: SendOptions | undefined;
}

/** What a wake-up tells the client to do. */
export interface WakeListener {
  /** The page is shown again, or the network is back: a client that waits dials now, one that is open looks whether its server is there. */
  onWake(): void;
}

/** What the client needs of Node, or of a browser. One object for each client, which knows its options. */
export interface ClientPlatform {
  /** Connects, and makes the opening handshake. Rejects with a `ConnectError`. */
  dial(request: DialRequest): Promise<AcceptedDial>;
  /**
   * Checks a message, and makes it ready to wait.
   *
   * @param isOver there will be no connection any more: the message is refused. A stream is cancelled then, and does not throw
   * @throws {InvalidArgumentError} for a message or options that cannot be sent
   */
  prepare(message: unknown, options: SendOptions | undefined, isOver?: boolean): WaitingPayload;
  /** The event of an error for `onError`. */
  errorEvent(error: unknown, source: ErrorSource): WSErrorEvent;
  /** Reports an error that no callback gets. */
  warn(error: unknown): void;
  /** Whether the page is hidden: then a client that was disconnected is in no hurry. */
  isHidden(): boolean;
  /** Watches for wake-ups until the returned function is called. */
  watch(listener: WakeListener): () => void;
  /** Milliseconds, which never go back. Where the platform stops them while the machine sleeps, they do not count that time. */
  now(): number;
}
