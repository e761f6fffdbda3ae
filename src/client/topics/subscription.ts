import type { HawserError } from "../../errors/errors.ts";
import type { ClientSubscription } from "./handler.ts";

/** A topic that a client wants, over all its connections. */
export class WantedTopic {
  readonly topic: string;
  /** The position of the last message; undefined: there is none. */
  position: string | undefined;
  /** How many of the newest messages it asks for, where something may be missing. */
  readonly last: number | undefined;
  /** Settles with the first answer. */
  readonly begun: Promise<ClientSubscription>;
  /** Whether it had an answer. */
  hasBegun = false;
  /** Whether the server has subscribed this connection. */
  isLive = false;
  #resolve!: (subscription: ClientSubscription) => void;
  #reject!: (error: HawserError) => void;

  constructor(topic: string, position: string | undefined, last: number | undefined) {
    this.topic = topic;
    this.position = position;
    this.last = last;
    this.begun = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever does not await it must not end a process of Node.
    this.begun.catch(() => undefined);
  }

  /** The server has subscribed this connection. Its messages begin at `position`. */
  begin(position: string | undefined, recovered: boolean | undefined): void {
    this.isLive = this.hasBegun = true;
    this.position = position;
    this.#resolve({ topic: this.topic, position, recovered });
  }

  /** It has ended before it began. */
  fail(error: HawserError): void {
    this.#reject(error);
  }
}
