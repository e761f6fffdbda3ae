import { deferred } from "../../src/util/deferred.ts";
import { InvalidArgumentError } from "../../src/errors/errors.ts";
import { errorEvent } from "../../src/connection/dispatch/events.ts";
import { ConnectError } from "../../src/client/connect-error.ts";
import { ClientCallbacks } from "../../src/client/client-callbacks.ts";
import type { AcceptedDial, DialRequest, Link, LinkEnd, LinkListener } from "../../src/client/link.ts";
import type { ClientPlatform, WakeListener, WaitingPayload } from "../../src/client/platform.ts";
import { Session } from "../../src/client/session.ts";
import { clientSettings, type ReconnectSettings, sharedOptions } from "../../src/client/settings.ts";
import { readTable } from "../../src/util/option-table.ts";

/** A link whose other end is the test. It keeps the rules of `LinkListener`. */
export class FakeLink implements Link {
  status: Link["status"] = "Connected";
  bufferedAmount = 0;
  /** Whether `send` has space for one message only, until `makeRoom`. */
  isSlow = false;
  readonly sent: unknown[] = [];
  readonly closes: (number | undefined)[] = [];
  probes = 0;
  readonly #listener: LinkListener;
  readonly #stopped = deferred();
  #waiters: ((value: boolean) => void)[] = [];
  #tail: Promise<unknown> = Promise.resolve();
  #hasFailed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: LinkListener) {
    this.#listener = listener;
  }

  get counters() {
    return { accepted: this.sent.length, written: this.sent.length, dropped: 0, pending: 0 };
  }

  start(): void {
    this.#call(() => this.#listener.onOpen());
  }

  send(message: unknown): boolean {
    this.sent.push(message);
    return !this.isSlow;
  }

  drained(): Promise<boolean> {
    if (this.status !== "Connected") return Promise.resolve(false);
    return this.isSlow ? new Promise((resolve) => this.#waiters.push(resolve)) : Promise.resolve(true);
  }

  makeRoom(): void {
    this.isSlow = false;
    this.#settleWaiters(true);
  }

  ping(): Promise<number | undefined> {
    return Promise.resolve(this.status === "Connected" ? 7 : undefined);
  }

  probe(): void {
    this.probes++;
  }

  close(code: number | undefined): void {
    if (this.status !== "Connected") return;
    this.closes.push(code);
    this.status = "Closing";
    this.#timer = setTimeout(() => this.lose(1006), 5_000);
  }

  destroy(): void {
    this.lose(1006, undefined, "local");
  }

  stopWaiting(): void {
    this.#stopped.resolve();
  }

  /** The server sends a message. */
  deliver(data: unknown): void {
    if (this.status !== "Closed") this.#call(() => this.#listener.onMessage({ type: "message", data }));
  }

  /** The connection is gone. */
  lose(code: number, reason?: string, initiator: LinkEnd["initiator"] = "peer"): void {
    if (this.status === "Closed") return;
    this.status = "Closed";
    clearTimeout(this.#timer);
    this.#settleWaiters(false);
    this.#listener.onClosed({ code, reason, initiator, cause: undefined });
    void this.#tail.then(() => this.#listener.onFinished());
  }

  #settleWaiters(value: boolean): void {
    for (const settle of this.#waiters) settle(value);
    this.#waiters = [];
  }

  #call(callback: () => unknown): void {
    const turn = async (): Promise<void> => {
      if (this.#hasFailed) return;
      try {
        await Promise.race([callback(), this.#stopped.promise]);
      } catch (error) {
        this.#hasFailed = true;
        const told = this.#listener.onFailed(errorEvent(error, "handler"));
        this.close(1011);
        await Promise.race([told, this.#stopped.promise]);
      }
    };
    this.#tail = this.#tail.then(turn);
  }
}

/** A dial that the test answers. */
export class FakeDial {
  readonly request: DialRequest;
  link: FakeLink | undefined;
  isAbandoned = false;
  isSettled = false;
  readonly promise: Promise<AcceptedDial>;
  #resolve!: (accepted: AcceptedDial) => void;
  #reject!: (error: Error) => void;

  constructor(request: DialRequest) {
    this.request = request;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  accept(): void {
    this.isSettled = true;
    this.#resolve({
      protocol: undefined,
      extensions: "",
      httpVersion: "1.1",
      open: (listener) => (this.link = new FakeLink(listener)),
      abandon: () => void (this.isAbandoned = true),
    });
  }

  fail(error: Error = refused()): void {
    this.isSettled = true;
    this.#reject(error);
  }
}

/** A dial that failed in the network. */
export function refused(): ConnectError {
  return new ConnectError("HWS_CONNECT_FAILED", "refused", { stage: "tcp" });
}

/** A server's answer with this status. */
export function answered(status: number, headers?: Record<string, string>): ConnectError {
  return new ConnectError("HWS_REFUSED", String(status), {
    stage: "http",
    status,
    headers: headers === undefined ? undefined : new Headers(headers),
  });
}

/** A platform whose dials and links the test plays. Its clock is that of the fake timers. */
export class FakePlatform implements ClientPlatform {
  readonly failureCode = 1011;
  readonly errorEvent = errorEvent;
  readonly dials: FakeDial[] = [];
  readonly warnings: unknown[] = [];
  hidden = false;
  watcher: WakeListener | undefined;

  get links(): FakeLink[] {
    return this.dials.flatMap(({ link }) => (link === undefined ? [] : [link]));
  }

  dial(request: DialRequest): Promise<AcceptedDial> {
    const dial = new FakeDial(request);
    this.dials.push(dial);
    return dial.promise;
  }

  prepare(message: unknown): WaitingPayload {
    if (typeof message !== "string") throw new InvalidArgumentError("message");
    return { message, size: message.length };
  }

  warn(error: unknown): void {
    this.warnings.push(error);
  }

  isHidden(): boolean {
    return this.hidden;
  }

  watch(listener: WakeListener): () => void {
    this.watcher = listener;
    return () => void (this.watcher = undefined);
  }

  now(): number {
    return Date.now();
  }
}

/** What a test sets of a client. */
export interface FakeClientOptions {
  readonly url?: unknown;
  readonly reconnect?: boolean | Partial<ReconnectSettings>;
  readonly signal?: AbortSignal;
  readonly handshakeTimeout?: number;
}

/** A session on a fake platform, with fake timers and without jitter. */
export function fakeClient(handler: object = {}, { url = "ws://server/", ...options }: FakeClientOptions = {}) {
  const platform = new FakePlatform();
  const values = readTable(sharedOptions, options as object);
  const settings = { ...clientSettings(url as string, values, undefined), random: () => 0.5 };
  const callbacks = new ClientCallbacks({}, handler);
  const session = new Session(platform, settings, callbacks);
  session.start();
  return { platform, session, callbacks };
}
