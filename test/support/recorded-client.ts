import type { WSErrorEvent, WSMessageEvent, WSTerminateEvent } from "hawser";
import { type ConnectError, WebSocket } from "hawser/client";
import { onTestFinished } from "vitest";
import type { ClientOptions } from "../../src/client/options.ts";

/** A client that records what it is called back with. It is destroyed at the end of the test. */
export class RecordedClient {
  readonly ws: WebSocket;
  /** The names of all callbacks, in their order. */
  readonly calls: string[] = [];
  /** The data of all messages. */
  readonly messages: unknown[] = [];
  /** The codes of `onReconnecting`. */
  readonly losses: { readonly code: number; readonly delay: number; readonly attempt: number }[] = [];
  /** The newest error of `onError`. */
  error: Error | undefined;
  /** Waits before it takes a message. */
  hold: Promise<unknown> | undefined;
  /** The event of `onTerminate`. */
  readonly ended: Promise<WSTerminateEvent>;

  constructor(url: string, options: ClientOptions = {}) {
    this.ws = new WebSocket(
      url,
      {
        onOpen: () => void this.calls.push("open"),
        onMessage: (_ws: unknown, { data }: WSMessageEvent<unknown>) => {
          this.calls.push("message");
          this.messages.push(data);
          return this.hold;
        },
        onReconnecting: (_ws: unknown, event: { code: number; delay: number; attempt: number }) => {
          this.calls.push("reconnecting");
          this.losses.push(event);
        },
        onReconnected: () => void this.calls.push("reconnected"),
        onError: (_ws: unknown, { errors }: WSErrorEvent) => {
          this.calls.push("error");
          this.error = errors[0].cause as Error;
        },
        onTerminate: () => void this.calls.push("terminate"),
      },
      { dataType: "auto", ...options },
    ) as unknown as WebSocket;
    this.ended = this.ws.closed;
    onTestFinished(() => {
      this.ws.destroy();
    });
  }

  /** The error of a dial that has failed. */
  get connectError(): ConnectError {
    return this.error as ConnectError;
  }
}

/** Dials, and returns the error with which the dial fails. Throws when the client was connected. */
export async function failedDial(url: string, options: ClientOptions = {}): Promise<ConnectError> {
  const client = new RecordedClient(url, options);
  await client.ended;
  if (client.calls.join() !== "error,terminate") throw new Error(`expected a failure, got ${client.calls.join()}`);
  return client.connectError;
}
