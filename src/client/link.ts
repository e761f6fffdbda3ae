import type { MessageCounters } from "../connection/counters/message-counters.ts";
import type { WSDrainEvent, WSErrorEvent, WSMessageEvent, WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { WSMessageStartEvent } from "../connection/dispatch/message-start.ts";
import type { SendOptions } from "../connection/sending/message-options.ts";
import type { Dial } from "./handler.ts";
import type { DialStage } from "./verdict.ts";

/** What a dial asks for. */
export interface DialRequest {
  /** The server. */
  readonly url: URL;
  /** The subprotocols that are offered. */
  readonly protocols: readonly string[];
  /** For the functions that are asked for more. Its signal aborts when the dial is given up. */
  readonly dial: Dial;
  /** The platform says where the dial is now, if it knows: the error of `handshakeTimeout` tells it. */
  readonly onStage: (stage: DialStage) => void;
}

/** What a server has chosen in the handshake. */
export interface AgreedDial {
  /** The subprotocol that the server has chosen. */
  readonly protocol: string | undefined;
  /** The agreed extensions; "": none. */
  readonly extensions: string;
  /** The version of HTTP of the handshake, as Node writes it; undefined: the platform does not tell. */
  readonly httpVersion: "1.1" | "2.0" | undefined;
}

/** The answer of a server that has accepted. */
export interface AcceptedDial extends AgreedDial {
  /** Makes the connection. It must be called, and the link started, in the same turn. */
  open(listener: LinkListener): Link;
  /** Gives the connection up instead: nobody wants it any more. */
  abandon(): void;
}

/** One connection of a client to its server: our engine on Node, the platform's socket in a browser. */
export interface Link {
  /** Begins to read and write, and calls `onOpen`. */
  start(): void;
  /** Whether messages can be sent. */
  readonly status: "Connected" | "Closing" | "Closed";
  /** Bytes that were sent and have not left yet. */
  readonly bufferedAmount: number;
  /** What became of the messages. */
  readonly counters: MessageCounters;
  /**
   * Sends a message of the application. Returns whether there is space for more.
   *
   * @throws {InvalidArgumentError} for a message that cannot be sent
   */
  send(message: unknown, options: SendOptions | undefined): boolean;
  /** Settles when there is space again: true; when the link ends before: false. */
  drained(): Promise<boolean>;
  /** Milliseconds of a round trip; undefined: there is no answer, or no way to ask. */
  ping(): Promise<number | undefined>;
  /** Looks at once whether the server is still there: the machine may have slept, or changed its network. */
  probe(): void;
  /** Starts the close handshake. In a browser 1011 goes out as 4011, and is told as 1011. */
  close(code: number | undefined, reason: string | undefined): void;
  /** Ends it at once, without a close frame. */
  destroy(): void;
  /** Waits for no callback any more. */
  stopWaiting(): void;
}

/**
 * What a link reports. Its messages come one at a time, after the promise of `onOpen` has settled. What `onOpen`, `onMessage` and
 * `onDrain` throw or reject with ends the link: `onFailed`, then close code 1011 (4011 in a browser).
 */
export interface LinkListener {
  /** The link is open. */
  onOpen(): unknown;
  /**
   * A message begins. Only on Node, for a handler with `onMessageStart`. `isOfStream` tells whether a callback has failed with what the
   * stream of this message has told it.
   */
  onMessageStart(event: WSMessageStartEvent, isOfStream: (error: unknown) => boolean): unknown;
  /** A message has come. */
  onMessage(event: WSMessageEvent<unknown>): unknown;
  /** There is space again, after `send` has returned false. */
  onDrain(event: WSDrainEvent): unknown;
  /** Something failed, and the link ends. It comes in its order among the messages. */
  onFailed(event: WSErrorEvent): unknown;
  /** The link is gone. Messages that it has read may still follow. */
  onClosed(end: LinkEnd): void;
  /** The last callback has settled. */
  onFinished(): void;
}

/** How a link ended. */
export type LinkEnd = Omit<WSTerminateEvent, "type">;
