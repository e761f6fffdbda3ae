import type { TopicClient } from "../../../src/client/node/topic-client.ts";
import type { WebSocket } from "../../../src/client/node/websocket.ts";
import type { Script } from "./script.ts";

/** What a scenario has: the class of its platform, and a server. Its own code runs where the client runs: on Node, or in a page. */
export interface Stage {
  /** The client's class. */
  readonly WebSocket: typeof WebSocket;
  /** The class of clients with topics. */
  readonly TopicClient: typeof TopicClient;
  /** The server. */
  readonly script: Script;
}

/** A client, whatever its handler. */
export type Client = Pick<
  WebSocket,
  "status" | "send" | "terminate" | "reconnect" | "destroy" | "drained" | "ping" | "counters" | "closed" | "protocol"
>;

/** A scenario. It rejects if the client does something else. */
export type Scenario = (stage: Stage) => Promise<void>;

/** Scenarios by their titles. */
export type Scenarios = Readonly<Record<string, Scenario>>;

/** Throws unless both are the same as JSON. A page has no library for it. */
export function same(actual: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(actual, asJson), JSON.stringify(expected, asJson)];
  if (one !== other) throw new Error(`expected ${other}, got ${one}`);
}

/** JSON has no undefined and no bytes. A Buffer has a JSON of its own. */
function asJson(this: unknown, key: string): unknown {
  const value = (this as Readonly<Record<string, unknown>>)[key];
  if (value === undefined) return "(undefined)";
  return ArrayBuffer.isView(value) ? { bytes: [...(value as Uint8Array)] } : value;
}

/** The `code` of what a promise rejects with, or of what a function throws; its message if it has none. */
export async function failureOf(what: Promise<unknown> | (() => unknown)): Promise<unknown> {
  try {
    await (typeof what === "function" ? what() : what);
  } catch (error) {
    return codeOf(error);
  }
  throw new Error("expected a failure");
}

/** The `code` of an error, or its message. */
export function codeOf(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code ?? message;
}

/** A handler that writes down its callbacks, and then calls those of the scenario. */
export class Log {
  /** A line for each callback. */
  readonly lines: string[] = [];
  readonly #reactions: Readonly<Record<string, ((ws: unknown, event: unknown) => unknown) | undefined>>;
  #changed: (() => void)[] = [];

  constructor(reactions: object = {}) {
    this.#reactions = reactions as Readonly<Record<string, (ws: unknown, event: unknown) => unknown>>;
  }

  /** Writes a line. */
  note(line: string): void {
    this.lines.push(line);
    for (const changed of this.#changed.splice(0)) changed();
  }

  /** Waits until there is such a line. */
  async has(line: string): Promise<void> {
    while (!this.lines.includes(line)) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  /** Waits until there are as many lines. */
  async count(count: number): Promise<void> {
    while (this.lines.length < count) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  onOpen(ws: { status: string }, event: { reconnected: boolean }): unknown {
    return this.#called(event.reconnected ? "open again" : "open", "onOpen", ws, event);
  }

  onMessage(ws: unknown, event: { data: unknown }): unknown {
    const { data } = event;
    const shown = typeof data === "string" ? data : JSON.stringify(data, asJson);
    return this.#called(`message ${shown}`, "onMessage", ws, event);
  }

  onDrain(ws: unknown, event: unknown): unknown {
    return this.#called("drain", "onDrain", ws, event);
  }

  onReconnecting(ws: unknown, event: { code: number; attempt: number }): unknown {
    return this.#called(`reconnecting ${event.code} attempt ${event.attempt}`, "onReconnecting", ws, event);
  }

  onError(ws: unknown, event: { errors: readonly { cause: unknown }[] }): unknown {
    return this.#called(`error ${String(codeOf(event.errors[0]?.cause))}`, "onError", ws, event);
  }

  onTerminate(ws: unknown, event: { code: number; initiator: string; cause: unknown }): unknown {
    const { code, initiator, cause } = event;
    const why = cause === undefined ? "" : ` ${String(codeOf(cause))}`;
    return this.#called(`terminate ${code} ${initiator}${why}`, "onTerminate", ws, event);
  }

  #called(line: string, name: string, ws: unknown, event: unknown): unknown {
    this.note(line);
    return this.#reactions[name]?.(ws, event);
  }
}

/** A log whose handler has `onReconnected`, so that `onOpen` is called once. */
export class ReconnectedLog extends Log {
  readonly #onReconnected: ((ws: unknown, event: unknown) => unknown) | undefined;

  constructor(reactions: object = {}) {
    super(reactions);
    this.#onReconnected = (reactions as { onReconnected?: (ws: unknown, event: unknown) => unknown }).onReconnected;
  }

  onReconnected(ws: unknown, event: { attempts: number }): unknown {
    this.note(`reconnected after ${event.attempts}`);
    return this.#onReconnected?.(ws, event);
  }
}

/** A promise, and the function that resolves it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Waits for the next turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Waits until it holds. The test's timeout is the limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
