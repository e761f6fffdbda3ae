import type { HandlerCallbacks } from "../../src/connection/dispatch/handler-callbacks.ts";
import type { DeflateAgreement } from "../../src/compression/negotiation.ts";
import { Connection } from "../../src/connection/connection.ts";
import type { WSMessageStartEvent } from "../../src/connection/dispatch/message-start.ts";
import type { ConnectionOwner } from "../../src/connection/connection-owner.ts";
import type {
  ErrorSource,
  WSErrorEvent,
  WSMessageEvent,
  WSTerminateEvent,
} from "../../src/connection/dispatch/events.ts";
import type { ConnectionSettings } from "../../src/connection/settings.ts";
import { onTestFinished } from "vitest";
import { hex, join, utf8 } from "./bytes.ts";
import { asClient, encode } from "./frames.ts";
import { connectionSettings } from "./settings.ts";
import { type Sent, framesIn, sentIn } from "./sent-frames.ts";
import { Wire } from "./wire.ts";

/** One call of a callback: its name and what its event said. `overlap`: it came while another was running. */
export type Call = readonly [callback: string, ...details: unknown[]];

/** What a handler does besides recording calls. */
export interface React {
  open?(ws: Connection): unknown;
  /** With it, the handler has `onMessageStart`. */
  start?(ws: Connection, event: WSMessageStartEvent): unknown;
  message?(ws: Connection, data: unknown): unknown;
  error?(ws: Connection, event: WSErrorEvent): unknown;
  drain?(ws: Connection): unknown;
  terminate?(ws: Connection, event: WSTerminateEvent): unknown;
}

/** Settings of a test, and which callbacks its handler lacks. */
export interface SessionOptions extends Partial<ConnectionSettings> {
  readonly stream?: Wire;
  readonly without?: readonly (keyof HandlerCallbacks)[];
  /** Bytes that came with the handshake. */
  readonly head?: Uint8Array;
  /** What was agreed about compression. */
  readonly deflate?: DeflateAgreement;
}

/** A placeholder for the answer to the handshake. */
const PREAMBLE = "101!";

/** One connection on a wire, with a handler that records its calls. It is destroyed at the end of the test. */
export class Session implements ConnectionOwner {
  /** The clock of its server: the test lets it tick. */
  currentTick = 0;
  readonly settings: ConnectionSettings;
  readonly stream: Wire;
  readonly connection: Connection;
  /** All calls of the handler, oldest first. */
  readonly calls: Call[] = [];
  /** The calls of the connection's owner: "left", "finished", and errors. */
  readonly told: (string | readonly [error: unknown, source: ErrorSource])[] = [];
  readonly #react: React;
  #running: string | undefined;

  constructor(react: React = {}, { stream, without = [], head = hex(""), deflate, ...own }: SessionOptions = {}) {
    this.stream = stream ?? new Wire();
    this.#react = react;
    const handler: Partial<Record<keyof HandlerCallbacks, unknown>> = this.#handler();
    for (const name of without) handler[name] = undefined;
    this.settings = connectionSettings(own);
    this.connection = new Connection(this.stream, handler as unknown as HandlerCallbacks, this, deflate);
    this.connection.publicConnection = this.connection;
    onTestFinished(() => {
      this.connection.destroy();
    });
    this.connection.start(PREAMBLE, join([head]));
  }

  /** The frames that were taken, after the answer to the handshake. */
  get sent(): Sent[] {
    return sentIn(this.#afterPreamble);
  }

  /** The same as opcode, FIN and payload: the fragments of a message one by one. */
  get frames(): [opcode: number, fin: boolean, payload: string][] {
    return framesIn(this.#afterPreamble).map(({ opcode, fin, payload }) => [opcode, fin, payload.toString()]);
  }

  /** The errors that the owner got. */
  get reported(): unknown[] {
    return this.told.flatMap((told) => (typeof told === "string" ? [] : [told[0]]));
  }

  /** The client sends frames, all in one chunk. */
  receive(...frames: readonly Uint8Array[]): void {
    this.stream.arrive(join(frames));
  }

  onClosed(): void {
    this.told.push("left");
  }

  onFinished(): void {
    this.told.push("finished");
  }

  onConnectionError(_connection: unknown, error: unknown, source: ErrorSource): void {
    this.told.push([error, source]);
  }

  get #afterPreamble(): Uint8Array {
    const { taken } = this.stream;
    // A stream that was destroyed at once took nothing.
    if (taken.length > 0 && taken.latin1Slice(0, PREAMBLE.length) !== PREAMBLE)
      throw new Error("the answer to the handshake is not first");
    return taken.subarray(PREAMBLE.length);
  }

  #handler(): HandlerCallbacks {
    return {
      onOpen: (ws) => this.#call(["open"], () => this.#react.open?.(ws as Connection)),
      onMessage: (ws, event) => {
        const { data } = event as WSMessageEvent<unknown>;
        return this.#call(["message", data], () => this.#react.message?.(ws as Connection, data));
      },
      ...(this.#react.start === undefined
        ? {}
        : {
            onMessageStart: (ws: unknown, event: object) =>
              this.#call(["start"], () => this.#react.start?.(ws as Connection, event as WSMessageStartEvent)),
          }),
      ...(this.#react.drain === undefined ? {} : { onDrain: (ws) => this.#react.drain?.(ws as Connection) }),
      onError: (ws, event) => {
        const { errors } = event as WSErrorEvent;
        return this.#call(["error", errors[0].errCode], () =>
          this.#react.error?.(ws as Connection, event as WSErrorEvent),
        );
      },
      onTerminate: (ws, event) => {
        const { code, reason } = event as WSTerminateEvent;
        const { status } = ws as Connection;
        return this.#call(["terminate", code, reason, status], () =>
          this.#react.terminate?.(ws as Connection, event as WSTerminateEvent),
        );
      },
    };
  }

  /** Records the call, and whether another one is still running. */
  #call(call: Call, react: () => unknown): unknown {
    if (this.#running !== undefined) this.calls.push(["overlap", this.#running, call[0]]);
    this.calls.push(call);
    this.#running = call[0];
    let result: unknown;
    try {
      result = react();
    } catch (error) {
      this.#running = undefined;
      throw error;
    }
    if (!(result instanceof Promise)) {
      this.#running = undefined;
      return result;
    }
    return result.finally(() => {
      this.#running = undefined;
    });
  }
}

/** A client's text frame. */
export function text(message: string): Uint8Array {
  return asClient(encode({ opcode: 1, payload: utf8(message) }));
}

/** A client's binary frame. */
export function binary(digits: string): Uint8Array {
  return asClient(encode({ opcode: 2, payload: hex(digits) }));
}

/** A client's ping. */
export function ping(message: string): Uint8Array {
  return asClient(encode({ opcode: 9, payload: utf8(message) }));
}

/** A client's close frame; without a code its body is empty. */
export function close(code?: number, reason = ""): Uint8Array {
  const body = code === undefined ? hex("") : join([Uint8Array.of(code >> 8, code & 0xff), utf8(reason)]);
  return asClient(encode({ opcode: 8, payload: body }));
}

/** A frame that breaks RFC 6455 5.2: its opcode is reserved. */
export const broken: Uint8Array = asClient(hex("83 00"));

/** A promise, and the two ways to settle it. */
export interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A promise that the test settles. */
export function deferred(): Deferred {
  let resolve: Deferred["resolve"] = () => {};
  let reject: Deferred["reject"] = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
