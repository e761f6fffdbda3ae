import type { WSDrainEvent, WSErrorEvent, WSMessageEvent } from "../connection/dispatch/events.ts";
import type { WSMessageStartEvent } from "../connection/dispatch/message-start.ts";
import { type Deferred, deferred } from "../util/deferred.ts";
import { isThenable } from "../util/thenable.ts";
import type { Link, LinkEnd, LinkListener } from "./link.ts";

/** What is delivered in order. */
export type LinkEvent = WSMessageEvent<unknown> | WSMessageStartEvent | WSDrainEvent;

/** Who has the connections: the life of the client. */
export interface LinkOwner {
  /** Calls `onOpen`, and sends what has waited. */
  onLinkOpen(events: LinkEvents): Promise<void>;
  /** Calls the callback for an event, unless the application has ended the client. */
  onLinkEvent(event: LinkEvent): unknown;
  /** Something failed. */
  onLinkFailed(events: LinkEvents, event: WSErrorEvent): unknown;
  /** The link is gone; `events.finished` settles after its last callback. */
  onLinkClosed(events: LinkEvents, end: LinkEnd): void;
}

/** Listens to one connection of a client. The application may drop it: then none of its messages is delivered any more. */
export class LinkEvents implements LinkListener {
  /** Its connection. */
  link!: Link;
  /** Settles as `onOpen` of the application, with whether it was called. */
  readonly called: Promise<boolean>;
  /** What failed; undefined: nothing. */
  failure: WSErrorEvent | undefined;
  readonly #owner: LinkOwner;
  #finished: Deferred | undefined;
  #isFinished = false;
  #running: PromiseLike<unknown> | undefined;
  #isDropped = false;
  #isCalling = false;
  #returned: Deferred | undefined;

  /** @param called settles as `onOpen` of the application, with whether it was called */
  constructor(owner: LinkOwner, called: Promise<boolean>) {
    this.#owner = owner;
    this.called = called;
    // `onOpen` tells the link.
    called.catch(() => undefined);
  }

  /** Settles when the last callback has settled. */
  get finished(): Promise<void> {
    if (this.#isFinished) return Promise.resolve();
    return (this.#finished ??= deferred()).promise;
  }

  /** Delivers nothing more. Settles as the callback that runs now: who drops the connection tells that it failed. */
  drop(): PromiseLike<unknown> | undefined {
    this.#isDropped = true;
    // It is called in a callback that has not returned its promise yet.
    if (this.#isCalling) return (this.#returned ??= deferred()).promise.then(() => this.#running);
    return this.#running;
  }

  async onOpen(): Promise<void> {
    await this.#owner.onLinkOpen(this);
  }

  onMessageStart(event: WSMessageStartEvent, isOfStream: (error: unknown) => boolean): unknown {
    return this.#deliver(event, isOfStream);
  }

  onMessage(event: WSMessageEvent<unknown>): unknown {
    return this.#deliver(event);
  }

  onDrain(event: WSDrainEvent): unknown {
    return this.#deliver(event);
  }

  #deliver(event: LinkEvent, isOfStream: (error: unknown) => boolean = never): unknown {
    if (this.#isDropped) return undefined;
    this.#isCalling = true;
    try {
      const result = this.#owner.onLinkEvent(event);
      return isThenable(result) ? this.#note(Promise.resolve(result), isOfStream) : result;
    } catch (error) {
      void this.#note(Promise.resolve(error).then(rethrow), isOfStream);
      throw error;
    } finally {
      this.#isCalling = false;
      this.#returned?.resolve();
    }
  }

  onFailed(event: WSErrorEvent): unknown {
    this.failure = event;
    // How a connection ends that nobody wants is of no interest.
    return this.#isDropped ? undefined : this.#owner.onLinkFailed(this, event);
  }

  onClosed(end: LinkEnd): void {
    this.#owner.onLinkClosed(this, end);
  }

  onFinished(): void {
    this.#isFinished = true;
    this.#finished?.resolve();
  }

  /** Notes the promise of a callback. One whose stream was cut, since its connection was dropped, has not failed. */
  #note(running: Promise<unknown>, isOfStream: (error: unknown) => boolean): Promise<unknown> {
    this.#running = running.catch((error: unknown) => {
      if (!isOfStream(error)) throw error;
    });
    this.#running.then(undefined, () => undefined);
    return running;
  }
}

function never(): boolean {
  return false;
}

function rethrow(error: unknown): never {
  throw error;
}
