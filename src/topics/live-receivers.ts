import type { Mark } from "../backplane/contract.ts";
import type { SharedMessage } from "../connection/sending/shared-message.ts";
import { type Identified, Registry } from "../util/registry.ts";
import type { Except } from "./history-context.ts";
import type { ReceiverCalls } from "./receiver-calls.ts";
import type { StoredMessage } from "./stored-message.ts";

/** Is told of those who are too slow. */
export interface SlowListener<Receiver> {
  /**
   * It gets the rest from the history, as fast as it can take it.
   *
   * @param from the message that it got last
   */
  onSlow(receiver: Receiver, isFramed: boolean, from: Mark): void;
}

/** Those who get the messages of a topic as they come. */
export class LiveReceivers<Receiver extends Identified> {
  /** Without and with header lines. */
  readonly #plain = new Registry<Receiver>();
  readonly #framed = new Registry<Receiver>();
  readonly #calls: ReceiverCalls<Receiver>;

  constructor(calls: ReceiverCalls<Receiver>) {
    this.#calls = calls;
  }

  /** Adds one. `isFramed`: its messages begin with a header line. */
  add(receiver: Receiver, isFramed: boolean): void {
    this.#registry(isFramed).add(receiver);
  }

  /** Removes one. Returns whether it was there. */
  remove(receiver: Receiver): boolean {
    return this.#plain.remove(receiver) || this.#framed.remove(receiver);
  }

  /** Those without, or with, header lines. The array never changes. */
  list(isFramed: boolean): readonly Receiver[] {
    return this.#registry(isFramed).list;
  }

  /**
   * Sends a message to all but those who are excepted.
   *
   * @param before the message before it
   * @returns false: the record is none of ours, also if nobody is here to get it
   */
  send(message: StoredMessage, before: Mark, except: Except<Receiver>, listener: SlowListener<Receiver>): boolean {
    const decoded = message.decode();
    if (decoded === undefined) return false;
    this.#calls.inSendLoop(() => {
      for (const isFramed of [false, true]) {
        const list = this.list(isFramed);
        if (list.length === 0) continue;
        const shared = message.shared(isFramed, (one) => this.#calls.share(one), decoded);
        if (shared === undefined) continue;
        for (const receiver of list) {
          if (except?.has(receiver) === true) continue;
          const sent = this.#send(receiver, shared);
          if (sent !== "accepted") listener.onSlow(receiver, isFramed, sent === "dropped" ? before : message.mark);
        }
      }
    });
    return true;
  }

  #send(receiver: Receiver, shared: SharedMessage): ReturnType<ReceiverCalls<Receiver>["send"]> {
    // Who is closed leaves soon.
    if (!this.#calls.isOpen(receiver)) return "accepted";
    return this.#calls.isCongested(receiver) ? "dropped" : this.#calls.send(receiver, shared);
  }

  #registry(isFramed: boolean): Registry<Receiver> {
    return isFramed ? this.#framed : this.#plain;
  }
}
