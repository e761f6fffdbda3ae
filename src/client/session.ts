import type { WSErrorEvent, WSTerminateEvent } from "../connection/dispatch/events.ts";
import type { HawserError } from "../errors/errors.ts";
import { CallbackChain } from "./callback-chain.ts";
import type { ClientCallbacks } from "./client-callbacks.ts";
import { ClientSender } from "./client-sender.ts";
import { type DialOwner, Dialer } from "./dialer.ts";
import { type ClientState, type ClientStatus, nextClientState } from "./lifecycle.ts";
import type { AcceptedDial, AgreedDial, Link, LinkEnd } from "./link.ts";
import { type LinkEvent, LinkEvents, type LinkOwner } from "./link-events.ts";
import {
  type Ending,
  aborted,
  endOfApplication,
  endOfDial,
  endOfLink,
  gaveUp,
  isOwnFailure,
  errorsOf,
  lossOfClose,
  lossOfDial,
} from "./losses.ts";
import type { ClientPlatform, WakeListener } from "./platform.ts";
import { RetryPolicy } from "./retry-policy.ts";
import type { ClientSettings } from "./settings.ts";
import type { Loss } from "./verdict.ts";

/** A connection is stable after this many milliseconds: then the delays begin anew. */
const STABLE_AFTER = 5_000;

/** Close code after a failure of the handler's (RFC 6455 7.4.1). */
const INTERNAL_ERROR = 1011;

/** A dial that is older is begun anew when the page wakes up, in milliseconds. */
const OLD_DIAL = 1_000;

/** The life of a client: it dials, is connected, loses its connection, waits, and dials again, until it ends. */
export class Session implements WakeListener, LinkOwner, DialOwner {
  /** What it sends. */
  readonly sender: ClientSender;
  readonly #platform: ClientPlatform;
  readonly #settings: ClientSettings;
  readonly #callbacks: ClientCallbacks;
  readonly #chain = new CallbackChain();
  /** Resolves when the last callback has settled, with the event that it got. */
  readonly ended: Promise<WSTerminateEvent>;
  #state: ClientState = "dialing";
  readonly #dialer: Dialer;
  readonly #policy: RetryPolicy;
  /** The connection; undefined: there is none. */
  #events: LinkEvents | undefined;
  /** What the server has answered to the last handshake. */
  #agreed: AgreedDial | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #endTimer: ReturnType<typeof setTimeout> | undefined;
  /** A loss about which the application was asked, and has not answered yet. */
  #asked: Ending | undefined;
  /** The application ends the client: it gets no more than `onError` and `onTerminate`. */
  #isTerminated = false;
  #opens = 0;
  #openedAt = 0;
  #lostAt = 0;
  #dialsAtLoss = 0;
  #unwatch: () => void = () => undefined;
  #resolveEnded!: (event: WSTerminateEvent) => void;

  constructor(platform: ClientPlatform, settings: ClientSettings, callbacks: ClientCallbacks) {
    this.#platform = platform;
    this.#settings = settings;
    this.#callbacks = callbacks;
    this.#dialer = new Dialer(platform, settings, this);
    this.#policy = new RetryPolicy(settings);
    this.sender = new ClientSender(platform, settings.reconnect);
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
  }

  /** Begins. Nothing is called back before the next turn of the microtasks. */
  start(): void {
    const { signal } = this.#settings;
    const begin = (): void => {
      if (signal?.aborted === true) return this.#onAbort();
      if (this.#state !== "dialing") return;
      signal?.addEventListener("abort", this.#onAbort);
      this.#unwatch = this.#platform.watch(this);
      // `reconnect` may have begun already.
      if (this.#dialer.age === undefined) this.#startDial();
    };
    queueMicrotask(begin);
  }

  get status(): ClientStatus {
    if (this.#state === "closed") return "Closed";
    if (this.#state === "closing") return "Closing";
    // What is sent before `onOpen` begins must not come before what it sends.
    if (this.#state !== "open" || this.#events === undefined || this.sender.isHeld) return "Connecting";
    return this.#events.link.status === "Closed" ? "Connecting" : this.#events.link.status;
  }

  /** The dials in a row that followed a failure: 0 for the first one, and after a connection that was stable. */
  get attempt(): number {
    return this.#isStable ? 0 : this.#policy.attempt;
  }

  /** Whether the connection is open for so long that the delays begin anew after it. */
  get #isStable(): boolean {
    return this.#events !== undefined && this.#platform.now() - this.#openedAt >= STABLE_AFTER;
  }

  /** The URL of the last dial, without user and password; "" if it is not known yet. */
  get url(): string {
    return this.#dialer.url;
  }

  /** What the server has answered to the last handshake. */
  get agreed(): AgreedDial | undefined {
    return this.#agreed;
  }

  /** Milliseconds of a round trip; undefined: there is no answer. */
  ping(): Promise<number | undefined> {
    return this.#state === "open" && this.#events !== undefined ? this.#events.link.ping() : Promise.resolve(undefined);
  }

  /** Ends the client. A second call does nothing. */
  terminate(code: number | undefined, reason: string | undefined): void {
    this.#isTerminated = true;
    const events = this.#state === "open" ? this.#events : undefined;
    if (events === undefined) return this.#endWithoutLink();
    this.#beginClosing(events);
    events.link.close(code, reason);
  }

  /** Ends the client at once. */
  destroy(): void {
    this.#isTerminated = true;
    const events = this.#events;
    for (const link of this.sender.closingLinks) link.destroy();
    if (events === undefined) return this.#endWithoutLink();
    this.#beginClosing(events);
    events.link.destroy();
  }

  /** Dials now. A connection that is open is dropped first. */
  reconnect(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    const events = this.#events;
    const asked = this.#asked;
    this.#policy.reset();
    if (events !== undefined) {
      this.#unlink(events.link);
      const running = events.drop();
      void this.#chain.run(() => this.#tellFailure(() => running));
      this.#reportReconnecting({ code: 1000, reason: undefined }, 0, []);
      events.link.close(1000, undefined);
    } else if (asked !== undefined) this.#reportReconnecting(asked.end, 0, errorsOf(asked, this.#platform));
    this.#startDial();
  }

  onWake(): void {
    if (this.#state === "open") return this.#events?.link.probe();
    const isOld = (this.#dialer.age ?? 0) > OLD_DIAL;
    // Whether to dial at all is the application's answer.
    const mayDial = this.#state === "waiting" && this.#asked === undefined;
    if (!mayDial && !isOld) return;
    this.#policy.shortenDelays();
    this.#startDial();
  }

  readonly #onAbort = (): void => {
    if (this.#state === "open") this.terminate(1000, undefined);
    else if (this.#state !== "closed") {
      this.#isTerminated = true;
      this.#endWithoutLink(aborted(this.#settings.signal));
    }
  };

  #transition(event: Parameters<typeof nextClientState>[1]): void {
    this.#state = nextClientState(this.#state, event);
    // Whoever ends it: what runs for this client is of no use any more.
    if (this.#state === "closing" || this.#state === "closed") this.#callbacks.abortSignal();
  }

  #startDial(): void {
    clearTimeout(this.#timer);
    this.#asked = undefined;
    this.#transition("dial");
    this.#dialer.start(this.#policy.attempt, this.#policy.lastLoss);
  }

  onAccepted(accepted: AcceptedDial): void {
    this.#transition("opened");
    const { protocol, extensions, httpVersion } = accepted;
    this.#agreed = { protocol, extensions, httpVersion };
    this.#policy.onOpened();
    this.#opens++;
    this.#openedAt = this.#platform.now();
    this.#callbacks.linked();
    const events = new LinkEvents(
      this,
      this.#callOpen(() => link),
    );
    const link: Link = (events.link = accepted.open(events));
    this.#events = events;
    this.sender.link(link);
    link.start();
  }

  /** Its place among the callbacks is before everything that may happen to the connection. Returns whether `onOpen` was called. */
  #callOpen(link: () => Link): Promise<boolean> {
    const times = {
      attempts: this.#dialer.count - this.#dialsAtLoss,
      away: Math.max(0, this.#platform.now() - this.#lostAt),
    };
    const again = this.#opens === 1 ? undefined : ({ type: "reconnected", ...times } as const);
    return this.#chain.run(async () => {
      if (this.#isTerminated) return false;
      const called = this.sender.during(link(), () => this.#callbacks.open(again));
      return called.then(
        () => true,
        async (error: unknown) => {
          // The link tells it, unless it was dropped meanwhile.
          if (this.#events?.link === link()) throw error;
          await this.#endFailed(this.#platform.errorEvent(error, "handler"));
          return false;
        },
      );
    });
  }

  async onLinkOpen({ link, called }: LinkEvents): Promise<void> {
    if (!(await called)) return;
    this.#callbacks.connected();
    await this.sender.flush(link);
  }

  onLinkEvent(event: LinkEvent): unknown {
    if (this.#isTerminated) return undefined;
    return event.type === "drain" ? this.#callbacks.drain(event) : this.#callbacks.message(event);
  }

  /** What ends the client failed. Its connection may be gone already: messages that had come before are still delivered. */
  onLinkFailed(events: LinkEvents, event: WSErrorEvent): unknown {
    if (this.#settings.reconnect !== undefined && !isOwnFailure(event.errors[0].cause)) return undefined;
    if (this.#state === "closing" || this.#state === "closed") return this.#callOnError(event);
    if (events !== this.#events) return this.#endFailed(event);
    // It ends, whatever the application does in `onError`.
    this.#beginClosing(events);
    return this.#callOnError(event);
  }

  onLinkClosed(events: LinkEvents, end: LinkEnd): void {
    const { link, failure } = events;
    const isCurrent = events === this.#events;
    if (isCurrent) this.#unlink(link);
    this.sender.closed(link);
    if (!isCurrent) return;
    // What follows waits for the messages of this connection.
    void this.#chain.run(() => events.finished);
    const error = end.cause ?? (failure?.errors[0].cause as Error | undefined);
    if (isOwnFailure(error)) this.#end(endOfLink(end, failure ?? this.#platform.errorEvent(error, "library")), link);
    else if (this.#state === "closing") this.#end(endOfLink(end, failure), link);
    else this.#decide(lossOfClose(end, error), endOfLink(end, failure), link);
  }

  onDialFailed(cause: unknown): void {
    const { loss, error } = lossOfDial(cause, this.#opens > 0);
    this.#decide(loss, endOfDial(error, this.#platform));
  }

  /** A dial failed, or the connection was lost: the client connects again, or ends. */
  #decide(loss: Loss, ending: Ending, link?: Link): void {
    const { reconnect } = this.#settings;
    const byTable = this.#policy.onLoss(loss);
    if (reconnect === undefined) return this.#end(ending, link);
    if (reconnect.retry === undefined) return this.#follow(byTable, ending);
    // `terminate` ends it meanwhile.
    this.#transition("retry");
    this.#asked = ending;
    const isCurrent = (): boolean => this.#state === "waiting" && this.#asked === ending;
    // A function that never answers must not end a process of Node in silence: then the table decides.
    const decide = (): unknown => isCurrent() && this.#follow(byTable, ending);
    const timer = (this.#timer = setTimeout(decide, this.#settings.handshakeTimeout));
    Promise.resolve(loss)
      .then(reconnect.retry)
      .finally(() => clearTimeout(timer))
      .then(
        (answer) => isCurrent() && this.#follow(answer ?? byTable, ending),
        (error: unknown) =>
          isCurrent() && this.#end({ ...ending, errors: this.#platform.errorEvent(error, "handler") }),
      );
  }

  #follow(answer: boolean | number, ending: Ending): void {
    this.#asked = undefined;
    if (answer === false) return this.#end(ending);
    const delay = this.#policy.nextDelay(answer, ending, this.#platform.isHidden());
    if (delay === undefined) return this.#end(gaveUp(ending, this.#policy.attempt, this.#platform));
    this.#transition("retry");
    this.#reportReconnecting(ending.end, delay, errorsOf(ending, this.#platform));
    this.#timer = setTimeout(() => this.#startDial(), delay);
  }

  #reportReconnecting(
    { code, reason }: Pick<LinkEnd, "code" | "reason">,
    delay: number,
    errors: WSErrorEvent["errors"] | readonly [],
  ): void {
    const event = { type: "reconnecting", attempt: this.#policy.attempt, delay, code, reason, errors } as const;
    const report = (): unknown =>
      this.#isTerminated ? undefined : this.#callbacks.reconnecting(event, this.#platform);
    void this.#chain.run(() => this.#tellFailure(report));
  }

  /** Calls back in the chain. If it fails, so does the client: `onError` comes in the same place, before `onTerminate`. */
  async #tellFailure(callback: () => unknown): Promise<void> {
    try {
      await callback();
    } catch (error) {
      await this.#endFailed(this.#platform.errorEvent(error, "handler"));
    }
  }

  /** A callback threw while its connection was gone: the client ends. It may have ended meanwhile: then `onError` is called at once. */
  #endFailed(errors: WSErrorEvent): Promise<void> | undefined {
    this.#isTerminated = true;
    const tell = (): Promise<void> => this.#callOnError(errors);
    if (this.#state === "closed") return tell();
    if (this.#events === undefined) this.#endWithoutLink(errors);
    else {
      void this.#chain.run(tell);
      this.terminate(INTERNAL_ERROR, undefined);
    }
    return undefined;
  }

  #beginClosing({ link }: LinkEvents): void {
    this.#transition("terminate");
    this.sender.refuse();
    this.#limitEnd(link);
  }

  /** After `closeTimeout` no callback is waited for. Until then a process of Node does not end: `onTerminate` is called in any case. */
  #limitEnd(link: Link | undefined): void {
    this.#endTimer ??= setTimeout(() => {
      link?.stopWaiting();
      this.#chain.stopWaiting();
    }, this.#settings.closeTimeout);
  }

  #unlink(link: Link): void {
    if (this.#isStable) this.#policy.reset();
    this.#events = undefined;
    this.sender.unlink(link);
    this.#callbacks.disconnected();
    this.#lostAt = this.#platform.now();
    this.#dialsAtLoss = this.#dialer.count;
  }

  /** Ends a client that is not connected. */
  #endWithoutLink(errors?: WSErrorEvent | HawserError): void {
    if (this.#state === "closed" || this.#state === "closing") return;
    this.#dialer.stop();
    this.#end(endOfApplication(this.#state === "waiting" ? this.#policy.lastLoss : undefined, errors, this.#platform));
  }

  #end({ end, errors }: Ending, link?: Link): void {
    this.#transition("end");
    this.#unwatch();
    this.#settings.signal?.removeEventListener("abort", this.#onAbort);
    clearTimeout(this.#timer);
    this.sender.end();
    this.#limitEnd(link);
    if (errors !== undefined) void this.#chain.run(() => this.#callOnError(errors));
    const event: WSTerminateEvent = { type: "terminate", ...end };
    void this.#chain
      .run(() => this.#callbacks.terminate(event, this.#settings.closeTimeout, this.#platform))
      .catch((error: unknown) => this.#platform.warn(error))
      .then(() => this.#callbacks.ended(event, errors?.errors[0].cause ?? end.cause))
      .then(() => {
        clearTimeout(this.#endTimer);
        this.#resolveEnded(event);
      });
  }

  #callOnError(event: WSErrorEvent): Promise<void> {
    return this.#callbacks.reportError(event, this.#platform);
  }
}
