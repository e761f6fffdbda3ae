/** One method of a gateway with `@SubscribeMessage`, as Nest gives it to an adapter: guards, pipes and filters are inside. */
export interface NestMessageHandler {
  /** The name of the event. */
  readonly message: unknown;
  /** Calls the method. What it resolves with is the answer, or an observable of answers. */
  readonly callback: (data: unknown, event?: unknown) => unknown;
}

/** An observable, as far as it is used. */
export interface ObservableLike {
  /** Begins. */
  subscribe(observer: ObserverLike): SubscriptionLike;
}

/** What an observable calls. */
export interface ObserverLike {
  /** With each value. */
  readonly next: (value: unknown) => void;
  /** When it has failed. */
  readonly error: (error: unknown) => void;
  /** At its end. */
  readonly complete: () => void;
}

/** A subscription to an observable. */
export interface SubscriptionLike {
  /** Ends it. */
  unsubscribe(): void;
}

/** Nest's application, or its web server. */
export type NestHost = object & { getHttpServer?(): unknown };

/** A logger, such as Nest's own. */
export interface NestLogger {
  /** Logs a failure. */
  error(message: unknown, ...more: unknown[]): unknown;
}
