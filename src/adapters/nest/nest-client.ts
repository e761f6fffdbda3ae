import type { IncomingMessage } from "node:http";

import type { WSMessageEvent, WSTerminateEvent } from "../../connection/dispatch/events.ts";
import type { ConnectionHandler } from "../../server/handlers.ts";
import type { WebSocketConnection } from "../../server/websocket-connection.ts";
import { HawserError } from "../../errors/errors.ts";
import type { NestMessageHandler, ObservableLike, SubscriptionLike } from "./nest-types.ts";

/** What a client needs of the server that it belongs to. */
export interface ClientOwner {
  /** How many observables of one client may answer at a time. */
  readonly maxObservables: number;
  /** Gives a new client to the gateways. */
  onClient(client: HawserClient, request: IncomingMessage): void;
  /** Something failed that no filter of a gateway has got. */
  onFailure(error: unknown): void;
}

/** The methods of one gateway, and Nest's function that makes an observable of what they return. */
interface BoundGateway {
  readonly handlers: ReadonlyMap<unknown, NestMessageHandler>;
  readonly transform: (result: unknown) => ObservableLike;
}

/** The states of the web platform's `readyState`. */
const STATES = { Connected: 1, Closing: 2, Closed: 3 } as const;

/**
 * A client of a gateway: what `handleConnection` gets, and `@ConnectedSocket()`. It is the handler of its connection: keep the state
 * of the client in `data`, and find it again with `connection.handler.data`.
 */
export class HawserClient<Data = unknown> implements ConnectionHandler {
  /** What the option `onConnection` has returned; without one an empty object. */
  data: Data;
  readonly #owner: ClientOwner;
  readonly #gateways: BoundGateway[] = [];
  readonly #disconnected: ((event: WSTerminateEvent) => unknown)[] = [];
  /** What still sends answers. */
  readonly #answers = new Set<SubscriptionLike>();
  #request: IncomingMessage | undefined;
  #ws: WebSocketConnection | undefined;

  /** Made by the adapter. */
  constructor(owner: ClientOwner, request: IncomingMessage, data: Data) {
    this.#owner = owner;
    this.#request = request;
    this.data = data;
  }

  /** Its connection: `ws.subscribe`, `ws.publish`, `ws.drained` and more. */
  get ws(): WebSocketConnection {
    if (this.#ws === undefined) throw new HawserError("HWS_INTERNAL", "the client is not connected yet");
    return this.#ws;
  }

  /** As the web platform counts: 1 open, 2 closing, 3 closed. */
  get readyState(): number {
    return this.#ws === undefined ? 0 : STATES[this.#ws.status];
  }

  /** Sends an event as the clients of gateways expect it: `{ "event": ..., "data": ... }`. Returns what `ws.send` returns. */
  emit(event: string, data?: unknown): boolean {
    return this.ws.send({ event, data });
  }

  /** Sends a text or bytes as they are, an object as JSON. Returns what `ws.send` returns. */
  send(message: string | Uint8Array | object): boolean {
    return this.ws.send(message);
  }

  /** Closes the connection, as `ws.close` does. */
  close(code?: number, reason?: string): void {
    this.ws.close(code, reason);
  }

  /** Called by the adapter: the methods of one more gateway. */
  bind(handlers: readonly NestMessageHandler[], transform: (result: unknown) => ObservableLike): void {
    this.#gateways.push({ handlers: new Map(handlers.map((one) => [one.message, one])), transform });
  }

  /** Called by the adapter: a gateway wants to know of its end. */
  bindDisconnect(callback: (event: WSTerminateEvent) => unknown): void {
    this.#disconnected.push(callback);
  }

  /** Called by the server. */
  onOpen(ws: WebSocketConnection): void {
    this.#ws = ws;
    const request = this.#request;
    this.#request = undefined;
    if (request !== undefined) this.#owner.onClient(this, request);
  }

  /** Called by the server. The next message waits for the promise of a gateway's method, but not for an observable. */
  onMessage(_ws: WebSocketConnection, { data: message }: WSMessageEvent<unknown>): Promise<unknown> | undefined {
    const { event, data } = (message ?? {}) as { readonly event?: unknown; readonly data?: unknown };
    let results: Promise<unknown>[] | undefined;
    for (const gateway of this.#gateways) {
      const method = gateway.handlers.get(event);
      if (method !== undefined)
        (results ??= []).push(this.#answer(gateway, method.callback(data, event), { pattern: event, data }));
    }
    if (results !== undefined) return Promise.all(results);
    this.refuseMessage("There is no handler for this event.", { pattern: event, data });
    return undefined;
  }

  /** Called by the server. */
  onTerminate(_ws: WebSocketConnection, event: WSTerminateEvent): void {
    // One that fails does not keep the others.
    for (const answers of this.#answers) void this.#guard(() => answers.unsubscribe());
    this.#answers.clear();
    for (const callback of this.#disconnected) void this.#guard(() => callback(event));
  }

  /** Tells the client that a message was dropped, as Nest's filters tell it of an exception. */
  refuseMessage(message: string, cause?: object): void {
    this.emit("exception", { status: "error", message, ...(cause === undefined ? {} : { cause }) });
  }

  /** Sends what a method answers: one value, or those of an observable. `cause` is its message. */
  async #answer({ transform }: BoundGateway, result: unknown, cause: object): Promise<void> {
    // Whether it is an observable, only Nest knows.
    const answers = transform(result);
    const state: { subscription?: SubscriptionLike; isDone: boolean; isFailed: boolean } = {
      isDone: false,
      isFailed: false,
    };
    const finish = (): void => {
      state.isDone = true;
      if (state.subscription !== undefined) this.#answers.delete(state.subscription);
    };
    const end = (message: string): void => {
      state.isFailed = true;
      finish();
      // Without a subscription yet, that is ended below.
      const { subscription } = state;
      if (subscription !== undefined) void this.#guard(() => subscription.unsubscribe());
      this.refuseMessage(message, cause);
    };
    state.subscription = answers.subscribe({
      next: (answer) => {
        if (state.isDone) return;
        try {
          if (Boolean(answer) && this.readyState === STATES.Connected) this.ws.send(JSON.stringify(answer));
        } catch (error) {
          // What is thrown here, nobody could catch.
          this.#owner.onFailure(error);
          end("Internal server error");
        }
      },
      error: (error) => {
        finish();
        this.#owner.onFailure(error);
      },
      complete: finish,
    });
    // It may have ended at once.
    if (!state.isDone) this.#answers.add(state.subscription);
    else if (state.isFailed) await this.#guard(() => state.subscription?.unsubscribe());
    // Its failure comes to the observer too.
    await Promise.resolve(result).catch(ignore);
    if (this.#answers.size <= this.#owner.maxObservables) return;
    // A value, or a promise of one, ends within this turn.
    await new Promise((resolve) => setImmediate(resolve));
    if (!this.#answers.has(state.subscription)) return;
    end("Too many observables answer at a time.");
  }

  async #guard(action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#owner.onFailure(error);
    }
  }
}

function ignore(): void {
  // The observer has got it.
}
